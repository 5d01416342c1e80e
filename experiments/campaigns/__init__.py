"""Commands that run several ablations: calibration, sequential decisions, ladders."""
