"""The models that prepare data are refused unless all their weights are there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertConfig, BertModel

from datamodules.mining.encoders import UNREAD, PageEncoder
from datamodules.mining.writers import LocalWriter
from datamodules.pairs.encoders import DiffusersEncoder
from datamodules.whole_models import whole_model
from tests.benchmarks.judges.tiny import save_clip, save_vision_language
from tests.datamodules.pairs.tiny_autoencoders import save

Open = Callable[[str], Any]
OPENED: dict[str, tuple[Callable[[Path], Path], Open, str, str]] = {
    "autoencoder": (
        lambda folder: save("AutoencoderKL", folder),
        lambda name: DiffusersEncoder(name, device="cpu"),
        "encoder.conv_in.bias",
        "encoder.conv_in.weight",
    ),
    "pages": (
        save_clip,
        lambda name: PageEncoder(name, "cpu"),
        "text_projection.weight",
        "visual_projection.weight",
    ),
    "writer": (
        save_vision_language,
        lambda name: LocalWriter(name, "cpu"),
        "layers.0.mlp.up_proj.weight",
        "layers.0.mlp.down_proj.weight",
    ),
}


def weights_file(folder: Path) -> Path:
    return next(folder.glob("*.safetensors"))


@pytest.mark.parametrize("user", OPENED)
def test_missing_and_misshapen_tensors_are_refused_and_named(user: str, tmp_path: Path) -> None:
    make, opened, lost, cut = OPENED[user]
    path = weights_file(make(tmp_path / user))
    tensors = load_file(path)
    lost, cut = (next(n for n in tensors if n.endswith(name)) for name in (lost, cut))
    del tensors[lost]
    tensors[cut] = torch.zeros(3)
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(ValueError, match=r"must hold all weights of") as refused:
        opened(str(tmp_path / user))
    named = str(refused.value).partition(", got ")[2]
    short = [name.rpartition("layers.")[2] for name in (lost, cut)]
    assert [word.split()[0] for word in named.split(", ")] == ["missing", "misshapen"]
    assert all(name in named for name in short)


@pytest.mark.parametrize("user", ["pages", "writer"])
def test_a_cut_file_is_named(user: str, tmp_path: Path) -> None:
    make, opened, *_ = OPENED[user]
    path = weights_file(make(tmp_path / user))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=rf"{path} must be a whole safetensors file: "):
        opened(str(tmp_path / user))


def test_what_is_not_read_of_a_model_may_be_missing(tmp_path: Path) -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1}
    config = BertConfig(vocab_size=9, num_hidden_layers=1, **sizes)
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    assert whole_model(AutoModel, str(tmp_path), UNREAD).pooler is not None
    with pytest.raises(ValueError, match=r"got missing pooler\.dense\.bias, missing pooler\.dense"):
        whole_model(AutoModel, str(tmp_path))
