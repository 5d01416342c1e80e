"""What an ablation would run: suites, their claims, the steps of cells, their keys and time."""
