"""Published unified models tuned with the interaction loss: papers/*.yaml, one file a recipe."""
