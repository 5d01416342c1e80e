"""An ablation at work: its units in parallel processes, and their progress."""
