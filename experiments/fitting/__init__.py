"""One training by Lightning: its loop, the files that it leaves, and how it goes on where it was
killed."""
