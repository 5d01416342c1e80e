"""One network of diffusers from its own folder or from a pipeline's (`vqvae/`, `vae/`, `movq/`)."""

import json
from pathlib import Path
from typing import Any

from models.tensor_faults import reported_faults

PARTS = ("vqvae", "vae", "movq")


def open_part(folder: Path, *known: Any) -> Any:
    """The network, of one of the `known` classes.

    Raises ValueError for another class, and names missing, extra and misshapen tensors.
    """
    inside = [folder / part for part in PARTS if (folder / part / "config.json").exists()]
    where = folder if (folder / "config.json").exists() or not inside else inside[0]
    if not (where / "config.json").exists():
        raise ValueError(
            f"tokenizer.path must hold a config.json, or one under {', '.join(PARTS)}, "
            f"got {folder}."
        )
    named = json.loads((where / "config.json").read_text()).get("_class_name")
    classes = {kind.__name__: kind for kind in known}
    if named not in classes:
        raise ValueError(
            f"tokenizer.path must hold one of {', '.join(classes)} of diffusers, got {named}."
        )
    try:
        network, about = classes[named].from_pretrained(where, output_loading_info=True)
    except OSError as error:
        raise ValueError(f"tokenizer.path must hold whole files, got {where}: {error}") from None
    if faults := reported_faults(about):
        raise ValueError(
            f"tokenizer.path must hold the tensors that its settings ask for, got in {where}: "
            f"{', '.join(faults)}."
        )
    return network
