"""Cosines of planted gradients."""

import numpy as np
import pytest

from benchmarks.probes.gradients import DRAWS, cosine, gradients
from benchmarks.probes.protocol import Gradient, NotApplicableError, Task

DIRECTION = np.array([3.0, 4.0, 0.0, 1.0])


class Planted:
    """Gives each task its own direction in layer 1 and a matrix of its own in layer 2."""

    name = "planted"

    def __init__(self, generate: np.ndarray, noise: float = 0.0) -> None:
        self.slopes = {"understand": DIRECTION, "generate": generate}
        self.noise, self.batches = noise, []

    def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
        self.batches.append((task, batch))
        random = np.random.default_rng([batch, task == "generate"])
        slope = self.slopes[task] + self.noise * random.normal(size=4)
        return {
            "one": Gradient(1, "attention.query", slope),
            f"two_{task}": Gradient(2, "attention.query", slope),
        }


def by_place(rows):
    return {(row["layer"], row["projection"], row["pair"]): row for row in rows if "pair" in row}


def test_opposite_gradients_have_cosine_minus_one_and_the_random_split_has_none():
    found = by_place(gradients(Planted(-DIRECTION))["gradients"])
    assert found[1, "attention.query", "tasks"]["cosine"] == pytest.approx(-1)
    assert found[1, "all", "understand"]["cosine"] == pytest.approx(1)
    assert found["all", "all", "generate"]["stderr"] == pytest.approx(0)
    assert (1, "all", "random_split") not in found  # both halves cancel to zero


def test_tasks_that_agree_lie_as_near_as_a_random_split():
    model = Planted(DIRECTION, noise=2.0)
    found = by_place(gradients(model)["gradients"])
    tasks, split = (found[1, "all", pair] for pair in ("tasks", "random_split"))
    assert abs(tasks["cosine"] - split["cosine"]) < 3 * (tasks["stderr"] + split["stderr"])
    assert tasks["draws"] == DRAWS
    assert len(set(model.batches)) == len(model.batches) == 4 * DRAWS  # no batch twice


@pytest.mark.parametrize("true", [0.6, 0.0, -0.6])
def test_noise_draws_the_cosine_to_zero_but_not_the_one_without_noise(true: float) -> None:
    class Wide(Planted):
        """Directions of length 10 in 500 channels, whose cosine is `true`."""

        def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
            own = (1.0, 0.0) if task == "understand" else (true, (1 - true**2) ** 0.5)
            random = np.random.default_rng([batch, task == "generate"])
            slope = random.normal(size=500)
            slope[:2] += 10 * np.array(own)
            return {"one": Gradient(1, "attention.query", slope)}

    found = by_place(gradients(Wide(DIRECTION))["gradients"])
    seen, pure = (found[1, "all", pair]["cosine"] for pair in ("tasks", "without_noise"))
    error = found[1, "all", "without_noise"]["stderr"]
    assert seen == pytest.approx(true / 3.5, abs=0.05)  # 100 of a squared length of 100 + 500 / 2
    assert pure == pytest.approx(true, abs=3 * error)
    assert 0.01 < error < 0.15


def test_batches_of_a_task_with_nothing_in_common_say_that_noise_is_all_they_show() -> None:
    class Turning(Planted):
        def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
            return {"one": Gradient(1, "attention.query", (-1) ** batch * DIRECTION)}

    row = by_place(gradients(Turning(DIRECTION))["gradients"])[1, "all", "without_noise"]
    assert (row["cosine"], row["stderr"]) == (None, None)
    assert row["note"].startswith("no cosine without noise")


def test_a_matrix_that_a_task_does_not_reach_is_not_shared():
    class Expert(Planted):
        """An expert in layer 1 and one in layer 3, which understanding alone reaches."""

        def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
            slope = DIRECTION if task == "understand" else np.zeros(4)
            idle = {name: Gradient(layer, "experts", slope) for name, layer in (("a", 1), ("b", 3))}
            return {**super().gradients(task, batch), **idle}

    rows = gradients(Expert(-DIRECTION))["gradients"]
    assert by_place(rows)[1, "all", "tasks"]["cosine"] == pytest.approx(-1)
    notes = {row["layer"]: row["note"] for row in rows if "note" in row}
    assert notes == dict.fromkeys((2, 3), "the tasks share no matrix of layer 2, 3")


def test_the_standard_error_is_that_of_the_mean_over_the_draws():
    class Turning(Planted):
        """One task's halves are at right angles in every other draw, else alike."""

        def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
            at_right_angles = batch % 4 == 1
            slope = np.array([0.0, 1.0]) if at_right_angles else np.array([1.0, 0.0])
            return {"one": Gradient(1, "attention.query", slope)}

    row = by_place(gradients(Turning(DIRECTION))["gradients"])[1, "all", "understand"]
    # four cosines of 0 and four of 1: the deviation is (8 / 4 / 7) ** 0.5
    assert row["cosine"] == pytest.approx(0.5)
    assert row["stderr"] == pytest.approx((2 / 7) ** 0.5 / 8**0.5)


def test_matrices_are_joined_by_name_whatever_order_they_come_in():
    class Unordered(Planted):
        def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
            found = {
                "a": Gradient(1, "attention.query", np.array([1.0, 0.0])),
                "b": Gradient(1, "attention.key", np.array([0.0, 2.0])),
            }
            return found if batch % 2 else dict(reversed(found.items()))

    found = by_place(gradients(Unordered(DIRECTION))["gradients"])
    assert found[1, "all", "understand"]["cosine"] == pytest.approx(1)


def test_a_layer_of_each_tasks_own_says_so():
    rows = gradients(Planted(DIRECTION))["gradients"]
    assert {"layer": 2, "note": "the tasks share no matrix of layer 2"} in rows
    assert not [key for key in by_place(rows) if key[0] == 2]


def test_a_zero_gradient_has_no_cosine():
    slopes = np.array([[1.0, 0.0], [1.0, 1.0], [0.1, 0.3], [-0.1, -0.3]])
    gram, (one, other, third, opposed) = slopes @ slopes.T, np.eye(4)
    assert cosine(gram, one, other) == pytest.approx(2**-0.5)
    assert cosine(gram, one, third + opposed) is None
    assert cosine(np.zeros((4, 4)), one, other) is None
    small = np.diag([1.0, 1e-8, 1.0, 1.0])
    assert cosine(small @ gram @ small, one, other) == pytest.approx(2**-0.5)


def test_a_model_of_one_task_says_that_the_probe_does_not_apply():
    class OneTask(Planted):
        def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
            raise NotApplicableError(f"{task} is not trained here")

    assert gradients(OneTask(DIRECTION))["gradients"] == [
        {"note": "understand is not trained here"}
    ]
