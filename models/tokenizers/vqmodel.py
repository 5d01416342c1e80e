"""Any VQModel of diffusers: the VQGAN of taming transformers (arXiv 2012.09841) and its kin."""

from pathlib import Path

from diffusers.models.autoencoders.vq_model import VQModel
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from models.tokenizers.diffusers_part import open_part
from models.tokenizers.pixel_scale import PixelScale
from models.tokenizers.pretrained import CodebookCodec


class VQModelCodec(CodebookCodec):
    kind = "vqmodel"

    @classmethod
    def open(cls, folder: Path) -> "VQModelCodec":
        network = open_part(folder, VQModel)
        patch = 2 ** (len(network.config["block_out_channels"]) - 1)
        return cls(network, network.quantize.embedding.weight, patch, PixelScale())

    def quantise(self, pixels: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b y x"]:
        _, _, (_, _, codes) = self.network.quantize(self.network.encode(pixels).latents)
        return rearrange(codes, "(b y x) -> b y x", b=len(pixels), y=self.config.grid)

    def restore(self, squares: Int[Tensor, "b y x"]) -> Float[Tensor, "b 3 h w"]:
        """As `decode` of diffusers does from vectors that are quantised already."""
        network = self.network
        vectors = network.quantize.get_codebook_entry(squares.flatten(), (*squares.shape, -1))
        spatial = vectors if network.config["norm_type"] == "spatial" else None
        return network.decoder(network.post_quant_conv(vectors), spatial)
