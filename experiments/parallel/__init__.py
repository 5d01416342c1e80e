"""Training and evaluation on several devices: an arm's step, spread over processes."""
