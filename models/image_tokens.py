"""Images to tokens and back by a small codec of our own; models/tokenizers/ has the others.

A patch of pixels becomes one code of a finite scalar quantiser (FSQ, arXiv 2309.15505; the
quantiser is vector-quantize-pytorch's). The trunk sees a code through `features`: its digits
one-hot and as numbers, so that codes with like digits look alike (the role that the tokenizer's
latent plays in UniFork).

    uint8 [h w 3] ── unshuffle 4×4 ── convolutions ── batch norm ── FSQ ──▶ codes [p]
                  ◀─ shuffle ──────── convolutions ◀─ latents [l] ◀────────
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from vector_quantize_pytorch import FSQ

from models.initialise import generator_for

FITTED = ("fsq", "residual")
PRETRAINED = ("vqmodel", "janus", "emu3", "chameleon", "autoencoder")


@dataclass(frozen=True, kw_only=True)
class ImageTokenizerConfig:
    """`levels` are the quantiser's levels a digit; their product is the number of codes.

    `kind` says which tokenizer (models/tokenizers/kinds.py). A pretrained one lies at `path`, and
    of the other fields `pixels` alone concerns it. `residual` has `depths` codes a patch, which a
    depth head of `head_layers` blocks predicts one from the others.
    """

    kind: str = "fsq"
    path: str = ""
    pixels: int = 32
    patch: int = 4
    levels: tuple[int, ...] = (8, 5, 5, 5)
    width: int = 96
    steps: int = 2000
    batch_size: int = 64
    learning_rate: float = 3e-3
    depths: int = 2
    head_layers: int = 2

    def __post_init__(self) -> None:
        if self.kind not in FITTED + PRETRAINED:
            raise ValueError(
                f"tokenizer.kind must be one of {FITTED + PRETRAINED}, got {self.kind!r}."
            )
        if self.is_fitted == bool(self.path):
            rule = "be empty" if self.is_fitted else "name a folder or a hub's repository"
            raise ValueError(
                f"tokenizer.path must {rule} where tokenizer.kind is {self.kind}, "
                f"got {self.path!r}."
            )
        if self.is_fitted:
            self._check_sizes()

    def _check_sizes(self) -> None:
        if self.patch < 1 or self.pixels % self.patch:
            raise ValueError(
                f"tokenizer.patch must divide tokenizer.pixels={self.pixels}, got {self.patch}."
            )
        if not self.levels or min(self.levels) < 3:
            raise ValueError(f"tokenizer.levels must each be at least 3, got {self.levels}.")
        for name in ("width", "steps", "batch_size", "depths", "head_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"tokenizer.{name} must be at least 1, got {getattr(self, name)}.")

    @property
    def is_fitted(self) -> bool:
        """Whether it is fitted to the world's images, and not read from a checkpoint."""
        return self.kind in FITTED

    @property
    def grid(self) -> int:
        """Tokens along one side of the image."""
        return self.pixels // self.patch

    @property
    def tokens_per_image(self) -> int:
        return self.grid**2

    @property
    def codes(self) -> int:
        return int(np.prod(self.levels))


class ImageTokenizer(nn.Module):
    depths, is_continuous = 1, False

    def __init__(self, config: ImageTokenizerConfig) -> None:
        super().__init__()
        self.config, self.head_layers = config, config.head_layers
        patch_values, digits = 3 * config.patch**2, len(config.levels)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(config.patch),
            *_convolutions(patch_values, config.width, digits),
            nn.BatchNorm2d(digits, affine=False),  # without it the codes collapse to one
        )
        self.quantiser = FSQ(list(config.levels))
        self.decoder = nn.Sequential(
            *_convolutions(digits, config.width, patch_values), nn.PixelShuffle(config.patch)
        )

    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Int[Tensor, "b y x"]]:
        """Reconstructed pixels and codes; gradients pass the quantiser straight through."""
        latents, codes = self.quantiser(self.encoder(pixels))
        return self.decoder(latents), codes

    @torch.no_grad()
    def encode(self, images: np.ndarray) -> Int[Tensor, "b p"]:
        """Codes in raster order of uint8 images `[b h w 3]`."""
        _, codes = self.quantiser(self.encoder(to_pixels(images)))
        return rearrange(codes.long(), "b y x -> b (y x)")

    @torch.no_grad()
    def decode(self, codes: Int[Tensor, "b p"]) -> np.ndarray:
        """uint8 images `[b h w 3]` of codes in raster order."""
        latents = rearrange(self.vectors(codes), "b (y x) l -> b l y x", y=self.config.grid)
        return to_images(self.decoder(latents.float()))

    def vectors(self, codes: Int[Tensor, "b p"]) -> Float[Tensor, "b p l"]:
        """What the decoder reads at each position."""
        return rearrange(self.quantiser.indices_to_codes(codes[:, None]), "b l 1 p -> b p l")

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Through the codes and back, in chunks of 512."""
        parts = np.array_split(images, max(1, -(-len(images) // 512)))
        return np.concatenate([self.decode(self.encode(part)) for part in parts])

    def latents(self) -> Float[Tensor, "v l"]:
        """The quantiser's vector of every code, scaled to unit variance over the codes."""
        vectors = self.quantiser.indices_to_codes(torch.arange(self.config.codes)[:, None])[:, 0]
        vectors = vectors.float()
        return vectors / vectors.std(0, keepdim=True)

    def nearest(self, latents: Float[Tensor, "b p l"]) -> Int[Tensor, "b p"]:
        """The codes whose scaled vectors are nearest: each digit rounds on its own."""
        return nearest_code(latents, self.latents().to(latents.device), self.config.levels)

    def features(self) -> Float[Tensor, "v w"]:
        """What the trunk sees of every code: digits one-hot and as numbers."""
        index = torch.arange(self.config.codes)
        parts = []
        for levels in self.config.levels:
            parts.append(nn.functional.one_hot(index % levels, levels).float())
            index = index // levels
        return torch.cat((*parts, self.latents()), dim=-1)

    def save(self, path: str) -> None:
        torch.save({"config": asdict(self.config), "state": self.state_dict()}, path)

    @classmethod
    def load(cls, path: str) -> "ImageTokenizer":
        saved = torch.load(path, weights_only=True)
        config = {**saved["config"], "levels": tuple(saved["config"]["levels"])}
        tokenizer = cls(ImageTokenizerConfig(**config))
        tokenizer.load_state_dict(saved["state"])
        return tokenizer.eval()


def nearest_code(
    latents: Float[Tensor, "b p l"], table: Float[Tensor, "v l"], levels: tuple[int, ...]
) -> Int[Tensor, "b p"]:
    """The rows of a finite scalar quantiser's table that are nearest: each digit on its own."""
    code = torch.zeros(latents.shape[:-1], dtype=torch.long, device=latents.device)
    stride = 1
    for digit, count in enumerate(levels):
        values = table[torch.arange(count, device=latents.device) * stride, digit]
        code += (latents[..., digit, None] - values).abs().argmin(-1) * stride
        stride *= count
    return code


class Residual(nn.Module):
    """A convolution and a projection around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.project = nn.Conv2d(width, width, 1)

    def forward(self, x: Float[Tensor, "b w y x"]) -> Float[Tensor, "b w y x"]:
        return x + self.project(nn.functional.gelu(self.mix(self.norm(x))))


def _convolutions(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    first, last = nn.Conv2d(inputs, width, 3, padding=1), nn.Conv2d(width, outputs, 1)
    return [first, Residual(width), Residual(width), nn.GELU(), last]


def to_pixels(images: np.ndarray) -> Float[Tensor, "b 3 h w"]:
    """uint8 `[b h w 3]` to floats in [-1, 1]."""
    return rearrange(torch.from_numpy(images), "b h w c -> b c h w").float() / 127.5 - 1


def to_images(pixels: Float[Tensor, "b 3 h w"]) -> np.ndarray:
    """Floats in [-1, 1] to uint8 `[b h w 3]`."""
    scaled = ((pixels.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return rearrange(scaled, "b c h w -> b h w c").numpy()


def train_image_tokenizer(
    config: ImageTokenizerConfig,
    images: np.ndarray,
    seed: int,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    kind: type[ImageTokenizer] = ImageTokenizer,
    in_bf16: bool = True,
) -> ImageTokenizer:
    """Fits a tokenizer of class `kind` to uint8 images `[n h w 3]`, in bf16 or fp32, by the mean
    absolute plus squared error."""
    torch.manual_seed(seed)  # the modules' own initial values; nothing else draws globally
    tokenizer = kind(config)
    optimizer = torch.optim.AdamW(tokenizer.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.steps + 1, pct_start=0.1
    )
    for step in range(config.steps):
        chosen = torch.randint(
            len(images), (config.batch_size,), generator=generator_for(seed, "tokenizer", step)
        )
        pixels = to_pixels(images[chosen.numpy()])
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
            restored, _ = tokenizer(pixels)
        error = restored.float() - pixels
        loss = error.square().mean() + 0.1 * error.abs().mean()
        if not torch.isfinite(loss):
            raise ValueError(f"tokenizer loss must stay finite, got {loss.item()} at step {step}.")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        on_step(step, loss.item())
    return tokenizer.eval()


def peak_signal_to_noise(images: np.ndarray, restored: np.ndarray) -> float:
    """PSNR in dB over all pixels of uint8 images."""
    error = np.mean((images.astype(np.float64) - restored.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-12)))
