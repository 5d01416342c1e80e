"""Right is what was asked and nothing else; an edit's halves are counted by hand."""

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.conditioned import score
from benchmarks.conditioned.scoring import counted, edited
from benchmarks.records import MANIFEST, RECORDS, MissingItemsError, write_json, write_lines

DOG, RED_DOG = ("dog", None, "top left"), ("dog", "red", "top left")
CAT, COW = ("cat", None, "bottom right"), ("cow", "blue", "top right")
BEFORE, AFTER = Counter([DOG, CAT]), Counter([RED_DOG, CAT])


@pytest.mark.parametrize(
    ("found", "changed", "kept"),
    [
        ([RED_DOG, CAT], True, True),
        ([DOG, CAT], False, True),  # a copy
        ([RED_DOG], True, False),  # the cat is gone
        ([RED_DOG, CAT, COW], True, False),  # a cow came unasked
        ([RED_DOG, DOG, CAT], False, True),  # the old dog is still there
        ([RED_DOG, RED_DOG, CAT], False, True),  # two in one place
        ([RED_DOG, ("cat", "red", "bottom right")], True, False),  # both became red
        ([("dog", "red", "bottom left"), CAT], False, False),  # it moved as well
        ([], False, False),
    ],
)
def test_the_halves_of_an_edit_are_told_apart(found: list, changed: bool, kept: bool) -> None:
    assert edited(BEFORE, AFTER, Counter(found)) == (changed, kept)
    assert (Counter(found) == AFTER) == (changed and kept)


@pytest.mark.parametrize(
    ("before", "after", "found", "changed", "kept"),
    [
        ([DOG], [DOG, CAT], [DOG, CAT], True, True),  # added
        ([DOG], [DOG, CAT], [CAT], True, False),
        ([DOG, CAT], [CAT], [CAT], True, True),  # removed
        ([DOG, CAT], [CAT], [], True, False),
        ([DOG, CAT], [CAT], [DOG, CAT], False, True),
        ([DOG], [DOG], [DOG], True, True),  # nothing was asked to change
        ([DOG], [DOG], [DOG, CAT], True, False),
    ],
)
def test_what_was_added_must_come_and_what_was_removed_must_go(
    before: list, after: list, found: list, changed: bool, kept: bool
) -> None:
    halves = edited(Counter(before), Counter(after), Counter(found))
    assert halves == (changed, kept)


def test_objects_are_counted_whatever_list_or_tuple_holds_them() -> None:
    assert counted([["dog", None, "top left"], DOG]) == Counter({DOG: 2})


def written(folder: Path, found: dict[str, list], benchmark: str = "editing") -> tuple[Path, Path]:
    """Two recolourings and one removal, and a judge's records of `found`."""
    prompts = [
        prompt("0", "recolour", "seen", AFTER),
        prompt("1", "recolour", "unseen", AFTER),
        prompt("2", "remove", "seen", Counter([CAT])),
    ]
    write_lines(folder / "prompts.jsonl", [{**one, "benchmark": benchmark} for one in prompts])
    records = [{"id": name, "objects": objects} for name, objects in found.items()]
    write_lines(folder / RECORDS, records)
    write_json(folder / MANIFEST, {"label": "test", "judge": {"judge": "hand"}})
    return folder / RECORDS, folder / "prompts.jsonl"


def prompt(name: str, kind: str, column: str, target: Counter) -> dict:
    about = {"id": name, "kind": kind, "column": column, "prompt": "<image> ...", "images": []}
    return {**about, "source": list(BEFORE), "target": list(target)}


def test_scores_are_shares_of_right_images_by_kind_and_column(tmp_path: Path) -> None:
    found = {"0": [RED_DOG, CAT], "1": [DOG, CAT], "2": []}
    results = score(*written(tmp_path, found))
    value = {name: metric.value for name, metric in results.metrics.items()}
    assert value["editing.overall@test"] == pytest.approx(1 / 3)
    assert value["editing.recolour@test"] == 0.5
    assert value["editing.overall.seen@test"] == 0.5
    assert value["editing.overall.unseen@test"] == 0
    assert value["editing.changed@test"] == pytest.approx(2 / 3)  # the copy of "1" lacks it
    assert value["editing.kept@test"] == pytest.approx(2 / 3)  # "2" lost the cat
    assert value["editing.kept.unseen@test"] == 1
    assert results.n_expected == results.n_scored == 3


def test_only_editing_has_halves(tmp_path: Path) -> None:
    found = {"0": [], "1": [], "2": []}
    results = score(*written(tmp_path, found, "interleaved"))
    assert {name.split(".")[0] for name in results.metrics} == {"interleaved"}
    assert not any("kept" in name or "changed" in name for name in results.metrics)


def test_a_missing_record_fails_and_is_named_unless_it_is_allowed(tmp_path: Path) -> None:
    files = written(tmp_path, {"0": [RED_DOG, CAT], "2": [CAT]})
    with pytest.raises(MissingItemsError, match="1 of 3 missing or unreadable: 1"):
        score(*files)
    results = score(*files, allow_missing=True)
    assert (results.n_scored, results.protocol["missing"]) == (2, ["1"])
    assert results.metrics["editing.overall@test"].value == 1


def test_a_prompt_without_a_target_is_named(tmp_path: Path) -> None:
    records, prompts = written(tmp_path, {"0": [], "1": [], "2": []})
    row = json.loads(prompts.read_text().splitlines()[0])
    write_lines(prompts, [{key: value for key, value in row.items() if key != "target"}])
    with pytest.raises(ValueError, match="line 1 must have 'target'"):
        score(records, prompts)
