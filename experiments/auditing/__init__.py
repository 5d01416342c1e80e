"""A person judges blind samples; how far the judges agree."""
