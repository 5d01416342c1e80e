"""The form of a checkpoint, by its `config.model_type`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoProcessor,
    Emu3ForConditionalGeneration,
    JanusForConditionalGeneration,
)

from models.pretrained.unified.emu3 import Emu3Form
from models.pretrained.unified.form import UnifiedForm
from models.pretrained.unified.janus import JanusForm
from models.whole_models import whole_model

FORMS = {
    "emu3": (Emu3Form, Emu3ForConditionalGeneration),
    "janus": (JanusForm, JanusForConditionalGeneration),
}


def open_form(path: str) -> UnifiedForm:
    """The model of a folder or hub id.

    Raises OSError where there is none, ValueError for a model of another kind, for a file that is
    cut, and for tensors that are missing or misshapen, all of them named.
    """
    kind = AutoConfig.from_pretrained(path).model_type
    if kind not in FORMS:
        raise ValueError(f"path must name one of {', '.join(FORMS)}, got {kind} in {path}.")
    form, model_class = FORMS[kind]
    return form(
        whole_model(model_class, path, dtype=torch.float32), AutoProcessor.from_pretrained(path)
    )


def blueprint(path: str, kind: str, shape: Mapping[str, Any]) -> UnifiedForm:
    """The form without memory and without a processor: names and shapes alone.

    A folder is asked for its own config; a hub id has the sizes of `shape`, and transformers'
    defaults for `kind` where it says nothing. ValueError for another kind.
    """
    local = AutoConfig.from_pretrained(path) if Path(path).is_dir() else None
    found = local.model_type if local else kind
    if found not in FORMS:
        raise ValueError(f"kind must be one of {', '.join(FORMS)}, got {found!r}.")
    form, model_class = FORMS[found]
    config = local or model_class.config_class(**shape)
    if found == "emu3" and config.vocabulary_map is None:
        config.vocabulary_map = {}
    with torch.device("meta"):
        return form(model_class(config), None)
