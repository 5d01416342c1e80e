"""Leaving out pads changes neither a loss nor a gradient."""

import pytest
import torch

from models import packing
from models.batch import Batch
from models.packing import pack
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, build

TARGETS = torch.tensor(
    [[False, True, False, False], [False, False, False, True], [True, False, False, False]]
)


def test_rows_are_the_positions_up_to_the_last_target_filled_up_with_pads(monkeypatch) -> None:
    monkeypatch.setattr(packing, "ROWS", 3)
    packed = pack(TARGETS)
    assert packed is not None
    assert packed.kept.tolist() == [0, 1, 4, 5, 6, 7, 8, 2, 3]
    assert packed.rows.tolist() == [[0, 1, 7, 8], [2, 3, 4, 5], [6, 8, 8, 8]]


def test_nothing_is_packed_where_no_row_would_be_saved(monkeypatch) -> None:
    monkeypatch.setattr(packing, "ROWS", 6)  # seven positions and a pad make twelve rows of twelve
    assert pack(TARGETS) is None


def test_states_come_back_and_a_left_out_pad_gets_no_gradient(monkeypatch) -> None:
    monkeypatch.setattr(packing, "ROWS", 3)
    packed = pack(TARGETS)
    assert packed is not None
    states = torch.arange(12.0).view(3, 4, 1).requires_grad_()
    collected = packed.collect(states)
    spread = packed.spread(collected)
    assert collected.flatten().tolist() == [0, 1, 4, 5, 6, 7, 8, 2, 3]
    assert spread[1].flatten().tolist() == [4, 5, 6, 7]
    assert spread[2].flatten().tolist() == [8, 3, 3, 3]
    (slope,) = torch.autograd.grad(spread.square().sum(), states)
    assert slope.flatten().tolist() == [0, 2, 4, 0, 8, 10, 12, 14, 16, 0, 0, 0]


@pytest.mark.parametrize("name", TOKEN_ARMS)
@pytest.mark.parametrize("task", ["understand", "generate"])
def test_loss_and_gradients_are_those_of_the_padded_batch(
    name: str, task: str, vocabulary: Vocabulary, batch: Batch, monkeypatch
) -> None:
    """Without the router's own losses, which are means over the tokens that are computed."""
    free = {"group_loss_weight": 0.0, "balance_loss_weight": 0.0} if name == "task_moe" else {}
    model = build(name, vocabulary, **free).model
    parameters = list(model.parameters())
    found = []
    for rows in (4, 10_000):
        monkeypatch.setattr(packing, "ROWS", rows)
        assert (pack(batch[task]["predicted"][:, 1:]) is None) == (rows == 10_000)
        loss = model.losses(batch[task], task)["loss"]
        slopes = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        found.append((loss, slopes))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)
