"""GGUF files of Llama- and Qwen-family models, dequantised to fp32 by the package `gguf`."""

from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from gguf import GGUFReader
from gguf.quants import dequantize
from torch import Tensor

PAIRED = (".attn_q.weight", ".attn_k.weight")


def read_gguf(path: Path, config: Any) -> dict[str, Tensor]:
    """All tensors of the file by their own names, fp32, outputs first.

    llama.cpp lays a head's rotated pairs side by side in models of the form llama; here, as in
    Hugging Face's, channel i is rotated against channel i + c/2.
    """
    heads = (config.num_attention_heads, config.num_key_value_heads)
    found = {}
    for tensor in GGUFReader(path).tensors:
        value = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        if config.model_type == "llama" and tensor.name.endswith(PAIRED):
            count = heads[PAIRED.index(tensor.name[tensor.name.rindex(".attn") :])]
            value = rearrange(value, "(h c two) d -> (h two c) d", h=count, two=2)
        found[tensor.name] = value
    return found
