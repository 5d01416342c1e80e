"""What several processes draw, answer and judge is what one does, in the same order."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from benchmarks.protocol import Request
from experiments.parallel.workers import Workers, shared_out


class Painter:
    """Draws a request's seed as a colour; answers and judges with numbers of its own."""

    label = "painter"

    def __init__(self, shade: int) -> None:
        self.protocol = {"shade": shade}

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        shades = [self.protocol["shade"] + one.seed for one in requests]
        return [np.full((2, 2, 3), shade, dtype=np.uint8) for shade in shades]

    def answer(self, images: Sequence[int], questions: Sequence[str]) -> list[str]:
        return [f"{question} {image}" for image, question in zip(images, questions, strict=True)]

    def features(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([image.mean((0, 1)) for image in images])

    def drawn(self, images: Sequence[int], prompts: Sequence[int]) -> list[int]:
        return [os.getpid() for _ in images]


@pytest.fixture(scope="module")
def two() -> Any:
    return Workers(2, Painter, (7,))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 5])
def test_pictures_and_features_come_back_in_the_order_of_their_requests(
    two: Workers, count: int
) -> None:
    requests = [Request("a cat", seed=seed) for seed in range(count)]
    alone = Painter(7)
    pictures = two.generate(requests)
    assert np.array_equal(np.stack(pictures), np.stack(alone.generate(requests)))
    assert np.array_equal(two.features(pictures), alone.features(pictures))


@pytest.mark.slow
def test_a_judge_is_handed_every_column_and_says_who_it_is(two: Workers) -> None:
    assert two.answer([1, 2, 3], ["a", "b", "c"]) == ["a 1", "b 2", "c 3"]
    assert two.protocol == {"shade": 7}
    assert two.label == "painter"
    first, second, third = two.drawn([1, 2, 3], [0, 0, 0])
    assert first == third != second  # two processes, in turn
    assert os.getpid() not in (first, second)


def test_one_device_takes_no_process() -> None:
    assert isinstance(shared_out(1, Painter, 3), Painter)
