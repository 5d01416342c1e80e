"""A step's batch in pieces, one a process and micro-batch: together they weigh what the whole does.

    rows of the step   0 1 2 3 4 5        piece 0 of 2   0 2 4        piece 1 of 2   1 3 5

Gradients of pieces are averaged. A loss is a mean over a piece's own targets, and pieces differ in
how many they have; so each loss counts by the piece's share of the whole step's targets, times the
number of pieces. What is summed over rows alone needs no share: pieces have equally many rows.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

from models import Task
from models.batch import Batch, Sequences
from models.interaction_loss import watch

SHARE = {"loss": 0, "interaction_loss": 1, "interaction_mass": 1}
"""Which of `shares` scales a value: means over targets, and over the sequences that are watched."""


@dataclass(frozen=True)
class Piece:
    """Piece `index` of `count`: the rows index, index + count, and so on of a step's batch."""

    index: int = 0
    count: int = 1

    def rows(self, whole: Shaped[Tensor, "b ..."]) -> Shaped[Tensor, "r ..."]:
        return whole[self.index :: self.count]


WHOLE = Piece()


def cut(whole: Sequences, task: Task, piece: Piece, text: int) -> Sequences:
    """The piece's rows of a step's sequences, with its `piece` and `shares`; image codes are the
    ids from `text` on.

    Raises ValueError where the pieces would not have equally many rows.
    """
    count = len(whole["tokens"])
    if count % piece.count:
        raise ValueError(
            f"{task}_batch must be a multiple of the {piece.count} pieces of a step "
            f"(execution.devices * execution.accumulate), got {count}."
        )
    own = {name: piece.rows(value) for name, value in whole.items()}
    counts = [numbers(one, task, text) for one in (own, whole)]
    shares = piece.count * counts[0] / counts[1].clamp_min(1)
    return {**own, "piece": torch.tensor([piece.index, piece.count]), "shares": shares}


def numbers(sequences: Sequences, task: Task, text: int) -> Tensor:
    """How many targets there are, and how many sequences the interaction loss watches."""
    targets = sequences["predicted"][:, 1:].sum()
    return torch.stack((targets, watch(sequences, task, text).counted.sum()))


def piece_of(sequences: Sequences) -> Piece:
    """The piece that the sequences are; the whole where they do not say."""
    return Piece(*sequences["piece"].tolist()) if "piece" in sequences else WHOLE


def weighed(values: dict[str, dict[str, Tensor]], batch: Batch) -> dict[str, dict[str, Tensor]]:
    """The values of each task, such that their mean over the pieces is the whole step's."""
    return {task: weighed_task(named, batch[task]) for task, named in values.items()}


def weighed_task(named: dict[str, Tensor], sequences: Sequences) -> dict[str, Tensor]:
    if "shares" not in sequences:
        return named
    shares = sequences["shares"]
    return {
        name: value * shares[SHARE[name]] if name in SHARE else value
        for name, value in named.items()
    }
