"""Pieces of a step: no sequence twice, none left out; together they weigh what the whole does."""

from typing import Any

import pytest
import torch

from experiments.parallel.execution import ExecutionConfig
from experiments.parallel.pieces import Cutting, PieceBatches
from models.batch import check
from models.pieces import Piece, cut, weighed
from models.text_tokens import DROP
from tests.experiments.parallel import runs

TEXT = len(runs.words())


def pieces(devices: int, accumulate: int) -> list[PieceBatches]:
    """What each process is dealt."""
    how = ExecutionConfig(devices=devices, strategy="ddp", accumulate=accumulate)
    steps = runs.data(steps=6).batches(0)
    return [PieceBatches(steps, Cutting(how, rank, TEXT)) for rank in range(devices)]


@pytest.mark.parametrize(("devices", "accumulate"), [(2, 1), (1, 2), (2, 2), (4, 1)])
def test_all_processes_together_are_dealt_every_sequence_of_a_step_once(
    devices: int, accumulate: int
) -> None:
    steps = runs.data(steps=6).batches(0)
    ranks = pieces(devices, accumulate)
    assert all(len(one) == 6 * accumulate for one in ranks)
    for step in range(6):
        dealt = [one[step * accumulate + m] for m in range(accumulate) for one in ranks]
        for task, whole in steps[step].items():
            rows = torch.cat([piece[task]["tokens"] for piece in dealt]).tolist()
            assert sorted(rows) == sorted(whole["tokens"].tolist())


def test_a_piece_is_a_batch_and_its_shares_add_up_to_the_number_of_pieces() -> None:
    dealt = [one[0] for one in pieces(2, 1)]
    for piece in dealt:
        check(piece)
    for task in ("understand", "generate"):
        total = sum(piece[task]["shares"] for piece in dealt)
        assert total.tolist() == pytest.approx([2, 2])


def test_shares_are_those_of_targets_and_of_sequences_that_are_watched() -> None:
    tokens = torch.tensor([[2, 8, 4, TEXT, TEXT + 1], [2, DROP, 4, TEXT, 0]])
    predicted = torch.tensor([[False] * 3 + [True] * 2, [False] * 3 + [True, False]])
    whole = {
        "tokens": tokens,
        "predicted": predicted,
        "prompt_dropped": torch.tensor([False, True]),  # its prompt is not there to be watched
    }
    first, second = (cut(whole, "generate", Piece(index, 2), TEXT) for index in range(2))
    assert first["shares"].tolist() == pytest.approx([2 * 2 / 3, 2])
    assert second["shares"].tolist() == pytest.approx([2 * 1 / 3, 0])
    values: Any = {"generate": {"loss": torch.tensor(3.0), "group_loss": torch.tensor(3.0)}}
    found = weighed(values, {"generate": first})["generate"]
    assert found["loss"].item() == pytest.approx(4)
    assert found["group_loss"].item() == 3


def test_a_whole_batch_is_left_as_it_is() -> None:
    values = {"generate": {"loss": torch.tensor(3.0)}}
    assert weighed(values, runs.data().batches(0)[0])["generate"] is values["generate"]


def test_a_batch_that_cannot_be_cut_evenly_is_refused() -> None:
    with pytest.raises(ValueError, match=r"understand_batch must be a multiple of the 3"):
        pieces(3, 1)[0][0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"devices": 0}, r"execution\.devices must be at least 1, got 0"),
        ({"strategy": "dp"}, r"execution\.strategy must be one of single, ddp, fsdp, got 'dp'"),
        ({"devices": 2}, r"execution\.strategy must be ddp or fsdp with execution\.devices=2"),
        ({"compiler": "gcc"}, r"execution\.compiler must be one of none, .*, got 'gcc'"),
    ],
)
def test_an_execution_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExecutionConfig(**fields)
