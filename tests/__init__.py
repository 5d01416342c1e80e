"""One folder a package, one file a module; fakes are imported by the processes under test."""
