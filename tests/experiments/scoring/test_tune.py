"""Sampling is tuned by GenEval's rules on prompts that no benchmark has, alike for every arm."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.records import read_json
from datamodules.world import World, WorldConfig
from datamodules.world.prompts import COLUMNS, geneval_prompts, tuning_prompts
from experiments.scoring import tune as tuning
from experiments.scoring.tune import (
    CHOSEN,
    GUIDANCE,
    TEMPERATURES,
    best_try,
    share_right,
    tune,
    tuned_sampling,
)
from models.sampling import SamplingConfig
from models.training import TrainConfig

WORLD = World(WorldConfig())
TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")


def test_every_tag_is_asked_for_alike_and_no_prompt_is_a_benchmarks() -> None:
    prompts = tuning_prompts(WORLD, 30)
    assert Counter(one["tag"] for one in prompts) == dict.fromkeys(TAGS, 30)
    benchmarks = {
        one["prompt"] for column in COLUMNS for one in geneval_prompts(WORLD, 10_000, column)
    }
    assert not benchmarks & {one["prompt"] for one in prompts}
    assert len({one["prompt"] for one in prompts if one["tag"] == "colors"}) == 30


def test_no_tuning_prompt_asks_for_a_held_out_pair() -> None:
    asked = {
        (one["include"][0]["class"], one["include"][0]["color"])
        for one in tuning_prompts(WORLD, 10_000)
        if one["tag"] == "colors"
    }
    assert not [pair for pair in asked if WORLD.held_out.colour(*pair)]
    assert asked


def boxes(number: int, score: float = 0.95) -> dict:
    return {"boxes": [[0, 0, 9, 9, score]] * number, "colors": [None] * number}


def test_the_score_is_the_mean_over_tags_by_genevals_rules() -> None:
    single = {"tag": "single_object", "include": [{"class": "dog", "count": 1}]}
    two = {
        "tag": "counting",
        "include": [{"class": "dog", "count": 2}],
        "exclude": [{"class": "dog", "count": 3}],
    }
    prompts = [single, single, single, two]
    right = [{"dog": boxes(1)}, {"cat": boxes(1)}, {"dog": boxes(1)}, {"dog": boxes(2)}]
    assert share_right(prompts, right)[0] == pytest.approx((2 / 3 + 1) / 2)
    third = [*right[:3], {"dog": boxes(3)}]  # a third dog is one too many
    assert share_right(prompts, third)[0] == pytest.approx((2 / 3 + 0) / 2)


def test_the_scores_standard_error_is_that_of_a_mean_over_tags() -> None:
    """Against the spread of many draws of the same two tags."""
    shares, number = (0.9, 0.4), 64
    drawn = np.random.default_rng(0).binomial(number, shares, (20_000, 2)) / number
    prompts = [
        {"tag": tag, "include": [{"class": "dog", "count": 1}]} for tag in "ab" for _ in range(64)
    ]
    right = [i < round(share * number) for share in shares for i in range(number)]
    _, error = share_right(prompts, [{"dog": boxes(1)} if one else {} for one in right])
    assert error == pytest.approx(drawn.mean(1).std(), rel=0.03)


def one_try(guidance: float, temperature: float, right: float) -> dict[str, float]:
    return {"guidance": guidance, "temperature": temperature, "right": right, "error": 0.02}


def test_the_least_guidance_within_a_standard_error_of_the_best_is_chosen() -> None:
    low, warm = one_try(1.5, 0.6, 0.62), one_try(1.5, 0.9, 0.625)
    middle, high = one_try(2.5, 0.6, 0.635), one_try(4.0, 0.6, 0.64)
    assert best_try([low, warm, middle, high]) == warm  # 0.015 below the best
    assert best_try([low, middle, high]) == low
    assert best_try([{**low, "right": 0.61}, middle, high]) == middle
    assert best_try([{**low, "right": 0.61}, {**middle, "right": 0.61}, high]) == high


class Planted:
    """Draws right at one guidance and temperature, and half as often elsewhere."""

    def __init__(self, sampling: SamplingConfig) -> None:
        self.sampling = sampling

    @classmethod
    def of_cell(cls, config: object, inputs: object, sampling: SamplingConfig) -> "Planted":
        return cls(sampling)

    def generate(self, requests: list) -> list[np.ndarray]:
        at = (self.sampling.guidance, self.sampling.temperature) == (2.5, 0.9)
        return [np.full((1, 1, 3), at or one.seed % 2, np.uint8) for one in requests]


class Seeing:
    """Finds what is asked for wherever a picture is bright."""

    prompts = tuning_prompts(WORLD, tuning.PER_TAG)

    def detect(self, images: list[np.ndarray]) -> list[dict]:
        assert len(images) == len(self.prompts)
        return [bool(image.any()) for image in images]


def test_the_settings_that_draw_best_are_chosen_and_every_try_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "TrainedModel", Planted)
    monkeypatch.setattr(tuning, "world_judge", lambda config, inputs: Seeing())
    monkeypatch.setattr(tuning, "judge_image", lambda prompt, found: (found, ""))
    config = SimpleNamespace(world=WORLD.config, train=TrainConfig(), sampling=SamplingConfig())
    tune(config, {}, tmp_path)
    chosen = tuned_sampling({"tune": tmp_path})
    assert (chosen.guidance, chosen.temperature) == (2.5, 0.9)
    tries = read_json(tmp_path / CHOSEN)["tries"]
    assert len(tries) == len(GUIDANCE) * len(TEMPERATURES)
    assert sorted(one["right"] for one in tries)[-2:] == [0.5, 1.0]
