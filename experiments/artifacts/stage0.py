"""Stage 0: the shared trunk on the world's text alone; every arm of the seed starts from it."""

from pathlib import Path
from types import SimpleNamespace

from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from experiments.build import read_tokenizer, text_module
from experiments.fit import NOTHING
from experiments.parallel.fit import fit_on_ranks
from experiments.parallel.launch import on_ranks
from models.text_tokens import DROP


def stage0(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Trains on captions, questions with answers, and facts; no image is seen."""
    on_ranks(config.execution, train_text, out, out, config, inputs)


def train_text(out: Path, home: Path, config: SimpleNamespace, inputs: dict[str, Path]) -> None:
    """What each of the processes does that train the model."""
    stores = {"understand": SequenceStore.load(inputs["texts"], "text")}
    sizes = {"understand": config.stage0.understand_batch}
    data = SequenceData(stores, sizes, PromptDrop(0, DROP), config.seed, config.stage0.steps)
    module = text_module(config, read_tokenizer(inputs["tokenizer"]))
    fit_on_ranks(module, data, out, home, NOTHING, config.execution)
