"""One network of diffusers from its own folder or from a pipeline's (`vqvae/`, `vae/`)."""

from pathlib import Path
from typing import Any

PARTS = ("vqvae", "vae", "movq")
FAULTS = {"missing_keys": "missing", "unexpected_keys": "extra", "mismatched_keys": "misshapen"}


def open_part(kind: Any, folder: Path) -> Any:
    """The network of class `kind`; ValueError names missing, extra and misshapen tensors."""
    inside = [folder / part for part in PARTS if (folder / part / "config.json").exists()]
    where = folder if (folder / "config.json").exists() or not inside else inside[0]
    if not (where / "config.json").exists():
        raise ValueError(
            f"tokenizer.path must hold a config.json, or one under {', '.join(PARTS)}, "
            f"got {folder}."
        )
    network, about = kind.from_pretrained(where, output_loading_info=True)
    faults = [f"{word} {name}" for key, word in FAULTS.items() for name in about.get(key, ())]
    if faults:
        raise ValueError(
            f"tokenizer.path must hold the tensors that its settings ask for, got in {where}: "
            f"{', '.join(faults)}."
        )
    return network
