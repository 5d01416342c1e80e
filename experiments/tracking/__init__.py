"""What MLflow shows of a run: the mirror that fills it, the views, and the page."""
