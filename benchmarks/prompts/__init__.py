"""The embedded world's prompts in the official file forms, a module a benchmark.

A module knows no benchmark but its own, so that a change of one leaves the prompts of the others
as they are.
"""
