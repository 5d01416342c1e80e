"""Published models with all their weights: what a checkpoint lacks would be drawn at random.

As models/whole_models.py, which this package must not import, for the models that prepare data.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

REPORTED = {"missing_keys": "missing", "mismatched_keys": "misshapen"}


def whole_model(kind: Any, name: str, spare: str = "", **settings: Any) -> Any:
    """The model of a class of transformers or diffusers, from a folder or hub id.

    Tensors whose names begin with `spare` may be missing. Raises OSError where there is no such
    checkpoint, ValueError for a safetensors file that is cut, and for tensors that are missing or
    misshapen, all of them named.
    """
    whole = {"output_loading_info": True, "ignore_mismatched_sizes": True}
    try:
        model, about = kind.from_pretrained(name, **whole, **settings)
    except (SafetensorError, OSError) as error:  # diffusers makes one of the other
        if where := ", ".join(cut_files(Path(name, settings.get("subfolder") or ""))):
            raise ValueError(f"{where} must be a whole safetensors file: {error}.") from error
        raise
    found = [(word, one) for word, one in reported(about) if not (spare and one.startswith(spare))]
    if found:
        faults = ", ".join(f"{word} {one}" for word, one in found)
        raise ValueError(f"{name} must hold all weights of {type(model).__name__}, got {faults}.")
    return model


def reported(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with each tensor, and its name; a misshapen one may come with its shapes."""
    for key, word in REPORTED.items():
        for one in sorted(about[key], key=str):
            yield word, one if isinstance(one, str) else one[0]


def cut_files(folder: Path) -> Iterator[str]:
    """The safetensors files of a folder that cannot be opened."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt"):
                pass
        except SafetensorError:
            yield str(path)
