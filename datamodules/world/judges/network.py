"""An anchor-free detector: each cell of a coarse grid says what has its centre there, if anything.

The idea of CenterNet (Zhou et al. 2019, arXiv:1904.07850) and FCOS (Tian et al. 2019,
arXiv:1904.01355) at the size of small images: one grid, and instead of an objectness beside class
scores one softmax over the classes and "nothing", so that scores are probabilities.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GRID = 8
"""Cells on a side of the grid, for images of any size."""

NEAR, FAR = 0.72, 1.1
"""Cells whose middle lies within NEAR cells of a centre show the object; from FAR on, nothing.

NEAR is just over half a diagonal, so that every object has a cell; in between, either will do.
"""


class Cells(NamedTuple):
    """Predictions of each cell: class logits (the last is "nothing"), colour logits, box edges.

    Shapes [b, GRID², classes + 1], [b, GRID², colours + 1] (the last is natural) and
    [b, GRID², 4]; edges are signed distances from the cell's middle, in cells.
    """

    names: Tensor
    colours: Tensor
    edges: Tensor


@dataclass(frozen=True)
class Objects:
    """The objects of a batch, padded to m: names [b, m], colours [b, m], boxes [b, m, 4] in cells.

    A name is -1 where there is no object.
    """

    names: Tensor
    colours: Tensor
    boxes: Tensor

    def __getitem__(self, rows: Tensor) -> "Objects":
        return Objects(self.names[rows], self.colours[rows], self.boxes[rows])


class Residual(nn.Module):
    """A 3x3 convolution whose normalised, rectified output is added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.norm(self.convolution(x)))


class Detector(nn.Module):
    """Images [b, 3, pixels, pixels] in [0, 1] to `Cells`."""

    def __init__(self, pixels: int, classes: int, colours: int, width: int, blocks: int) -> None:
        super().__init__()
        self.sizes = (classes + 1, colours + 1, 4)
        fold = pixels // (2 * GRID)
        self.trunk = nn.Sequential(
            nn.PixelUnshuffle(fold),
            nn.Conv2d(3 * fold**2, width // 2, 3, padding=1, bias=False),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *(Residual(width) for _ in range(blocks)),
            nn.Conv2d(width, sum(self.sizes), 1),
        )

    def forward(self, images: Tensor) -> Cells:
        cells = self.trunk(images * 4 - 2).flatten(2).transpose(1, 2).float()
        return Cells(*cells.split(self.sizes, dim=-1))


def middles() -> Tensor:
    """Return the middle (x, y) of each cell, [GRID², 2], row by row, in cells."""
    line = torch.arange(GRID) + 0.5
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1).reshape(-1, 2)


def boxes_of(edges: Tensor) -> Tensor:
    """Return boxes [..., GRID², 4] in cells from edges relative to the cells' middles."""
    return edges + middles().repeat(1, 2)


def loss(cells: Cells, objects: Objects) -> Tensor:
    """Return the cross entropies of names and colours and the error of boxes, per shown object."""
    centres = (objects.boxes[..., :2] + objects.boxes[..., 2:]) / 2
    distance = torch.cdist(middles().expand(len(centres), -1, -1), centres)
    distance, nearest = distance.masked_fill(objects.names[:, None] < 0, torch.inf).min(-1)
    shown = distance < NEAR
    nothing = cells.names.shape[-1] - 1
    names = torch.where(shown, objects.names.gather(1, nearest), nothing)
    names = names.masked_fill(~shown & (distance < FAR), -1)
    flat = cells.names.flatten(0, 1), names.flatten()
    name_loss = F.cross_entropy(*flat, ignore_index=-1, reduction="sum") / shown.sum().clamp(min=1)
    if not shown.any():
        return name_loss
    colours = objects.colours.gather(1, nearest)[shown]
    boxes = objects.boxes.gather(1, nearest[..., None].expand(-1, -1, 4))[shown]
    box_loss = F.smooth_l1_loss(boxes_of(cells.edges)[shown], boxes, beta=0.1)
    return name_loss + F.cross_entropy(cells.colours[shown], colours) + 2 * box_loss
