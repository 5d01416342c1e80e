"""Several processes at one step: each does its part, and the scores are those of one process."""

import multiprocessing
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from benchmarks import commonsense_t2i, dpg, dreambench, geneval, mjhq_fid
from benchmarks.images import write_image
from benchmarks.mjhq_fid import extraction, folder
from benchmarks.records import MissingItemsError, write_json, write_lines
from benchmarks.results import Results
from benchmarks.sharding import (
    Shard,
    UnfinishedPartsError,
    joined,
    read_shard,
    working_on,
)
from benchmarks.vqa import mme
from benchmarks.vqa.asking import Round
from benchmarks.wise.judging import Judging, judge_folder
from benchmarks.wise.knowledge import generate as draw_wise
from benchmarks.wise.protocols import VERIFIED
from benchmarks.wise.wordings import VERIFIED as WORDING
from benchmarks.wise.wordings import Wording
from tests.benchmarks.dreambench.data_set import write_data
from tests.benchmarks.vqa.models import Answerer, write_grey
from tests.chat_server import ChatServer

HALVES = (Shard(0, 2), Shard(1, 2))


class Eye:
    """Draws noise by its seed, and as any judge says what it sees of it."""

    label = "eye"
    protocol: ClassVar[dict] = {"judge": "eye"}
    draws_from_images = True

    def __init__(self) -> None:
        self.usage = {"calls": 0}

    def generate(self, requests):
        seeds = [np.random.default_rng(request.seed) for request in requests]
        return [random.integers(0, 256, (8, 8, 3), np.uint8) for random in seeds]

    def detect(self, images, prompts):
        return [
            {"dog": {"boxes": [[0, 0, 8, 8, float(image.mean() / 256)]], "colors": ["red"]}}
            for image in images
        ]

    def answer(self, images, questions):
        pairs = zip(images, questions, strict=True)
        return [["yes" if image[0, 0, 0] % 2 else "no" for _ in rows] for image, rows in pairs]

    def features(self, images):
        return np.stack([image[:2, 0, 0] for image in images]).astype(np.float32)

    def likeness(self, images, texts):
        return [[float(image.mean()), float(image[0, 0, 0])] for image in images]

    def see(self, images):
        rows = np.stack([image[0].mean(0) for image in images])
        return {"dino": rows, "clip": rows}

    def read(self, texts):
        return np.ones((len(texts), 3))

    def ask(self, images, text, attempt=0):
        return f"Score: {images[0][0, 0, 0] % 2}"

    def refresh(self):
        self.usage["calls"] += 1


def geneval_step(root: Path, out: Path) -> None:
    geneval.generate(Eye(), root / "prompts.jsonl", out / "images", 2, at_once=2)
    geneval.judge(Eye(), out / "images", root / "prompts.jsonl", out / "records")


def dpg_step(root: Path, out: Path) -> None:
    dpg.generate(Eye(), root / "bench.csv", out / "images")
    dpg.judge(Eye(), out / "images", root / "bench.csv", out / "records")


def wise_step(root: Path, out: Path) -> None:
    draw_wise(Eye(), root / "wise.json", out / "images")
    judging = Judging(protocol=VERIFIED, wording=Wording(WORDING))
    judge_folder(Eye(), out / "images", root / "wise.json", out / "records", judging)


def mjhq_step(root: Path, out: Path) -> None:
    mjhq_fid.generate(Eye(), root / "meta.json", out / "images")
    mjhq_fid.judge(Eye(), out / "images", root / "meta.json", out / "records")


def commonsense_step(root: Path, out: Path) -> None:
    commonsense_t2i.generate(Eye(), root / "pairs.json", out / "images", 2)
    commonsense_t2i.judge(Eye(), out / "images", root / "pairs.json", out / "records")


def dreambench_step(root: Path, out: Path) -> None:
    dreambench.generate(Eye(), root / "dataset", out / "images", 1)
    dreambench.judge(Eye(), out / "images", root / "dataset", out / "records")


STEPS = {
    "commonsense_t2i": commonsense_step,
    "dreambench": dreambench_step,
    "geneval": geneval_step,
    "dpg": dpg_step,
    "wise": wise_step,
    "mjhq_fid": mjhq_step,
}


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """Five prompts of each benchmark."""
    monkeypatch.setattr(folder, "PART", 2)
    monkeypatch.setattr(extraction, "PART", 2)
    dog = {"tag": "single_object", "include": [{"class": "dog", "count": 1}]}
    write_lines(tmp_path / "prompts.jsonl", [{**dog, "prompt": f"dog {n}"} for n in range(5)])
    rows = [
        {**dict.fromkeys(dpg.COLUMNS, ""), "item_id": f"i{n}", "proposition_id": 1, "text": "x"}
        for n in range(5)
    ]
    dpg.write_questions(tmp_path / "bench.csv", rows)
    named = [{"Prompt": "p", "Explanation": "e", "prompt_id": number} for number in range(1, 6)]
    write_json(tmp_path / "wise.json", named)
    texts = ("prompt1", "prompt2", "description1", "description2")
    write_json(tmp_path / "pairs.json", [dict.fromkeys(texts, "x") for _ in range(3)])
    write_data(tmp_path / "dataset")
    meta = {f"m{n}": {"category": "art", "prompt": f"{n}"} for n in range(5)}
    write_json(tmp_path / "meta.json", meta)
    return tmp_path


def contents(out: Path) -> dict[str, bytes]:
    """Return what a step leaves, without the locks."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != ".parts.lock")
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def part(shard: Shard, name: str, root: Path) -> None:
    """Do a part of a step, whether others are through or not."""
    with working_on(shard), suppress(UnfinishedPartsError):
        STEPS[name](root, root / "parts")


@pytest.mark.parametrize("name", STEPS)
def test_two_processes_leave_what_one_does(name, root):
    STEPS[name](root, root / "whole")
    fork = multiprocessing.get_context("fork")
    both = [fork.Process(target=part, args=(shard, name, root)) for shard in HALVES]
    for process in both:
        process.start()
    for process in both:
        process.join(30)
    assert [process.exitcode for process in both] == [0, 0]
    whole, parts = contents(root / "whole"), contents(root / "parts")
    if name == "wise":  # the last process has read the other's replies from the disk
        whole["records/manifest.json"] = whole["records/manifest.json"].replace(
            b'"calls": 0', b'"calls": 1'
        )
    assert parts == whole


@pytest.mark.parametrize("name", STEPS)
def test_parts_may_follow_one_another_and_the_last_joins_them(name, root):
    with working_on(HALVES[0]), pytest.raises(UnfinishedPartsError, match="1 of 2 parts are done"):
        STEPS[name](root, root / "parts")
    part(HALVES[1], name, root)
    found = contents(root / "parts")
    assert "records/manifest.json" in found
    assert not [path for path in found if "-of-" in path]  # no part is left lying about
    part(HALVES[0], name, root)
    assert contents(root / "parts")["records/manifest.json"] == found["records/manifest.json"]


def test_each_process_draws_its_own_prompts_alone(root):
    with working_on(HALVES[1]):
        geneval.generate(Eye(), root / "prompts.jsonl", root / "images", 2)
    drawn = {path.parents[1].name for path in (root / "images").rglob("*.png")}
    assert drawn == {"00001", "00003"}
    assert not (root / "images/manifest.json").exists()


def test_an_image_that_is_missing_fails_the_process_whose_it_is(root):
    geneval.generate(Eye(), root / "prompts.jsonl", root / "images", 2)
    (root / "images/00001/samples/0001.png").unlink()
    paths = root / "images", root / "prompts.jsonl", root / "records"
    with working_on(HALVES[0]), pytest.raises(UnfinishedPartsError):
        geneval.judge(Eye(), *paths)
    with working_on(HALVES[1]), pytest.raises(MissingItemsError, match="1 of 4 missing"):
        geneval.judge(Eye(), *paths)
    with working_on(HALVES[1]):
        geneval.judge(Eye(), *paths, allow_missing=True)
    assert len((root / "records/records.jsonl").read_text().splitlines()) == 9


def test_a_process_that_waits_in_one_subtask_goes_on_with_the_next(tmp_path):
    lines = [f"{n // 2}.png\t{n}?\t{'Yes' if n % 2 else 'No'}\n" for n in range(4)]
    (tmp_path / "questions").mkdir()
    for name in ("count", "color"):
        (tmp_path / "questions" / f"{name}.txt").write_text("".join(lines))
        for image in ("0.png", "1.png"):
            write_grey(tmp_path / "images" / name / image)
    models = [Answerer(lambda text: f"yes {text}") for _ in HALVES]
    rounds = [Round(model=m, prompts=tmp_path / "questions", out=tmp_path / "o") for m in models]
    with working_on(HALVES[0]), pytest.raises(UnfinishedPartsError):
        mme.generate(rounds[0], tmp_path / "images")
    with working_on(HALVES[1]):
        mme.generate(rounds[1], tmp_path / "images")
    assert [[one.text for one in model.asked] for model in models] == [
        ["0?", "2?"] * 2,
        ["1?", "3?"] * 2,
    ]
    answered = (tmp_path / "o/color.txt").read_text().splitlines()
    assert [line.split("\t")[3] for line in answered] == ["yes 0?", "yes 1?", "yes 2?", "yes 3?"]


@pytest.mark.slow
def test_two_processes_of_the_command_line_score_as_one(tmp_path):
    questions = {str(n): {"imageId": "n", "question": f"{n}?", "answer": "no"} for n in range(6)}
    write_json(tmp_path / "q.json", questions)
    write_image(tmp_path / "images/n.jpg", np.zeros((4, 4, 3), np.uint8))
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "WORLD_SIZE": "2"}
    with ChatServer(lambda text, _: "no" if text[0] in "0345" else "yes") as server:
        words = [sys.executable, "-m", "benchmarks", "run", "gqa"]
        words += ["--model", f"openai:m@{server.url}", "--questions", tmp_path / "q.json"]
        words += ["--images", tmp_path / "images"]
        ranks = [
            subprocess.Popen([*words, "--out", tmp_path / "two"], env={**environment, "RANK": rank})
            for rank in "01"
        ]
        assert [process.wait(60) for process in ranks] == [0, 0]
        assert len(server.requests) == 6  # each question once
        subprocess.run([*words, "--out", tmp_path / "one", "--shard", "0/1"], check=True)
    one, two = (Results.read(tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert one.metrics["gqa.overall@q"].value == pytest.approx(400 / 6)


def test_work_is_dealt_out_by_its_running_number_or_in_runs():
    assert [number for number in range(7) if Shard(1, 3).has(number)] == [1, 4]
    assert [number for number in range(9) if Shard(1, 2).has(number, run=2)] == [2, 3, 6, 7]
    assert all(Shard().has(number) for number in range(3))


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        (None, {}, Shard()),
        ("1/4", {"RANK": "0", "WORLD_SIZE": "2"}, Shard(1, 4)),  # what is said counts
        (None, {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, Shard(5, 8)),  # torchrun
        (None, {"LOCAL_RANK": "1", "NODE_RANK": "0", "WORLD_SIZE": "2"}, Shard(1, 2)),  # Lightning
        (None, {"WORLD_SIZE": "1", "RANK": "0"}, Shard()),
    ],
)
def test_the_part_comes_from_the_flag_or_from_the_launcher(text, environment, shard):
    assert read_shard(text, environment) == shard


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("2/2", {}, "must be one of 0/2 to 1/2, got 2/2"),
        ("half", {}, "must be I/N, as in 0/2, got 'half'"),
        # without RANK, the number on a second machine does not tell the part
        (None, {"LOCAL_RANK": "1", "NODE_RANK": "1", "WORLD_SIZE": "4"}, "got 'None/4'"),
    ],
)
def test_a_part_that_cannot_be_is_refused(text, environment, message):
    with pytest.raises(ValueError, match=message):
        read_shard(text, environment)


def test_a_part_of_another_step_is_not_joined(tmp_path):
    with (
        working_on(HALVES[0]),
        pytest.raises(UnfinishedPartsError),
        joined(tmp_path, {"judge": "one"}),
    ):
        pass
    with working_on(HALVES[1]):
        with pytest.raises(UnfinishedPartsError), joined(tmp_path, {"judge": "two"}):
            pass
        with joined(tmp_path, {"judge": "one"}):
            pass
