"""Pairs drawn and judged: negative prompts, resumption, and models whose scores are known."""

import json

import numpy as np
import pytest

from benchmarks.abilities import OpposedRequest
from benchmarks.commonsense_t2i import generate, judge, score
from benchmarks.compare import compare
from benchmarks.images import write_image
from benchmarks.records import MissingItemsError, read_json

PAIRS = 8


class Painter:
    """Draws grey, by default as the prompt says: 0 for "dark", 255 for "bright"."""

    takes_negatives = True

    def __init__(self, shade=lambda request: 255 * ("bright" in request.text), fails_at=None):
        self.shade, self.fails_at, self.asked = shade, fails_at, []
        self.protocol = {"model": "painter"}

    def generate(self, requests):
        if self.fails_at is not None and len(self.asked) >= self.fails_at:
            raise ConnectionError("the machine went away")
        self.asked += requests
        return [np.full((4, 4, 3), self.shade(request), np.uint8) for request in requests]


class Eye:
    """Sees how bright an image is; like "bright" by as much."""

    label = "eye"
    protocol = {"judge": "eye"}  # noqa: RUF012

    def __init__(self):
        self.seen = 0

    def likeness(self, images, texts):
        self.seen += len(images)
        shades = [float(image.mean() / 255) for image in images]
        return [[one if "bright" in text else 1 - one for text in texts] for one in shades]


@pytest.fixture
def prompts(tmp_path):
    rows = [
        {
            "prompt1": f"room {number}, dark",
            "prompt2": f"room {number}, bright",
            "description1": "It is dark",
            "description2": "It is bright",
        }
        for number in range(PAIRS)
    ]
    (tmp_path / "data.json").write_text(json.dumps(rows))
    return tmp_path / "data.json"


def round_trip(model, prompts, **settings):
    folder = prompts.parent
    generate(model, prompts, folder / "images", 4, **settings)
    judge(Eye(), folder / "images", prompts, folder / "records")
    metrics = score(folder / "records/records.jsonl", prompts).metrics
    return {name: metric.value for name, metric in metrics.items()}


def test_a_perfect_model_has_all_points(prompts):
    assert round_trip(Painter(), prompts)["commonsense_t2i.overall@eye"] == 100


def test_a_model_that_draws_at_random_has_what_its_coins_give(prompts):
    coin = Painter(lambda request: 255 * int(np.random.default_rng(request.seed).integers(2)))
    points = round_trip(coin, prompts)["commonsense_t2i.overall@eye"]
    tosses = [int(np.random.default_rng(seed).integers(2)) for seed in range(PAIRS * 8)]
    couples = np.array(tosses).reshape(PAIRS, 2, 4)  # the seeds of a pair: first prompt, second
    right = (couples[:, 0] == 0) & (couples[:, 1] == 1)
    assert points == 100 * right.mean()
    assert 5 < points < 45


def test_a_model_that_does_not_listen_has_none(prompts):
    assert round_trip(Painter(lambda request: 200), prompts)["commonsense_t2i.overall@eye"] == 0


def test_two_models_results_are_compared_though_their_images_differ(prompts):
    folder, found = prompts.parent, []
    for name, model in (("deaf", Painter(lambda request: 200)), ("good", Painter())):
        generate(model, prompts, folder / name, 4)
        judge(Eye(), folder / name, prompts, folder / f"{name}-records")
        found.append(score(folder / f"{name}-records/records.jsonl", prompts))
    (row,) = compare(*found)
    assert (row.name, row.difference) == ("overall", 100)


def test_each_prompt_is_drawn_away_from_the_other_where_that_is_asked_for(prompts):
    model = Painter()
    found = round_trip(model, prompts, negatives=True)
    assert found["commonsense_t2i.overall@eye-negative"] == 100
    assert len(model.asked) == len({one.seed for one in model.asked}) == PAIRS * 2 * 4
    first, second = model.asked[0], model.asked[4]
    assert first == OpposedRequest("room 0, dark", seed=0, negative="room 0, bright")
    assert second == OpposedRequest("room 0, bright", seed=4, negative="room 0, dark")
    assert read_json(prompts.parent / "records/manifest.json")["negative_prompts"] is True


def test_a_model_without_negative_prompts_is_refused_by_name(prompts):
    model = Painter()
    model.takes_negatives = False
    with pytest.raises(ValueError, match="take negative prompts for commonsense_t2i, got painter"):
        generate(model, prompts, prompts.parent / "images", negatives=True)


def test_an_interrupted_drawing_goes_on_and_other_settings_are_refused(prompts):
    images = prompts.parent / "images"
    with pytest.raises(ConnectionError):
        generate(Painter(fails_at=4), prompts, images, 1, at_once=4)
    second = Painter()
    generate(second, prompts, images, 1)
    assert [request.seed for request in second.asked] == list(range(4, 2 * PAIRS))
    with pytest.raises(ValueError, match="negative_prompts: False against True"):
        generate(Painter(), prompts, images, 1, negatives=True)


def test_an_interrupted_judge_goes_on(prompts):
    folder = prompts.parent
    generate(Painter(), prompts, folder / "images", 1)

    class Tired(Eye):
        def likeness(self, images, texts):
            if self.seen == 10:
                raise KeyboardInterrupt
            return super().likeness(images, texts)

    with pytest.raises(KeyboardInterrupt):
        judge(Tired(), folder / "images", prompts, folder / "records")
    eye = Eye()
    judge(eye, folder / "images", prompts, folder / "records")
    assert eye.seen == 2 * PAIRS - 10  # each record is kept as it comes
    judge(eye, folder / "images", prompts, folder / "records")
    assert eye.seen == 2 * PAIRS - 10  # finished


def test_images_made_elsewhere_are_found_in_the_official_layout(prompts):
    folder = prompts.parent
    for side in (1, 2):
        for number in range(1, PAIRS + 1):
            place = folder / f"made/prompt{side}_img"
            shade = np.full((4, 4, 3), 255 * (side - 1), np.uint8)
            write_image(place / f"original/{number:04d}-1.jpg", shade)
            write_image(place / f"{number:04d}.jpg", shade)  # the official grids: not looked at
    stated = {"images_per_prompt": 1, "negative_prompts": True}
    judge(Eye(), folder / "made", prompts, folder / "records", **stated)
    results = score(folder / "records/records.jsonl", prompts)
    assert results.metrics["commonsense_t2i.overall@eye-negative"].value == 100


def test_missing_odd_and_double_images_are_named(prompts):
    folder = prompts.parent
    generate(Painter(), prompts, folder / "images", 1)
    paths = folder / "images", prompts, folder / "records"
    place = folder / "images/prompt1_img/original"
    (place / "0003-1.png").rename(place / "0003-2.png")
    with pytest.raises(ValueError, match=r"got 1 more: prompt1_img/original/0003-2.png"):
        judge(Eye(), *paths)
    (place / "0003-2.png").unlink()
    with pytest.raises(MissingItemsError, match=r"1 of 16 .*prompt1_img/original/0003-1.png"):
        judge(Eye(), *paths)
    write_image(place / "0004-1.jpg", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="one image a name, got two of 0004-1"):
        judge(Eye(), *paths)


def test_what_is_said_of_images_must_be_what_their_manifest_says(prompts):
    folder = prompts.parent
    generate(Painter(), prompts, folder / "images", 1)
    with pytest.raises(ValueError, match=r"negative_prompts of .* manifest says, False, got True"):
        judge(Eye(), folder / "images", prompts, folder / "records", negative_prompts=True)
