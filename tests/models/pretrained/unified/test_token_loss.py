"""Logits chunk by chunk give the loss and the gradients of all at once."""

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import cross_entropy

from models.pretrained.unified import token_loss as subject
from models.pretrained.unified.token_loss import token_loss


@pytest.mark.parametrize("recompute", [False, True])
def test_loss_and_gradients_are_those_of_plain_cross_entropy(recompute, monkeypatch) -> None:
    monkeypatch.setattr(subject, "CHUNK", 4)
    torch.manual_seed(0)
    head, states = nn.Linear(5, 7), torch.randn(10, 5, requires_grad=True)
    aims = torch.randint(7, (10,))
    found = token_loss(head, states, aims, recompute)
    expected = cross_entropy(head(states), aims)
    torch.testing.assert_close(found, expected)
    inputs = (states, head.weight)
    ours, theirs = torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_logits_that_are_computed_again_are_not_kept() -> None:
    head, states = nn.Linear(5, 700), torch.randn(10, 5, requires_grad=True)
    aims = torch.randint(700, (10,))
    kept = {}
    for recompute in (False, True):
        sizes: list[int] = []
        with saved_tensors_hooks(
            lambda one, sizes=sizes: (sizes.append(one.numel()), one)[1], lambda one: one
        ):
            token_loss(head, states, aims, recompute)
        kept[recompute] = 10 * 700 in sizes
    assert kept == {False: True, True: False}
