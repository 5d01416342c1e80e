"""The functions that may train a stage, by the name that a recipe's `stage.trainer` gives."""

TRAINERS = {
    "arm": "experiments.recipes.train:train",
    "joined_experts": "experiments.recipes.joined_experts:train",
}
"""Each is a step `(config, inputs, out)` that ends in `run_stage`, and its code is part of the
step's key. `joined_experts` starts from two cells in place of one."""
