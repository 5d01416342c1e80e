"""Emu3's image tokenizer (arXiv 2409.18869), by transformers: a video codec given a still image."""

from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import Emu3VQVAE, Emu3VQVAEConfig

from models.tokenizers.checkpoint import fill, read_settings, read_tensors
from models.tokenizers.pixel_scale import read_scale
from models.tokenizers.pretrained import CodebookCodec


class Emu3Codec(CodebookCodec):
    kind = "emu3"

    @classmethod
    def open(cls, folder: Path) -> "Emu3Codec":
        network = Emu3VQVAE(Emu3VQVAEConfig.from_dict(read_settings(folder)))
        fill(network, read_tensors(folder), folder)
        vectors = network.quantize.embedding.weight
        return cls(network, vectors, network.vision_spatial_factor, read_scale(folder))

    def quantise(self, pixels: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b y x"]:
        sizes = torch.tensor([pixels.shape[-2:]] * len(pixels))
        return torch.stack(self.network.encode(pixels, sizes).image_tokens)

    def restore(self, squares: Int[Tensor, "b y x"]) -> Float[Tensor, "b 3 h w"]:
        return self.network.decode(squares)
