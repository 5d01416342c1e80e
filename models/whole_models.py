"""Published models with all their weights: what a checkpoint lacks would be drawn at random."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from models.tensor_faults import reported_faults


def whole_model(
    kind: Any, name: str | Path, spare: str = "", exact: bool = False, **settings: Any
) -> Any:
    """The model of a class of transformers or diffusers, from a folder or hub id.

    Tensors whose names begin with `spare` may be missing; there may be more tensors than the model
    has, unless `exact`. Raises OSError where there is no such checkpoint, ValueError for a
    safetensors file that is cut, and for tensors that are missing or misshapen, all of them named.
    """
    whole = {"output_loading_info": True, "ignore_mismatched_sizes": True}
    try:
        model, about = kind.from_pretrained(name, **whole, **settings)
    except (SafetensorError, OSError) as error:  # diffusers makes one of the other
        if where := ", ".join(cut_files(Path(name, settings.get("subfolder", "")))):
            raise ValueError(f"{where} must be a whole safetensors file: {error}.") from error
        raise
    missing = [one for one in about["missing_keys"] if not (spare and one.startswith(spare))]
    extra = about["unexpected_keys"] if exact else ()
    judged = {**about, "missing_keys": missing, "unexpected_keys": extra}
    if faults := ", ".join(reported_faults(judged)):
        raise ValueError(f"{name} must hold all weights of {type(model).__name__}, got {faults}.")
    return model


def cut_files(folder: Path) -> Iterator[str]:
    """The safetensors files of a folder that cannot be opened."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt"):
                pass
        except SafetensorError:
            yield str(path)
