"""`hf:FOLDER_OR_HUB_ID`: a model of transformers, by its `config.model_type`."""

from transformers import AutoConfig

from benchmarks.adapters.emu3 import Emu3
from benchmarks.adapters.image_text import ImageTextModel
from benchmarks.adapters.janus import Janus
from benchmarks.judges.checkpoints import load_part

KINDS: dict[str, type[ImageTextModel]] = {"emu3": Emu3, "janus": Janus}
"""Those that draw; any other image-text-to-text model answers."""


def open_model(name: str) -> ImageTextModel:
    """Return the model of a folder or hub id; OSError in one line if it cannot be loaded."""
    config = load_part(AutoConfig.from_pretrained, name.partition("?")[0])
    return KINDS.get(config.model_type, ImageTextModel)(name)
