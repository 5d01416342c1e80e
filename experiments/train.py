"""The step `train` of a cell: one arm on the tasks that have a weight."""

from pathlib import Path
from types import SimpleNamespace

from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from experiments.build import build_module, trained_tasks
from experiments.fit import fit
from models.text_tokens import DROP


def train(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Trains one arm on the tasks that have a weight."""
    stores = {
        task: SequenceStore.load(inputs["data"], task) for task in trained_tasks(config.train)
    }
    sizes = {
        "understand": config.train.understand_batch,
        "generate": config.train.generate_batch,
    }
    drop = PromptDrop(config.train.prompt_drop, DROP)
    data = SequenceData(stores, sizes, drop, config.seed, config.train.steps)
    fit(build_module(config, inputs), data, out)
