"""The upper bound of knowledge: what a model draws when it is told its own answers."""

import pytest

from benchmarks.answer_then_draw import with_bound, write_prompts
from benchmarks.records import MissingItemsError, read_json, write_json, write_lines
from benchmarks.results import Item, Results

DESCRIBED = "a photo of the animal that"


@pytest.fixture
def prompts(tmp_path):
    rows = [
        {"prompt_id": 1, "target": "cow", "tier": "drawn", "Prompt": f"{DESCRIBED} gives milk"},
        {"prompt_id": 2, "target": "zebra", "tier": "drawn", "Prompt": f"{DESCRIBED} has stripes"},
        {"prompt_id": 3, "target": "orange", "tier": "drawn", "Prompt": f"{DESCRIBED} is sweet"},
    ]
    write_json(tmp_path / "wise.json", rows)
    return tmp_path / "wise.json"


def answered(folder, answers):
    rows = [{"prompt_id": number, "answer": text} for number, text in answers.items()]
    write_lines(folder / "answers.jsonl", rows)
    return folder / "answers.jsonl"


def results(values, tiers):
    items = [
        Item(name=f"{i}", cluster=f"{i}", stratum="culture", value=value, column=tier)
        for i, (value, tier) in enumerate(zip(values, tiers, strict=True))
    ]
    return Results(
        benchmark="wise",
        protocol={"label": "test"},
        n_expected=len(items),
        n_scored=len(items),
        metrics={},
        items=items,
    )


def test_an_answer_takes_the_place_of_the_description_be_it_right_or_wrong(prompts, tmp_path):
    answers = answered(tmp_path, {1: " cow ", 2: "orange", 3: "what stripes ?"})
    path = write_prompts(prompts, answers, tmp_path / "told")
    records = read_json(path)
    assert [record["Prompt"] for record in records] == [
        "a photo of a cow",
        "a photo of an orange",
        f"{DESCRIBED} is sweet",  # the answer names nothing
    ]
    assert [record["target"] for record in records] == ["cow", "zebra", "orange"]


def test_a_missing_answer_is_named(prompts, tmp_path):
    with pytest.raises(MissingItemsError, match="got 2 of 3 missing or unreadable: 2, 3"):
        write_prompts(prompts, answered(tmp_path, {1: "cow"}), tmp_path / "told")


def test_the_bound_is_the_share_drawn_over_all_and_by_tier():
    told = results([1.0, 1.0, 0.0, 1.0], ["drawn", "drawn", "never_drawn", "never_drawn"])
    found = with_bound(results([0.0] * 4, ["drawn"] * 4), told).metrics
    assert {name: metric.value for name, metric in found.items()} == {
        "wise.drawn_when_told@test": 3 / 4,
        "wise.drawn_when_told.drawn@test": 1.0,
        "wise.drawn_when_told.never_drawn@test": 1 / 2,
    }
    assert all(metric.higher_is_better for metric in found.values())
