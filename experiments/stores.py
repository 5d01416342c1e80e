"""The training sequences of a task with what a batch holds beside their tokens."""

from collections.abc import Mapping
from pathlib import Path

from datamodules.features import LATENTS, FeatureStore
from datamodules.sequences import SequenceStore


def read_store(inputs: Mapping[str, Path], task: str) -> SequenceStore:
    """For `understand` with the features that the arm's encoder gave, for `generate` with latents
    where images have no codes."""
    data = inputs["data"]
    if task == "understand" and "features" in inputs:
        return FeatureStore.load_with(data, task, inputs["features"])
    if task == "generate" and (data / LATENTS).exists():
        return FeatureStore.load_with(data, task, data / LATENTS, LATENTS)
    return SequenceStore.load(data, task)
