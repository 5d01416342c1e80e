"""Generate, judge and score in files, by models whose scores are known beforehand."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import conditioned
from benchmarks.__main__ import main
from benchmarks.conditioned.prompts import read_prompts
from benchmarks.conditioned.references import Reference, references
from benchmarks.conditioned.steps import objects_found
from benchmarks.protocol import Request
from benchmarks.records import RECORDS, MissingItemsError, read_lines
from benchmarks.results import Results
from benchmarks.world import write_world
from tests.benchmarks.conditioned.worlds import WORLD, judge_of, written


def scored(benchmark: str, row: str, folder: Path) -> Results:
    """A reference model through the three steps of a benchmark."""
    prompts_path, prompts = written(benchmark, folder / "prompts")
    model = references(WORLD, prompts_path)[row]
    conditioned.generate(model, prompts_path, folder / "images")
    conditioned.judge(judge_of(prompts), folder / "images", prompts_path, folder / "judged")
    return conditioned.score(folder / "judged" / RECORDS, prompts_path)


def value(results: Results, metric: str) -> float:
    return results.metrics[f"{metric}@test"].value


@pytest.mark.parametrize("benchmark", ["reconstruction", "editing", "interleaved"])
def test_the_perfect_model_is_always_right(benchmark: str, tmp_path: Path) -> None:
    results = scored(benchmark, "ceiling", tmp_path)
    for column in ("seen", "paraphrase", "unseen"):
        assert value(results, f"{benchmark}.overall.{column}") == 1
    assert results.protocol["model"] == {"reference": "ceiling"}


def test_a_copy_reconstructs_but_changes_nothing_and_keeps_all(tmp_path: Path) -> None:
    assert value(scored("reconstruction", "copy", tmp_path / "r"), "reconstruction.overall") == 1
    edits = scored("editing", "copy", tmp_path / "e")
    halves = [value(edits, f"editing.{one}") for one in ("overall", "changed", "kept")]
    assert halves == [0, 0, 1]


@pytest.mark.parametrize("benchmark", ["reconstruction", "editing", "interleaved"])
def test_a_model_that_sees_no_prompt_is_hardly_ever_right(benchmark: str, tmp_path: Path) -> None:
    assert value(scored(benchmark, "floor", tmp_path), f"{benchmark}.overall") < 0.1


def test_a_model_sees_the_prompts_pictures_in_their_order_and_its_running_number(
    tmp_path: Path,
) -> None:
    prompts_path, prompts = written("interleaved", tmp_path / "prompts")
    seen: list[Request] = []

    def remember(request: Request) -> np.ndarray:
        seen.append(request)
        return request.images[0]

    model = Reference("remember", remember, np.array)
    conditioned.generate(model, prompts_path, tmp_path / "images", at_once=4)
    assert [one.seed for one in seen] == list(range(len(prompts)))
    for request, prompt, record in zip(
        seen, prompts, read_prompts(prompts_path).values(), strict=True
    ):
        wanted = [WORLD.render(scene) for scene in prompt.pictures]
        assert all(np.array_equal(*pair) for pair in zip(request.images, wanted, strict=True))
        assert request.text == record["prompt"] == prompt.text(record["column"] == "paraphrase")


def test_an_interrupted_drawing_goes_on_and_a_finished_one_is_not_repeated(tmp_path: Path) -> None:
    prompts_path, prompts = written("editing", tmp_path / "prompts")
    drawn: list[int] = []

    def count(request: Request) -> np.ndarray:
        drawn.append(request.seed)
        if len(drawn) == 5:
            raise KeyboardInterrupt
        return request.images[-1]

    model = Reference("count", count, np.array)
    with pytest.raises(KeyboardInterrupt):
        conditioned.generate(model, prompts_path, tmp_path / "images", at_once=2)
    for _ in range(2):
        conditioned.generate(model, prompts_path, tmp_path / "images", at_once=2)
    assert drawn == [0, 1, 2, 3, 4, *range(4, len(prompts))]
    other = Reference("other", count, np.array)
    with pytest.raises(ValueError, match="must be empty or hold a part of the same step"):
        conditioned.generate(other, prompts_path, tmp_path / "images")


def test_a_missing_image_fails_the_judge_and_is_named(tmp_path: Path) -> None:
    prompts_path, prompts = written("reconstruction", tmp_path / "prompts")
    model = references(WORLD, prompts_path)["copy"]
    conditioned.generate(model, prompts_path, tmp_path / "images")
    (tmp_path / "images" / "00001.png").unlink()
    places = tmp_path / "images", prompts_path, tmp_path / "judged"
    with pytest.raises(MissingItemsError, match=r"1 of 9 missing or unreadable: 00001\.png"):
        conditioned.judge(judge_of(prompts), *places)
    conditioned.judge(judge_of(prompts), *places, allow_missing=True)
    assert len(read_lines(tmp_path / "judged" / RECORDS)) == 8


def test_an_object_is_in_the_quarter_that_its_middle_is_in() -> None:
    detections = {
        "dog": {
            "boxes": [[1, 1, 14, 14, 0.9], [17, 12, 30, 26, 0.8]],
            "colors": ["red", "natural"],
        }
    }
    assert objects_found(detections, 32) == [
        ("dog", "red", "top left"),
        ("dog", None, "bottom right"),
    ]


def test_a_reference_goes_through_the_tokenizer(tmp_path: Path) -> None:
    prompts_path, prompts = written("reconstruction", tmp_path)
    model = references(WORLD, prompts_path, lambda images: 255 - images)["ceiling"]
    drawn = model.generate([Request("", seed=1)])[0]
    assert np.array_equal(drawn, 255 - WORLD.render(prompts[1].target))


def test_the_command_line_draws_judges_and_scores_a_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written("reconstruction", tmp_path / "reconstruction")
    write_world(WORLD, tmp_path)
    arguments = ["--prompts", str(tmp_path), "--out", str(tmp_path / "out"), "--model", "copy"]
    assert main(["world", "run", "reconstruction", *arguments]) == 0
    label = "world-6x4-32px-template"
    assert f"reconstruction.overall@{label}" in capsys.readouterr().out
    metrics = Results.read(tmp_path / "out").metrics
    assert metrics[f"reconstruction.overall@{label}"].value == 1
    assert main(["world", "generate", "wise", *arguments]) == 2
    assert "--model copy must have images in its prompts, got wise" in capsys.readouterr().err


def test_a_reference_that_draws_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="must not be asked, got 'is it red \\?'"):
        Reference("copy", lambda one: one.images[0], np.array).answer([Request("is it red ?")])
