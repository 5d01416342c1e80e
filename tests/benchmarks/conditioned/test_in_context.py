"""WISE after examples: the records are WISE's, the rule is drawn or not."""

from pathlib import Path

import pytest

from benchmarks import conditioned
from benchmarks.conditioned import in_context
from benchmarks.conditioned.prompts import PROMPTS, read_prompts
from benchmarks.conditioned.references import references
from benchmarks.records import RECORDS
from datamodules.world.examples import example_prompts
from datamodules.world.prompts import wise_prompts
from tests.benchmarks.conditioned.worlds import WORLD, judge_of


@pytest.mark.parametrize(("row", "expected"), [("ceiling", 1), ("copy", 0)])
def test_the_target_must_be_drawn_and_an_example_is_not_the_target(
    row: str, expected: float, tmp_path: Path
) -> None:
    prompts = [prompt for _, prompt in example_prompts(WORLD)]
    in_context.write(WORLD, tmp_path)
    model = references(WORLD, tmp_path / PROMPTS)[row]
    conditioned.generate(model, tmp_path / PROMPTS, tmp_path / "images")
    folders = tmp_path / "images", tmp_path / PROMPTS, tmp_path / "judged"
    conditioned.judge(judge_of(prompts), *folders)
    results = in_context.score(tmp_path / "judged" / RECORDS, tmp_path / PROMPTS)
    assert results.metrics["in_context.overall@test"].value == expected
    assert results.metrics["in_context.overall.never_drawn@test"].value == expected
    assert results.n_scored == len(wise_prompts(WORLD))
    groups = results.protocol["group_weights"]
    assert groups == {"culture": 0.4, "time": 0.12, "space": 0.12, "biology": 0.12}


def test_a_prompt_holds_two_pictures_and_its_facts_tier(tmp_path: Path) -> None:
    in_context.write(WORLD, tmp_path)
    records = read_prompts(tmp_path / PROMPTS).values()
    wanted = [(one["tier"], one["target"]) for one in wise_prompts(WORLD)]
    assert [(one["column"], one["target"][0][0]) for one in records] == wanted
    assert all(len(one["images"]) == 2 for one in records)


def test_a_thing_counts_in_any_colour_and_place_beside_whatever_else() -> None:
    found = conditioned.scoring.counted([["dog", "red", "top left"], ["cow", None, "top right"]])
    assert in_context.shows(found, "cow")
    assert not in_context.shows(found, "bear")
