"""GenEval's metrics and the official results file, from records made here or elsewhere."""

import json
from pathlib import Path

import pytest

from benchmarks.geneval import score
from benchmarks.geneval.layout import image_names
from benchmarks.geneval.scoring import write_official
from benchmarks.records import MissingItemsError, read_lines, write_json, write_lines
from benchmarks.results import Results

DOG = {"class": "dog", "count": 1}
FOUND = {"dog": {"boxes": [[0, 0, 100, 100, 0.99]], "colors": ["red"]}}


def record(tag: str, include: list, **more: object) -> dict:
    return {"tag": tag, "include": include, "prompt": "a photo", **more}


def scored(folder: Path, prompts: list[dict], outcomes: list[list[bool]]) -> Results:
    """Score records whose images hold a dog or nothing, `outcomes` by prompt and image."""
    write_lines(folder / "prompts.jsonl", prompts)
    names = image_names(len(prompts), len(outcomes[0]))
    holds = [outcome for row in outcomes for outcome in row]
    rows = [
        {"filename": name, "metadata": {}, "detections": FOUND if held else {}}
        for name, held in zip(names, holds, strict=True)
    ]
    write_lines(folder / "records.jsonl", rows)
    write_json(folder / "manifest.json", {"label": "test", "images_per_prompt": len(outcomes[0])})
    return score(folder / "records.jsonl", folder / "prompts.jsonl")


def test_overall_is_the_unweighted_mean_of_the_tags_and_a_column_of_those_it_has(tmp_path):
    prompts = [
        record("single_object", [DOG], column="seen"),
        record("single_object", [DOG], column="seen"),
        record("colors", [DOG], column="seen"),
        record("colors", [DOG], column="unseen"),
    ]
    outcomes = [[True, True], [True, False], [False, False], [True, False]]
    metrics = scored(tmp_path, prompts, outcomes).metrics
    expected = {
        "geneval.single_object@test": 3 / 4,
        "geneval.colors@test": 1 / 4,
        "geneval.overall@test": (3 / 4 + 1 / 4) / 2,
        "geneval.overall.seen@test": (3 / 4 + 0 / 2) / 2,
        "geneval.overall.unseen@test": 1 / 2,  # colors alone
        "geneval.correct_images@test": 4 / 8,
        "geneval.correct_prompts@test": 2 / 3,  # the first two are one: their metadata is
    }
    assert {name: metrics[name].value for name in expected} == pytest.approx(expected)


def test_a_missing_record_fails_unless_allowed_and_is_named(tmp_path):
    prompts = [record("single_object", [DOG])]
    scored(tmp_path, prompts, [[True, True]])
    rows = (tmp_path / "records.jsonl").read_text().splitlines()
    (tmp_path / "records.jsonl").write_text(rows[0] + "\n")
    paths = tmp_path / "records.jsonl", tmp_path / "prompts.jsonl"
    with pytest.raises(MissingItemsError, match=r"1 of 2 missing .*: 00000/samples/0001.png"):
        score(*paths)
    results = score(*paths, allow_missing=True)
    assert (results.n_expected, results.n_scored) == (2, 1)
    assert results.protocol["missing"] == ["00000/samples/0001.png"]


def test_records_without_the_colours_that_decide_are_named(tmp_path):
    red = record("colors", [{**DOG, "color": "red"}])
    sure, unsure = ({"dog": {"boxes": [[0, 0, 9, 9, score]]}} for score in (0.9, 0.2))
    rows = [
        {"filename": "00000/samples/0.png", "detections": {}},
        {"filename": "00001/samples/0.png", "metadata": red, "detections": unsure},
    ]
    # a dog that is not found needs no colour to be wrong
    results = score(*made_elsewhere(tmp_path, rows), judge_name="mmdet")
    assert results.metrics["geneval.overall@mmdet"].value == 0.0
    rows[1]["detections"] = sure
    with pytest.raises(ValueError, match=r"00001/samples/0\.png must have colors for 'dog'"):
        score(*made_elsewhere(tmp_path, rows), judge_name="mmdet")


def test_an_unknown_tag_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"line 1 must have a tag of .* got 'dreams'"):
        scored(tmp_path, [record("dreams", [DOG])], [[True]])


def made_elsewhere(folder: Path, rows: list[dict]) -> tuple[Path, Path]:
    """Write two prompts, and records without a manifest."""
    prompts = [record("single_object", [DOG]), record("colors", [{**DOG, "color": "red"}])]
    write_lines(folder / "prompts.jsonl", prompts)
    write_lines(folder / "records.jsonl", rows)
    return folder / "records.jsonl", folder / "prompts.jsonl"


def test_records_made_elsewhere_find_their_prompt_by_folder_or_metadata(tmp_path):
    red = record("colors", [{**DOG, "color": "red"}])
    rows = [
        {"filename": "/there/00000/samples/00000.png", "detections": FOUND},  # five digits
        {"filename": "b.png", "metadata": red, "detections": {}},
        {"filename": "/there/00000/samples/00001.png", "detections": {}},
        {"filename": "a.png", "metadata": red, "detections": FOUND},
    ]
    results = score(*made_elsewhere(tmp_path, rows), judge_name="mmdet")
    # two images a prompt, one of each correct: (1/2 + 1/2) / 2
    assert results.metrics["geneval.overall@mmdet"].value == 0.5
    assert [item.name for item in results.items] == image_names(2, 2)
    assert results.protocol["judge"] == {"judge": "mmdet"}
    assert results.protocol["images_per_prompt"] == 2
    assert results.protocol["weights"] == {"single_object": 1.0, "colors": 1.0}


def test_a_prompt_with_too_many_images_and_one_with_too_few_are_named(tmp_path):
    rows = [
        {"filename": f"00000/samples/{number:04d}.png", "detections": {}} for number in range(3)
    ]
    paths = made_elsewhere(tmp_path, [*rows, {**rows[0], "filename": "00001/samples/0000.png"}])
    with pytest.raises(ValueError, match=r"prompt 0 must have 2 images .* got 3"):
        score(*paths, judge_name="mmdet", images_per_prompt=2)
    with pytest.raises(MissingItemsError, match=r"2 of 6 missing .*: 00001/samples/0001.png"):
        score(*paths, judge_name="mmdet")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"filename": "z.png", "detections": {}}, "z.png must be of one of the 2 prompts"),
        ({"detections": {}}, "line 1 must have 'filename'"),
        (
            {"filename": "a", "detections": {"dog": {"boxes": [[0, 0, 1, float("nan"), 1]]}}},
            "a must have boxes .* of finite numbers with a colour each for 'dog'",
        ),
        (
            {"filename": "a", "detections": {"dog": {"boxes": [[0, 0, 1, 1]]}}},
            "a must have boxes",
        ),
        ({"filename": "a", "detections": [FOUND]}, "a must have detections by class, got"),
        ({"filename": "a", "detections": {"dog": [[0, 0, 1, 1, 1]]}}, "a must have boxes"),
        (
            {"filename": "a", "detections": {"dog": {"boxes": [[0, 0, 1, 1, 95]]}}},
            r"for 'dog', scores in \[0, 1\], got",
        ),
        (
            {
                "filename": "a",
                "detections": {"dog": {"boxes": [[0, 0, 1, 1, 1]], "colors": [1, 2]}},
            },
            "with a colour each",
        ),
    ],
)
def test_a_record_of_another_form_is_named(row, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        score(*made_elsewhere(tmp_path, [row]), judge_name="mmdet")


def test_an_empty_records_file_and_a_duplicate_record_are_named(tmp_path):
    with pytest.raises(ValueError, match="must hold at least one record"):
        score(*made_elsewhere(tmp_path, []), judge_name="mmdet")
    row = {"filename": "00000/samples/0000.png", "detections": {}}
    with pytest.raises(ValueError, match="filename must be unique"):
        score(*made_elsewhere(tmp_path, [row, row]), judge_name="mmdet")


def test_the_official_file_has_the_official_columns(tmp_path):
    below = {**FOUND, "cat": {"boxes": [[1, 2, 3, 4, 0.25]]}}  # 0.25 is not above 0.3
    rows = [
        {"filename": "00000/samples/0000.png", "detections": below},
        {"filename": "00001/samples/0000.png", "detections": {}},
    ]
    records, prompts = made_elsewhere(tmp_path, rows)
    write_official(records, prompts, tmp_path / "official.jsonl")
    first, second = read_lines(tmp_path / "official.jsonl")
    assert list(first) == [
        "filename",
        "tag",
        "prompt",
        "correct",
        "reason",
        "metadata",
        "details",
    ]
    assert first["correct"] is True
    assert first["reason"] == ""
    assert json.loads(first["metadata"])["tag"] == "single_object"
    details = json.loads(first["details"])
    assert details == {"dog": [pytest.approx([0, 0, 100, 100, 0.99])]}
    assert second["reason"] == "expected dog>=1, found 0"
