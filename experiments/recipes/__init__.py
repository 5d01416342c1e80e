"""Training in stages as the papers do it: papers/*.yaml, whose stages become cells (recipe.py)."""
