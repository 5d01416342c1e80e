"""A language model read from disk, and written back so that transformers reads it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import save_torch_state_dict
from torch import Tensor

from models.pretrained.gguf_file import read_gguf
from models.pretrained.names import HEAD, gguf_name, hugging_face_name
from models.pretrained.source import Source, locate
from models.pretrained.tensors import by_our_names, expected_shapes, read_safetensors
from models.pretrained.trunk_config import PretrainedTrunkConfig, trunk_config


@dataclass(frozen=True)
class Checkpoint:
    """`tensors` are a shared trunk's by its own names, `words.weight` `[v d]` and, where the head
    is not the words once more, `head.weight` `[v d]`; `config` is the transformers config."""

    config: Any
    trunk: PretrainedTrunkConfig
    tensors: dict[str, Tensor]

    @property
    def tied(self) -> bool:
        return HEAD not in self.tensors


def read_checkpoint(source: Source | str) -> Checkpoint:
    """Raises ValueError for a model that our block is not, and one that names every missing, extra
    and misshapen tensor."""
    source = locate(source) if isinstance(source, str) else source
    config = source.config()
    trunk = trunk_config(config)
    expected = expected_shapes(trunk, config.vocab_size, config.tie_word_embeddings)
    if source.gguf:
        path = source.folder / source.gguf
        found, rename = read_gguf(path, config), gguf_name
    else:
        path = source.folder
        found, rename = read_safetensors(path), hugging_face_name
    return Checkpoint(config, trunk, by_our_names(found, expected, rename, str(path)))


def save_checkpoint(checkpoint: Checkpoint, folder: Path, shard: str = "5GB") -> None:
    """Writes `config.json` and safetensors files of at most `shard`, with an index where there are
    several. Raises ValueError where the tensors are not those of the config."""
    expected = expected_shapes(checkpoint.trunk, checkpoint.config.vocab_size, checkpoint.tied)
    tensors = by_our_names(checkpoint.tensors, expected, lambda name: name, "the model")
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.config.save_pretrained(folder)
    named = {hugging_face_name(name): value.contiguous() for name, value in tensors.items()}
    save_torch_state_dict(named, folder, max_shard_size=shard)
