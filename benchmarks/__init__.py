"""Benchmarks: each draws or asks (`generate`), has outputs judged (`judge`) and scores records
(`score`).

A benchmark knows a model by `protocol.Model` alone, so that any model can be measured; it never
imports `models`.
"""
