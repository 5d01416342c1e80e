"""What the learnt judge practises on besides clean renders: spoilt images and empty ones.

Images are float [b, 3, h, w] in [0, 1]; every choice comes from the given generator.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

PATCH = 4
"""Side of the blocks in which the stand-in of the image tokenizer works, in pixels."""


def blur(images: Tensor) -> Tensor:
    """Return images at half their resolution, scaled up again."""
    small = F.avg_pool2d(images, 2)
    return F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)


def cosine_basis(side: int) -> Tensor:
    """Return the orthonormal cosine transform [side, side], one frequency a row."""
    angles = torch.outer(torch.arange(side), torch.arange(side) + 0.5) * math.pi / side
    basis = torch.cos(angles) * math.sqrt(2 / side)
    basis[0] /= math.sqrt(2)
    return basis


def quantise_blocks(images: Tensor, step: Tensor) -> Tensor:
    """Round the cosine coefficients of each block to multiples of `step`, [b]: block artefacts."""
    basis = cosine_basis(PATCH)
    blocks = images.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH)  # [b, 3, rows, columns, y, x]
    step = step.view(-1, 1, 1, 1, 1, 1)
    coefficients = torch.round(basis @ blocks @ basis.T / step) * step
    return (basis.T @ coefficients @ basis).transpose(3, 4).reshape(images.shape)


def roughen(images: Tensor, generator: Generator) -> Tensor:
    """Return images as a small tokenizer would give them back: softened, in blocks."""
    amounts = torch.rand(2, len(images), generator=generator)
    softness = 0.5 * amounts[0].view(-1, 1, 1, 1)
    softened = images * (1 - softness) + blur(images) * softness
    return quantise_blocks(softened, 0.05 + 0.2 * amounts[1])


def disturb(images: Tensor, generator: Generator) -> Tensor:
    """Return images with slightly other colours and a little noise."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(len(images), *shape, generator=generator)

    tone = normal(3, 1, 1) * 0.015
    gain = 1 + normal(1, 1, 1) * 0.03
    noise = normal(*images.shape[1:]) * normal(1, 1, 1).abs() * 0.015
    return (images * gain + tone + noise).clamp(0, 1)


def empty_images(images: Tensor, generator: Generator) -> Tensor:
    """Return as many images without any object: blanks, kinds of noise, shuffled patches."""
    count, _, side, _ = images.shape
    blank = torch.rand(count, 3, 1, 1, generator=generator).expand_as(images)
    uniform = torch.rand(images.shape, generator=generator)
    spread = torch.rand(count, 1, 1, 1, generator=generator) * 0.4
    gaussian = blank + spread * torch.randn(images.shape, generator=generator)
    coarse = torch.rand(count, 3, PATCH, PATCH, generator=generator)
    cloudy = F.interpolate(coarse, size=side, mode="bilinear", align_corners=False)
    shuffled = (shuffle_patches(images, side // parts, generator) for parts in (4, 8))
    empties = torch.stack([blank, uniform, gaussian, cloudy, *shuffled]).clamp(0, 1)
    kinds = torch.randint(len(empties), (count,), generator=generator)
    return empties[kinds, torch.arange(count)]


def shuffle_patches(images: Tensor, side: int, generator: Generator) -> Tensor:
    """Return images whose square patches of `side` pixels stand in random order."""
    count, pixels = len(images), images.shape[-1]
    patches = F.unfold(images, side, stride=side)
    order = torch.rand(count, 1, patches.shape[-1], generator=generator).argsort(-1)
    return F.fold(patches.gather(2, order.expand_as(patches)), pixels, side, stride=side)
