"""A trained cell meets the benchmarks: the model that they see, sampling, curve, and the steps that
score it."""
