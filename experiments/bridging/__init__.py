"""Bridges between published models: trained in stages, planned on paper."""
