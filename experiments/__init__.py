"""Runs the suites: the only package that imports models, datamodules and benchmarks together.

Reading order: config.py (what a cell is), planning/suite.py (what an arm may differ in),
planning/graph.py (the steps of a cell), store/steps.py (how one step runs once), planning/plan.py
and running/ablate.py (how all of them run).
"""
