"""What a run will take on named devices, before it is started: docs/scaling.md."""
