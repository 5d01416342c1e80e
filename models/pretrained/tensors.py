"""The tensors of a checkpoint's files by our names: all that the config promises, and no others."""

from collections.abc import Callable, Mapping
from json import JSONDecodeError, loads
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.pretrained.names import HEAD, WORDS
from models.pretrained.trunk_config import PretrainedTrunkConfig
from models.shared import Shared, SharedConfig
from models.tensor_faults import shapes, tensor_faults

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
DERIVED = "rotary_emb.inv_freq"
"""A buffer that older checkpoints hold and that follows from the config."""


def expected_shapes(
    trunk: PretrainedTrunkConfig, words: int, tied: bool
) -> dict[str, tuple[int, ...]]:
    """Our names of a language model's tensors, each with its shape."""
    with torch.device("meta"):
        layers = Shared(SharedConfig(trunk=trunk))
    outside = (WORDS,) if tied else (WORDS, HEAD)
    return shapes(dict(layers.named_parameters())) | dict.fromkeys(outside, (words, trunk.width))


def read_safetensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder by their own names, of one file or of the files of its index.

    ValueError where a file is missing or cut.
    """
    index = folder / INDEX
    files = indexed_files(index) if index.is_file() else [WHOLE]
    if missing := [name for name in files if not (folder / name).is_file()]:
        raise ValueError(f"{folder} must hold {', '.join(missing)}, got no such file.")
    found: dict[str, Tensor] = {}
    for name in files:
        try:
            found |= load_file(folder / name)
        except SafetensorError as error:
            raise ValueError(f"{folder / name} must be a whole safetensors file: {error}") from None
    return found


def indexed_files(index: Path) -> list[str]:
    """The files that an index names; ValueError for an index that is cut."""
    try:
        return sorted(set(loads(index.read_text())["weight_map"].values()))
    except (JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{index} must map tensors to files in weight_map: {error}.") from error


def by_our_names(
    found: Mapping[str, Tensor],
    expected: Mapping[str, tuple[int, ...]],
    rename: Callable[[str], str],
    label: str,
) -> dict[str, Tensor]:
    """The `found` tensors in fp32 by our names.

    `rename` gives their name of ours; `label` names the checkpoint in errors. Raises ValueError
    that names every missing, extra and misshapen tensor by its name in the checkpoint. A head that
    a tied checkpoint holds besides is its words once more and is left out.
    """
    ours = {rename(name): name for name in expected}
    tied = {rename(HEAD)} - set(ours)
    spare = [n for n in found if n not in ours and (n in tied or n.endswith(DERIVED))]
    given = {name: shape for name, shape in shapes(found).items() if name not in spare}
    if faults := tensor_faults({name: expected[own] for name, own in ours.items()}, given):
        raise ValueError(f"{label} must hold its config's tensors, got {', '.join(faults)}.")
    return {own: found[name].float() for name, own in ours.items()}
