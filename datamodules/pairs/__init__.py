"""Images with texts from a user's own files: read, mixed, checked, dealt out, precomputed."""
