"""Stage 0: the shared trunk on the world's text alone; every arm of the seed starts from it.

No image is seen: an unfitted image tokenizer gives the sizes, and stage 0 runs while the other is
fitted. Where a published language model is named, that is stage 0: it is read, and nothing is
trained.
"""

from pathlib import Path
from types import SimpleNamespace

from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from experiments.build import text_module, vocabulary
from experiments.fitting.fit import NOTHING, save_weights
from experiments.language import checkpoint_of
from experiments.language.trunk import trunk_of
from experiments.language.words import published_words
from experiments.parallel.fit import fit_on_ranks
from experiments.parallel.launch import on_ranks
from experiments.store.markers import write_json
from models.text_tokens import DROP
from models.tokenizers.kinds import new_codec


def stage0(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Trains on captions, questions with answers, and facts."""
    if checkpoint := checkpoint_of(config):
        read_published(checkpoint, config, out)
    else:
        on_ranks(config.execution, train_text, out, out, config, inputs)


def train_text(out: Path, home: Path, config: SimpleNamespace, inputs: dict[str, Path]) -> None:
    """What each of the processes does that train the model."""
    stores = {"understand": SequenceStore.load(inputs["texts"], "text")}
    sizes = {"understand": config.stage0.understand_batch}
    data = SequenceData(stores, sizes, PromptDrop(0, DROP), config.seed, config.stage0.steps)
    module = text_module(config, new_codec(config.tokenizer))
    fit_on_ranks(module, data, out, home, NOTHING, config.execution)


def read_published(checkpoint: str, config: SimpleNamespace, out: Path) -> None:
    """Writes the published model as stage 0 leaves its own; what it has cost is not known."""
    from models.pretrained.checkpoint import read_checkpoint  # they import transformers
    from models.pretrained.text_model import PretrainedModule, text_model

    trunk_of(config)
    words = vocabulary(config, new_codec(config.tokenizer))
    read = read_checkpoint(checkpoint)
    model = text_model(read, published_words(checkpoint), words, config.seed)
    module = PretrainedModule(model, config.stage0, config.seed)
    save_weights(module.state_dict(), out / "model.pt")
    write_json(out / "summary.json", {"flops": 0, "tokens": 0, "checkpoint": checkpoint})
