"""Cells whose prompts hold images: their training data, their model, their benchmarks' steps."""
