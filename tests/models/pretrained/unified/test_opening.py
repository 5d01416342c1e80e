"""Which checkpoints are opened, and which are refused."""

import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.pretrained.unified.emu3 import Emu3Form
from models.pretrained.unified.janus import JanusForm
from models.pretrained.unified.opening import blueprint, open_form
from tests.benchmarks.adapters.tiny_models import save_qwen2_vl
from tests.models.pretrained.unified.tiny import DEPTH, save_tiny


def test_the_form_is_that_of_the_checkpoint(opened) -> None:
    assert isinstance(opened("emu3"), Emu3Form)
    assert isinstance(opened("janus"), JanusForm)


def test_a_model_of_another_kind_is_refused(tmp_path) -> None:
    folder = save_qwen2_vl(tmp_path / "qwen")
    with pytest.raises(ValueError, match="must name one of emu3, janus, got qwen2_vl"):
        open_form(str(folder))


def test_missing_and_misshapen_tensors_and_a_cut_file_are_named(tmp_path) -> None:
    folder = save_tiny("janus", tmp_path / "janus")
    path = folder / "model.safetensors"
    tensors, layer = load_file(path), "model.language_model.layers.0.mlp"
    del tensors[f"{layer}.up_proj.weight"]
    tensors[f"{layer}.down_proj.weight"] = torch.zeros(3)
    save_file(tensors, path, {"format": "pt"})
    named = f"got missing {layer}.up_proj.weight, misshapen {layer}.down_proj.weight."
    with pytest.raises(ValueError, match=re.escape(named)):
        open_form(str(folder))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=rf"{path} must be a whole safetensors file: "):
        open_form(str(folder))


def test_a_blueprint_has_the_folders_sizes_and_no_memory(folders) -> None:
    form = blueprint(str(folders["emu3"]), "janus", {})
    assert isinstance(form, Emu3Form)
    assert form.depth == DEPTH
    assert form.model.lm_head.weight.is_meta


def test_a_blueprint_of_a_hub_id_has_the_sizes_given() -> None:
    sizes = {"text_config": {"num_hidden_layers": 2, "hidden_size": 64, "vocab_size": 50}}
    form = blueprint("someone/a-janus", "janus", sizes)
    assert (form.depth, form.model.lm_head.out_features) == (2, 50)
    with pytest.raises(ValueError, match="kind must be one of emu3, janus, got 'llava'"):
        blueprint("someone/a-llava", "llava", {})
