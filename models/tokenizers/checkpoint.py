"""A part of a Hugging Face checkpoint: its config and its tensors, and no more than those are read.

A tokenizer lies in a folder of its own, or inside a whole model's, where its settings stand under
`vq_config` and its tensors under `vqmodel.`.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from models.hub import downloaded
from models.tensor_faults import shapes, tensor_faults

FILES = ["*.json", "*.safetensors"]
OTHER_PARTS = ["text_encoder*", "transformer/*", "unet/*", "safety_checker/*"]
"""Of a pipeline, what no tokenizer needs."""
SETTINGS, TENSORS = "vq_config", "vqmodel."


def local_folder(path: str, field: str) -> Path:
    """The folder of a checkpoint, fetched where `path` names a hub's repository.

    Raises ValueError that names `field` where there is neither.
    """
    if Path(path).is_dir():
        return Path(path)
    return downloaded(path, FILES, OTHER_PARTS, field)


def read_settings(folder: Path) -> dict[str, Any]:
    """The tokenizer's settings; ValueError where the folder is no checkpoint."""
    path = folder / "config.json"
    if not path.exists():
        raise ValueError(f"tokenizer.path must hold a config.json, got {folder}.")
    settings = json.loads(path.read_text())
    return settings.get(SETTINGS, settings)


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The tokenizer's tensors, from one file or several.

    Raises ValueError where there is no such file, or a damaged one.
    """
    whole = SETTINGS in json.loads((folder / "config.json").read_text())
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise ValueError(f"tokenizer.path must hold tensors as .safetensors, got {folder}.")
    tensors: dict[str, Tensor] = {}
    for path in paths:
        try:
            tensors |= read_file(path, whole)
        except SafetensorError as error:
            raise ValueError(f"tokenizer.path must hold whole files, got {path}: {error}") from None
    return tensors


def read_file(path: Path, whole: bool) -> dict[str, Tensor]:
    """The tokenizer's tensors in one file, of a `whole` model or of a tokenizer alone."""
    tensors = {}
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 (it is no mapping)
            _, found, rest = name.partition(TENSORS)
            if not whole or found:
                tensors[rest if whole else name] = file.get_tensor(name)
    return tensors


def fill(network: nn.Module, tensors: dict[str, Tensor], folder: Path) -> None:
    """Load `tensors`; ValueError names every missing, extra and misshapen one."""
    if faults := tensor_faults(shapes(network.state_dict()), shapes(tensors)):
        raise ValueError(
            f"tokenizer.path must hold the tensors that its settings ask for, got in {folder}: "
            f"{', '.join(faults)}."
        )
    network.load_state_dict(tensors)
