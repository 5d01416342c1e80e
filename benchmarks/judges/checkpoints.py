"""Checkpoints of transformers from a folder or the hub: loaded whole or refused, and named by
content.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

WEIGHTS = ("*.safetensors", "*.bin", "*.json")


def load_part(what: Callable[..., Any], name: str, **settings: Any) -> Any:
    """Return `what` (a `from_pretrained`) of a folder or hub id.

    OSError in one line if there is no such checkpoint, or it is damaged.
    """
    try:
        return what(name, **settings)
    except (OSError, SafetensorError, RuntimeError) as error:
        where = (
            "a whole checkpoint of its kind"
            if Path(name).is_dir()
            else "a folder, or a hub id that is cached or can be reached"
        )
        reason = str(error).strip().splitlines()[0][:200]
        raise OSError(f"a checkpoint must be {where}, got {name!r}: {reason}") from error


def load_model(
    kind: Any, name: str, device: torch.device, dtype: torch.dtype, **settings: Any
) -> Any:
    """Return the model of a checkpoint, for inference; `settings` go to its class.

    ValueError if the checkpoint lacks weights, which would otherwise be drawn at random.
    """
    model, about = load_part(
        kind.from_pretrained, name, output_loading_info=True, dtype=dtype, **settings
    )
    if lacking := sorted([*about["missing_keys"], *map(str, about["mismatched_keys"])]):
        raise ValueError(
            f"{name!r} must hold all weights of {type(model).__name__}, "
            f"got {len(lacking)} missing: {lacking[0]}."
        )
    return model.eval().to(device)


def chosen_device(name: str | None) -> torch.device:
    """Return the device of that name, or the GPU if there is one: of several, the one of this
    process's number on the machine (LOCAL_RANK, as torchrun and Lightning set it).
    """
    if name or not torch.cuda.is_available():
        return torch.device(name or "cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def revision(name: str, config: Any) -> str:
    """Return what tells checkpoints of one name apart: the hub's commit, or the folder's hash."""
    folder = Path(name)
    if not folder.is_dir():
        return f"commit {getattr(config, '_commit_hash', None)}"
    digest = hashlib.sha256()
    for path in sorted(path for pattern in WEIGHTS for path in folder.rglob(pattern)):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return f"sha256 {digest.hexdigest()}"


def short_name(name: str) -> str:
    """Return the last part of a folder or hub id, for the names of metrics."""
    return Path(name).resolve().name if Path(name).is_dir() else name.rpartition("/")[2]
