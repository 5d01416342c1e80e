"""Steps that run once: their folders, the markers of finished ones, what an unfinished one says."""
