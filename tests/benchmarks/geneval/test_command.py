"""GenEval from the command line: images made elsewhere, judged by tiny checkpoints, and scored."""

import json

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.images import write_image
from benchmarks.records import read_json, read_lines, write_lines
from benchmarks.results import Results
from tests.benchmarks.judges.tiny import save_clip, save_mask2former

DOG = {"class": "dog", "count": 1}
PROMPTS = [
    {"tag": "single_object", "include": [DOG], "prompt": "a photo of a dog"},
    {"tag": "colors", "include": [{**DOG, "color": "red"}], "prompt": "a photo of a red dog"},
]


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    detector, clip = save_mask2former(folder / "m2f"), save_clip(folder / "clip")
    return ["--detector", str(detector), "--clip", str(clip), "--device", "cpu"]


@pytest.fixture
def images(tmp_path):
    """Two prompts with four images each, in the official layout."""
    dice = np.random.default_rng(0)
    for number, prompt in enumerate(PROMPTS):
        folder = tmp_path / "images" / f"{number:05d}"
        write_lines(folder / "metadata.jsonl", [prompt])
        for image in range(4):
            pixels = dice.integers(0, 255, (40, 60, 3), dtype=np.uint8)
            write_image(folder / "samples" / f"{image:05d}.png", pixels)
    return tmp_path / "images"


def test_a_folder_of_images_is_judged_then_scored_without_naming_its_prompts(images, judge, capsys):
    assert main(["judge", "geneval", "--images", str(images), *judge]) == 0
    records = images.with_name("images-records")
    assert len(read_lines(records / "records.jsonl")) == 8
    assert main(["score", "geneval", "--records", str(records / "records.jsonl")]) == 0
    results = Results.read(records)
    overall = results.metrics["geneval.overall@m2f+clip"]
    assert (overall.value, results.n_scored) == (0.0, 8)  # random weights find no dog
    assert results.protocol["prompts"]["rewritten"] is False
    assert results.protocol["images_per_prompt"] == 4
    assert results.protocol["judge"]["sides"] == [64, 96]
    assert "images" not in results.protocol
    assert "geneval.overall@m2f+clip" in capsys.readouterr().out
    assert len(read_lines(records / "geneval_results.jsonl")) == 8


def test_a_run_on_images_made_elsewhere_equals_its_steps(images, judge, tmp_path):
    arguments = ["run", "geneval", "--model", f"folder:{images}", "--out", str(tmp_path / "out")]
    assert main([*arguments, *judge]) == 0
    assert main(["judge", "geneval", "--images", str(images), *judge]) == 0
    assert main(["score", "geneval", "--records", f"{images}-records"]) == 0
    first, second = Results.read(tmp_path / "out"), Results.read(tmp_path / "images-records")
    assert first == second


def test_records_of_another_program_are_scored_by_their_own_metadata(tmp_path, capsys):
    boxes = {"dog": {"boxes": [[0, 0, 9, 9, 0.9]], "colors": ["blue"]}}
    rows = [
        {"filename": f"{number}.png", "metadata": prompt, "detections": boxes}
        for number, prompt in enumerate(PROMPTS)
    ]
    write_lines(tmp_path / "records.jsonl", rows)
    arguments = ["score", "geneval", "--records", str(tmp_path), "--judge-name", "mmdet"]
    assert main(arguments) == 0
    # the dog without a colour is no red dog: (1 + 0) / 2
    assert Results.read(tmp_path).metrics["geneval.overall@mmdet"].value == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "geneval", "--model", "magic:x"], "--model must be one of"),
        (["run", "geneval", "--model", "folder:nowhere"], "must name a folder of images"),
        (
            ["generate", "geneval", "--model", "folder:.", "--prompts", "x"],
            "must be one that draws",
        ),
        (["score", "geneval", "--records", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_bad_input_is_one_line_and_status_two(arguments, message, tmp_path, capsys):
    prompts = tmp_path / "prompts.jsonl"
    write_lines(prompts, PROMPTS)
    extra = ["--prompts", str(prompts)] if "run" in arguments else []
    assert main([*arguments, *extra, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_unknown_classes_are_named_by_judge_and_score(images, judge, tmp_path, capsys):
    unicorn = {**PROMPTS[0], "include": [{"class": "unicorn", "count": 1}]}
    write_lines(images / "00000" / "metadata.jsonl", [unicorn])
    assert main(["judge", "geneval", "--images", str(images), *judge]) == 2
    assert "must name known classes, got 'unicorn'" in capsys.readouterr().err
    row = {"filename": "a.png", "metadata": unicorn, "detections": {}}
    (tmp_path / "records.jsonl").write_text(json.dumps(row) + "\n")
    assert main(["score", "geneval", "--records", str(tmp_path)]) == 2
    assert "must name known classes, got 'unicorn'" in capsys.readouterr().err


def test_the_judge_keeps_a_copy_of_the_prompts_it_was_given(images, judge, tmp_path):
    prompts = tmp_path / "longer.jsonl"
    write_lines(prompts, [{**one, "prompt": "a very good photo"} for one in PROMPTS])
    out = tmp_path / "out"
    arguments = ["judge", "geneval", "--images", str(images), "--prompts", str(prompts), *judge]
    assert main([*arguments, "--out", str(out)]) == 0
    assert (out / "evaluation_metadata.jsonl").read_text() == prompts.read_text()
    assert read_json(out / "manifest.json")["prompts"]["rewritten"] is True


def test_a_count_below_one_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["score", "geneval", "--records", "x", "--images-per-prompt", "0"])
    assert "--images-per-prompt: invalid positive value: '0'" in capsys.readouterr().err
