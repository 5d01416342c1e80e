"""Merging: changes of two tasks in one start, added up by coefficients."""

import pytest
import torch

from models.merged import MergedConfig, TaskVectors, group
from tests.models.conftest import TRUNK

FIRST, LAST = "model.trunk.layers.0.attention.query.weight", "model.trunk.layers.2.norm.weight"
NORM, HEAD = "model.trunk.norm.weight", "model.image_head.weight"


def weights(*values: float) -> dict[str, torch.Tensor]:
    return {
        name: torch.full((2,), one)
        for name, one in zip((FIRST, LAST, NORM, HEAD), values, strict=True)
    }


@pytest.fixture
def vectors() -> TaskVectors:
    """Understanding adds 2, 4 and 6; generation 1, -2 and 3, and 9 to its head."""
    trained = {"understand": weights(3, 5, 7, 1), "generate": weights(2, -1, 4, 10)}
    return TaskVectors(weights(1, 1, 1, 1), trained)


def values(state: dict[str, torch.Tensor]) -> list[float]:
    return [state[name][0].item() for name in (FIRST, LAST, NORM, HEAD)]


def test_half_of_each_change_is_the_mean_and_a_change_of_one_task_is_taken_whole(
    vectors: TaskVectors,
) -> None:
    merged = vectors.merged(MergedConfig(trunk=TRUNK).coefficients())
    assert values(merged) == [2.5, 2.0, 5.5, 10.0]


def test_task_arithmetic_scales_both_changes_alike(vectors: TaskVectors) -> None:
    merged = vectors.merged(MergedConfig(trunk=TRUNK, scale=0.25).coefficients())
    assert values(merged) == [1.75, 1.5, 3.25, 10.0]


def test_a_coefficient_moves_its_task_in_its_layer_alone(vectors: TaskVectors) -> None:
    coefficients = torch.zeros(2, TRUNK.depth + 1)
    coefficients[0, 0], coefficients[1, 2], coefficients[1, -1] = 1.0, 0.5, 2.0
    assert values(vectors.merged(coefficients)) == [3.0, 0.0, 7.0, 10.0]
    assert [group(name) for name in (FIRST, LAST, NORM, HEAD)] == [0, 2, -1, -1]
    assert group("model.trunk.layers.11.norm.weight") == 11


def test_slopes_of_the_coefficients_are_those_of_autograd(vectors: TaskVectors) -> None:
    coefficients = torch.rand(2, TRUNK.depth + 1, generator=torch.Generator().manual_seed(0))
    coefficients.requires_grad_()
    merged = vectors.merged(coefficients)
    loss = sum((index + 1) * one.square().sum() for index, one in enumerate(merged.values()))
    (expected,) = torch.autograd.grad(loss, coefficients)
    gradients = {
        name: 2 * (index + 1) * one.detach() for index, (name, one) in enumerate(merged.items())
    }
    found = vectors.slopes(gradients, coefficients.detach())
    torch.testing.assert_close(found, expected)


def test_one_trained_trunk_merged_with_its_start_is_itself(vectors: TaskVectors) -> None:
    same = TaskVectors(
        weights(1, 1, 1, 1), {"understand": weights(3, 5, 7, 1)} | {"generate": weights(1, 1, 1, 1)}
    )
    assert values(same.merged(MergedConfig(trunk=TRUNK).coefficients())) == [3.0, 5.0, 7.0, 1.0]


def test_weights_of_another_model_are_refused_by_name() -> None:
    other = {**weights(1, 1, 1, 1), "model.gate": torch.ones(1)}
    with pytest.raises(ValueError, match=r"generate must have .* of its start, got \['model.gate'"):
        TaskVectors(weights(1, 1, 1, 1), {"understand": weights(1, 1, 1, 1), "generate": other})
    with pytest.raises(ValueError, match=r"model\.scale must be above 0, got 0"):
        MergedConfig(scale=0.0)
    with pytest.raises(ValueError, match=r"model\.fit_steps must not be negative, got -1"):
        MergedConfig(fit_steps=-1)
