"""Bridges between published models: trained in stages, served to benchmarks, planned on paper."""
