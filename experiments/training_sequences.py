"""What an arm is trained on: the sequences of its tasks with what a batch holds beside tokens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from datamodules.features import LATENTS, FeatureStore
from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from models import Task
from models.text_tokens import DROP


def training_sequences(
    config: SimpleNamespace, inputs: Mapping[str, Path], tasks: Sequence[Task]
) -> SequenceData:
    """The batches of `tasks`, in the order of the seed, from the stage's first on; a task without a
    batch is dealt none."""
    stores = {task: read_store(inputs, task) for task in tasks}
    sizes = {task: config.train.batch(task) for task in tasks}
    drop = PromptDrop(config.train.prompt_drop, DROP)
    steps = config.train.steps
    return SequenceData(stores, sizes, drop, config.seed, steps, config.train.stage * steps)


def read_store(inputs: Mapping[str, Path], task: str) -> SequenceStore:
    """For `understand` with the features that the arm's encoder gave, for `generate` with latents
    where images have no codes."""
    data = inputs["data"]
    if task == "understand" and "features" in inputs:
        return FeatureStore.load_with(data, task, inputs["features"])
    if task == "generate" and (data / LATENTS).exists():
        return FeatureStore.load_with(data, task, data / LATENTS, LATENTS)
    return SequenceStore.load(data, task)
