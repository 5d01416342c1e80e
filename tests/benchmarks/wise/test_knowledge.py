"""WISE's binary protocol: group means, weights over the groups that exist, tiers."""

import pytest

from benchmarks import wise
from benchmarks.records import MissingItemsError, write_json, write_lines


def scored(folder, prompts, scores, allow_missing=False):
    rows = [
        {"Prompt": "p", "Category": category, "prompt_id": number, "tier": tier}
        for number, (category, tier) in enumerate(prompts)
    ]
    write_json(folder / "wise.json", rows)
    write_lines(
        folder / "records.jsonl",
        [{"prompt_id": number, "score": score} for number, score in enumerate(scores)],
    )
    write_json(folder / "manifest.json", {"label": "test"})
    return wise.score(folder / "records.jsonl", folder / "wise.json", allow_missing)


def test_overall_weighs_the_groups_that_exist_and_says_which(tmp_path):
    prompts = [
        ("Cultural knowledge", "drawn"),
        ("Cultural knowledge", "kind_drawn"),
        ("Biology", "drawn"),
        ("Time", "drawn"),
    ]
    results = scored(tmp_path, prompts, [1, 0, 1, 0])
    expected = {
        "wise.culture@test": 1 / 2,
        "wise.biology@test": 1.0,
        "wise.time@test": 0.0,
        "wise.overall@test": (0.4 / 2 + 0.12 * 1 + 0.12 * 0) / (0.4 + 0.12 + 0.12),
        "wise.overall.drawn@test": (0.4 * 1 + 0.12 * 1 + 0.12 * 0) / (0.4 + 0.12 + 0.12),
        "wise.overall.kind_drawn@test": 0.0,  # culture alone
    }
    found = {name: results.metrics[name].value for name in expected}
    assert found == pytest.approx(expected)
    assert list(results.protocol["group_weights"]) == ["culture", "time", "biology"]


def test_all_six_groups_have_the_official_weights(tmp_path):
    groups = ("Cultural knowledge", "Time", "Space", "Biology", "Physics", "Chemistry")
    results = scored(tmp_path, [(group, None) for group in groups], [1, 0, 0, 0, 0, 1])
    assert results.metrics["wise.overall@test"].value == pytest.approx(0.4 + 0.12)


@pytest.mark.parametrize("score", [2, None, "1"])
def test_a_score_that_is_not_zero_or_one_is_unreadable(tmp_path, score):
    with pytest.raises(MissingItemsError, match="1 of 2 missing or unreadable: 1"):
        scored(tmp_path, [("Time", None)] * 2, [1, score])
    results = scored(tmp_path, [("Time", None)] * 2, [1, score], allow_missing=True)
    assert results.metrics["wise.overall@test"].value == 1.0
