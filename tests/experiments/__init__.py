"""The runner, the statistics and the outputs, on small fakes."""
