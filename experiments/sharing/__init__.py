"""Arms outside their run: as a folder that stands alone, as a benchmark's model, and on a page."""
