"""Benchmarks of understanding: questions about images, scored from the answers alone."""
