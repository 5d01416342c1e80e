"""`residual`: several codes a patch, each quantising what the ones before it left over.

It is the codec of image_tokens.py with a residual quantiser (vector-quantize-pytorch's ResidualFSQ)
in the place of the plain one; the vector of a patch is the sum of its codes' vectors. That is the
form of VILA-U's tokenizer (RQ-VAE, arXiv 2203.01941), which UniFork uses with four depths.
"""

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor
from vector_quantize_pytorch import ResidualFSQ

from models.image_tokens import ImageTokenizer, ImageTokenizerConfig, nearest_code, to_pixels
from models.tokenizers.residual_codes import LARGEST, join, summed


class ResidualTokenizer(ImageTokenizer):
    def __init__(self, config: ImageTokenizerConfig) -> None:
        super().__init__(config)
        if config.codes**config.depths > LARGEST:
            raise ValueError(
                f"tokenizer.depths must leave tokenizer.levels ** depths at most 2**62, "
                f"got {config.depths} of {config.codes} codes."
            )
        self.depths = config.depths
        self.quantiser = ResidualFSQ(
            levels=list(config.levels), num_quantizers=config.depths, is_channel_first=True
        )

    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Int[Tensor, "b y x"]]:
        latents, parts = self.quantiser(self.encoder(pixels))
        return self.decoder(latents), join(
            rearrange(parts.long(), "b k y x -> b y x k"), self.config.codes
        )

    @torch.no_grad()
    def encode(self, images) -> Int[Tensor, "b p"]:
        _, parts = self.quantiser(self.encoder(to_pixels(images)))
        return join(rearrange(parts.long(), "b k y x -> b (y x) k"), self.config.codes)

    def vectors(self, codes: Int[Tensor, "b p"]) -> Float[Tensor, "b p l"]:
        """What the decoder reads at each position."""
        return summed(self._tables(), codes, self.depths)

    def latents(self) -> Float[Tensor, "v l"]:
        """The vectors of all depths end to end, so scaled that those of the first have variance 1.

        One scale serves all depths, so that sums stay sums.
        """
        return self._tables() / self._deviation()

    def nearest(self, latents: Float[Tensor, "b p l"]) -> Int[Tensor, "b p"]:
        """Depth by depth the code nearest to what is left over."""
        parts, left = [], latents.float()
        for table in self.latents().to(latents.device).chunk(self.depths):
            parts.append(nearest_code(left, table, self.config.levels))
            left = left - table[parts[-1]]
        return join(torch.stack(parts, dim=-1), self.config.codes)

    def features(self) -> Float[Tensor, "v l"]:
        """The trunk sees the sum of a position's vectors."""
        return self.latents()

    def _tables(self) -> Float[Tensor, "v l"]:
        scaled = self.quantiser.codebooks * self.quantiser.get_buffer("scales")[:, None]
        return scaled.flatten(0, 1).float()

    def _deviation(self) -> Float[Tensor, "1 l"]:
        return self._tables()[: self.config.codes].std(0, keepdim=True)
