"""The rule on likenesses worked out by hand, and on models whose scores are known."""

import json

import numpy as np
import pytest

from benchmarks.commonsense_t2i import score
from benchmarks.commonsense_t2i.scoring import supports
from benchmarks.records import MissingItemsError, read_lines, write_json, write_lines

PAIR = {"prompt1": "a", "prompt2": "b", "description1": "A", "description2": "B"}


@pytest.mark.parametrize(
    ("first", "second", "side"), [(0.3, 0.2, 1), (0.2, 0.3, 2), (0.25, 0.25, None)]
)
def test_an_image_supports_what_it_is_more_like_and_in_a_tie_neither(first, second, side):
    assert supports(first, second) == side


@pytest.fixture
def scored(tmp_path):
    """Return the scores of likenesses, [first image, second image] for each couple of a pair."""

    def run(*pairs, settings=None, **options):
        rows = [{**PAIR, "category": f"kind {number % 2}"} for number in range(len(pairs))]
        (tmp_path / "data.json").write_text(json.dumps(rows))
        count = len(pairs[0])
        records = [
            {
                "filename": f"prompt{side}_img/original/{pair:04d}-{image}.png",
                "likeness": couple[side - 1],
            }
            for pair, couples in enumerate(pairs, start=1)
            for side in (1, 2)
            for image, couple in enumerate(couples, start=1)
            if couple[side - 1] is not None
        ]
        write_lines(tmp_path / "records.jsonl", records)
        manifest = {"label": "clip", "judge": {}, "images_per_prompt": count, **(settings or {})}
        write_json(tmp_path / "manifest.json", manifest)
        return score(tmp_path / "records.jsonl", tmp_path / "data.json", **options)

    return run


UNLIKE, ALIKE = [0.3, 0.2], [0.2, 0.3]  # more like the first description; more like the second


@pytest.mark.parametrize(
    ("couple", "points"),
    [
        ([UNLIKE, ALIKE], 100),  # each supports its own
        ([ALIKE, UNLIKE], 0),  # each supports the other's
        ([UNLIKE, UNLIKE], 0),  # the second is wrong
        ([ALIKE, ALIKE], 0),  # the first is wrong
        ([UNLIKE, [0.2, 0.2]], 0),  # the second supports neither
    ],
)
def test_a_couple_is_right_only_if_both_images_support_their_own_description(
    scored, couple, points
):
    metrics = scored([couple]).metrics
    assert metrics["commonsense_t2i.overall@clip"].value == points


def test_images_are_coupled_by_their_number_and_pairs_count_alike(scored):
    right, wrong = [UNLIKE, ALIKE], [ALIKE, ALIKE]
    results = scored([right, right, wrong, [UNLIKE, UNLIKE]], [wrong, wrong, wrong, right])
    values = {name: metric.value for name, metric in results.metrics.items()}
    assert values == {
        "commonsense_t2i.overall@clip": 37.5,  # (2/4 + 1/4) / 2
        "commonsense_t2i.kind 0@clip": 50,
        "commonsense_t2i.kind 1@clip": 25,
    }
    assert results.n_expected == results.n_scored == 8
    assert results.items[3].name == "0001-4"
    assert results.items[3].detail["supports"] == [1, 1]


def test_likenesses_at_random_give_a_quarter_of_the_points(scored):
    random = np.random.default_rng(0)
    pairs = random.random((500, 1, 2, 2)).tolist()
    points = scored(*pairs).metrics["commonsense_t2i.overall@clip"].value
    assert points == pytest.approx(25, abs=6)  # a deviation of 1.9 points


def test_scores_with_negative_prompts_have_a_name_of_their_own(scored):
    results = scored([[UNLIKE, ALIKE]], settings={"negative_prompts": True})
    assert "commonsense_t2i.overall@clip-negative" in results.metrics


def test_a_couple_of_which_an_image_is_missing_is_named_and_never_scored(scored):
    couples = [[UNLIKE, ALIKE], [UNLIKE, None]]
    with pytest.raises(MissingItemsError, match=r"1 of 4 .*prompt2_img/original/0001-2"):
        scored(couples)
    results = scored(couples, allow_missing=True)
    assert (results.n_expected, results.n_scored) == (2, 1)
    assert results.protocol["missing"] == ["prompt2_img/original/0001-2"]
    with pytest.raises(ValueError, match="both images of a couple, got none"):
        scored([[UNLIKE, None], [None, ALIKE]], allow_missing=True)


def test_a_record_without_two_likenesses_is_named(scored):
    with pytest.raises(ValueError, match=r"prompt1_img/original/0001-1.png two likenesses"):
        scored([[[0.3], ALIKE]])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "0.3", True, 25.0])
def test_a_likeness_that_is_no_cosine_is_refused(scored, value):
    message = r"records\.jsonl must give prompt2_img/original/0001-1\.png a cosine in \[-1, 1\]"
    with pytest.raises(ValueError, match=message):
        scored([[UNLIKE, [value, 0.2]]])


def test_two_records_of_one_image_are_refused_whatever_their_suffix(scored, tmp_path):
    scored([[UNLIKE, ALIKE]])
    rows = read_lines(tmp_path / "records.jsonl")
    rows.append({"filename": rows[0]["filename"].replace(".png", ".jpg"), "likeness": ALIKE})
    write_lines(tmp_path / "records.jsonl", rows)
    with pytest.raises(ValueError, match=r"one record an image, got .*1\.png and .*1\.jpg"):
        score(tmp_path / "records.jsonl", tmp_path / "data.json")
