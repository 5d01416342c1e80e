"""Janus' image tokenizer (arXiv 2410.13848): LlamaGen's VQ (arXiv 2406.06525), by transformers.

Its encoder quantises to the nearest vector; its decoder reads vectors of unit length.
"""

from pathlib import Path

from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding, normalize
from transformers import JanusVQVAE, JanusVQVAEConfig

from models.tokenizers.checkpoint import fill, read_settings, read_tensors
from models.tokenizers.pixel_scale import read_scale
from models.tokenizers.pretrained import CodebookCodec


class JanusCodec(CodebookCodec):
    kind = "janus"

    @classmethod
    def open(cls, folder: Path) -> "JanusCodec":
        config = JanusVQVAEConfig.from_dict(read_settings(folder))
        network = JanusVQVAE(config)
        fill(network, read_tensors(folder), folder)
        patch = 2 ** (len(config.channel_multiplier) - 1)
        vectors = normalize(network.quantize.embedding.weight, dim=-1)
        return cls(network, vectors, patch, read_scale(folder))

    def quantise(self, pixels: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b y x"]:
        codes = self.network.encode(pixels).image_tokens
        return rearrange(codes, "(b y x) -> b y x", b=len(pixels), y=self.config.grid)

    def restore(self, squares: Int[Tensor, "b y x"]) -> Float[Tensor, "b 3 h w"]:
        """As `decode` of transformers, which takes images of one size alone."""
        vectors = rearrange(embedding(squares, self.table), "b y x l -> b l y x")
        return self.network.decoder(self.network.post_quant_conv(vectors))
