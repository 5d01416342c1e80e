"""Cheap remedies for a conflict: the sum where there is none, else what is worked out here."""

from dataclasses import replace

import pytest
import torch

from models import TASKS
from models.batch import Batch
from models.remedies import LossWeights, without_conflict
from models.training import TrainConfig
from models.unified import Vocabulary
from tests.models.conftest import TRAIN, build, gradients


def test_opposed_parts_of_two_gradients_are_projected_away() -> None:
    """(1, 0) loses its part along (-1, 1) and becomes (0.5, 0.5); (-1, 1) becomes (0, 1)."""
    first, second = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    (found,) = without_conflict([first], [second])
    assert found.tolist() == [0.5, 1.5]


def test_opposite_gradients_cancel_and_agreeing_ones_add_up() -> None:
    one = torch.tensor([3.0, -2.0])
    (cancelled,) = without_conflict([one], [-2 * one])
    assert cancelled.tolist() == [0.0, 0.0]
    for other, wanted in (([2.0, 3.0], [5.0, 1.0]), ([2.0, 1.0], [5.0, -1.0])):  # the first at 90°
        (added,) = without_conflict([one], [torch.tensor(other)])
        assert added.tolist() == wanted


def test_the_angle_is_that_of_all_common_parameters_and_others_keep_their_gradient() -> None:
    """Products 1 and -3 make -2: a conflict, though the first parameter has none of its own."""
    ones = torch.ones(1)
    first, second = [ones, ones, ones, None], [ones, -3 * ones, None, 5 * ones]
    found = [one.item() for one in without_conflict(first, second)]
    kept_first, kept_second = 1 + 2 / 2, 1 + 2 / 10
    assert found == pytest.approx([kept_first + kept_second, kept_first - 3 * kept_second, 1, 5])


def test_a_task_without_gradient_conflicts_with_none() -> None:
    (found,) = without_conflict([torch.zeros(2)], [torch.tensor([1.0, 2.0])])
    assert found.tolist() == [1.0, 2.0]


def remedied(vocabulary: Vocabulary, combine: str):
    return build("shared", vocabulary, train=replace(TRAIN, combine=combine))


def test_a_step_of_pcgrad_has_the_gradients_of_its_rule(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    module = remedied(vocabulary, "pcgrad")
    plain = build("shared", vocabulary)
    apart = [gradients(plain, {task: batch[task]}) for task in TASKS]
    names = [name for name, _ in plain.named_parameters()]
    expected = without_conflict(*([one.get(name) for name in names] for one in apart))
    found = gradients(module, batch)
    for name, gradient in zip(names, expected, strict=True):
        assert (gradient is None) == (name not in found)
        if gradient is not None:
            torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_pcgrad_under_autocast_points_where_it_does_without(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    expected = gradients(remedied(vocabulary, "pcgrad"), batch)
    with torch.autocast("cpu", torch.bfloat16):
        module = remedied(vocabulary, "pcgrad")
        loss = module.training_step(batch, 0)
    loss.backward()
    for name, parameter in module.named_parameters():
        if name.endswith("head.weight"):
            assert parameter.grad is not None
            pair = (parameter.grad.flatten(), expected[name].flatten())
            assert torch.cosine_similarity(*pair, dim=0) > 0.99


@pytest.mark.parametrize("combine", ["pcgrad", "loss_weights"])
def test_with_one_task_alone_a_remedy_changes_no_gradient_of_the_model(
    vocabulary: Vocabulary, batch: Batch, combine: str
) -> None:
    one = {"generate": batch["generate"]}
    found = gradients(remedied(vocabulary, combine), one)
    expected = gradients(build("shared", vocabulary), one)
    assert expected.keys() <= found.keys()
    for name, gradient in expected.items():
        assert torch.equal(found[name], gradient), name


def test_learnt_weights_start_at_one_and_shrink_where_a_loss_is_above_one(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    module = remedied(vocabulary, "loss_weights")
    found = gradients(module, batch)
    expected = gradients(build("shared", vocabulary), batch)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=1e-7, msg=name)
    for task in TASKS:
        loss = module.values[f"train/{task}/loss"].item()
        assert found[f"combine.log_spread.{task}"].item() == pytest.approx(1 - loss, rel=1e-5)


def test_learnt_weights_are_the_exponential_of_minus_the_spread() -> None:
    weights = LossWeights()
    weights.log_spread["generate"].data.fill_(2.0)
    losses = {"understand": torch.tensor(3.0), "generate": torch.tensor(5.0)}
    assert weights(losses, weights.parameters).item() == pytest.approx(3.0 + 5.0 * 0.1353353 + 2.0)


def test_an_unknown_remedy_is_refused_with_those_there_are() -> None:
    message = r"train\.combine must be one of sum, loss_weights, pcgrad, got 'mgda'"
    with pytest.raises(ValueError, match=message):
        TrainConfig(combine="mgda")
