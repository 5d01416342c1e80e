"""FLOPs of a training step, counted without paying for it."""
