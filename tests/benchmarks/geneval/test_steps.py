"""GenEval's images: seeds, resumption, and the official layout of images made elsewhere."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.geneval import generate, judge
from benchmarks.geneval.layout import collect_prompts
from benchmarks.images import write_image
from benchmarks.progress import JOURNAL
from benchmarks.records import MissingItemsError, read_lines, write_lines

PROMPTS = [
    {
        "tag": "single_object",
        "include": [{"class": name, "count": 1}],
        "prompt": f"a photo of a {name}",
    }
    for name in ("dog", "cat")
]


class Painter:
    """Notes what it is asked, and fails at the request of that number."""

    continues_streams = True

    def __init__(self, fails_at: int | None = None, guidance: float = 1.0) -> None:
        self.asked, self.fails_at = [], fails_at
        self.protocol = {"guidance": guidance}

    def generate(self, requests):
        for request in requests:
            if len(self.asked) == self.fails_at:
                raise ConnectionError("the machine went away")
            self.asked.append(request)
        return [np.zeros((8, 8, 3), np.uint8) for _ in requests]


class Looker:
    """Finds nothing, and fails on the image of that number."""

    label = "looker"

    def __init__(self, fails_at: int | None = None) -> None:
        self.seen, self.fails_at, self.protocol = 0, fails_at, {"judge": "looker"}

    def detect(self, images, prompts):
        assert all(prompt in PROMPTS for prompt in prompts)
        for _ in images:
            if self.seen == self.fails_at:
                raise TimeoutError("no reply")
            self.seen += 1
        return [{} for _ in images]


@pytest.fixture
def prompts(tmp_path) -> Path:
    write_lines(tmp_path / "prompts.jsonl", PROMPTS)
    return tmp_path / "prompts.jsonl"


def test_the_official_seed_is_set_anew_before_every_prompt(prompts, tmp_path):
    model = Painter()
    generate(model, prompts, tmp_path / "images", 2, seeds="official")
    asked = [(request.text[-3:], request.seed, request.draw) for request in model.asked]
    assert asked == [("dog", 42, 0), ("dog", 42, 1), ("cat", 42, 0), ("cat", 42, 1)]


def test_our_seeds_run_over_all_images(prompts, tmp_path):
    model = Painter()
    generate(model, prompts, tmp_path / "images", 2)
    assert [(one.seed, one.draw) for one in model.asked] == [(0, 0), (1, 0), (2, 0), (3, 0)]


def test_a_model_without_streams_cannot_follow_the_official_seeds(prompts, tmp_path):
    model = Painter()
    model.continues_streams = False
    with pytest.raises(ValueError, match="continued stream for --seeds official"):
        generate(model, prompts, tmp_path / "images", seeds="official")


def test_an_interrupted_generation_goes_on_and_a_finished_one_is_not_repeated(prompts, tmp_path):
    images = tmp_path / "images"
    with pytest.raises(ConnectionError):
        generate(Painter(fails_at=2), prompts, images, 2, at_once=2)
    second = Painter()
    generate(second, prompts, images, 2, at_once=2)
    assert [request.seed for request in second.asked] == [2, 3]  # the second prompt alone
    third = Painter()
    generate(third, prompts, images, 2)
    assert third.asked == []
    with pytest.raises(ValueError, match=r"same step, got model.guidance: 1.0 against 7.0"):
        generate(Painter(guidance=7.0), prompts, images, 2)


def layout(folder: Path, counts: tuple[int, ...], name: str = "{:05d}.png") -> Path:
    """Write images as the official code does."""
    for number, (prompt, count) in enumerate(zip(PROMPTS, counts, strict=True)):
        write_lines(folder / f"{number:05d}" / "metadata.jsonl", [prompt])
        for image in range(count):
            path = folder / f"{number:05d}" / "samples" / name.format(image)
            write_image(path, np.full((8, 8, 3), image, np.uint8))
    return folder


def test_images_made_elsewhere_bring_their_own_prompts(tmp_path):
    images = layout(tmp_path / "images", (4, 4))
    write_image(images / "00000" / "grid.png", np.zeros((8, 8, 3), np.uint8))  # not looked at
    collect_prompts(images, tmp_path / "collected.jsonl")
    assert read_lines(tmp_path / "collected.jsonl") == PROMPTS
    judge(Looker(), images, tmp_path / "collected.jsonl", tmp_path / "out")
    records = read_lines(tmp_path / "out" / "records.jsonl")
    assert [record["filename"] for record in records[:2]] == [
        "00000/samples/00000.png",
        "00000/samples/00001.png",
    ]
    assert records[4]["metadata"] == PROMPTS[1]


def test_an_interrupted_judge_keeps_what_it_saw(prompts, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.geneval.steps.JUDGED_AT_ONCE", 2)
    images, out = layout(tmp_path / "images", (4, 4)), tmp_path / "out"
    with pytest.raises(TimeoutError):
        judge(Looker(fails_at=5), images, prompts, out)
    assert len(read_lines(out / JOURNAL)) == 1 + 4  # its head, and two whole batches
    with (out / JOURNAL).open("a") as journal:
        journal.write('{"filename": "00001/sam')  # cut off
    second = Looker()
    judge(second, images, prompts, out)
    assert second.seen == 4
    assert len(read_lines(out / "records.jsonl")) == 8
    assert not (out / JOURNAL).exists()
    judge(third := Looker(), images, prompts, out)
    assert third.seen == 0  # finished
    write_image(images / "00000/samples/00000.png", np.full((8, 8, 3), 9, np.uint8))
    judge(third, images, prompts, out)
    assert third.seen == 8  # another image, and the journal of the others is gone


def test_what_was_said_of_other_images_survives_the_repair_of_one(prompts, tmp_path):
    images, out = layout(tmp_path / "images", (4, 4)), tmp_path / "out"
    damaged = images / "00000/samples/00002.png"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:40])
    with pytest.raises(MissingItemsError, match="1 of 8"):
        judge(Looker(), images, prompts, out)
    damaged.write_bytes(whole)
    write_image(images / "00001/samples/00000.png", np.full((8, 8, 3), 9, np.uint8))
    second = Looker()
    judge(second, images, prompts, out)
    assert second.seen == 2  # the repaired one, and the one that was seen and has changed since
    assert len(read_lines(out / "records.jsonl")) == 8


def test_wrong_counts_foreign_folders_and_damaged_images_are_named(prompts, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(MissingItemsError, match=r"1 of 8 missing .*: 00001/samples/0003.png"):
        judge(Looker(), layout(tmp_path / "few", (4, 3)), prompts, out)
    with pytest.raises(ValueError, match=r"prompt 1 must have 4 images .* got 5"):
        judge(Looker(), layout(tmp_path / "many", (4, 5)), prompts, out)
    damaged = layout(tmp_path / "damaged", (4, 4)) / "00000/samples/00002.png"
    damaged.write_bytes(damaged.read_bytes()[:40])
    with pytest.raises(MissingItemsError, match=r"1 of 8 missing .*: 00000/samples/00002.png"):
        judge(Looker(), tmp_path / "damaged", prompts, out)
    (tmp_path / "few" / "00007").mkdir()
    with pytest.raises(ValueError, match=r"00007 must belong to one of 2 prompts, got number 7"):
        judge(Looker(), tmp_path / "few", prompts, out)
    with pytest.raises(ValueError, match=r"one folder a prompt from 00000 on, got 00007"):
        collect_prompts(tmp_path / "few", out / "prompts.jsonl")
    other = layout(tmp_path / "other", (4, 4))
    write_lines(other / "00001" / "metadata.jsonl", [PROMPTS[0]])
    with pytest.raises(ValueError, match="must be that of its prompt, got another 'include'"):
        judge(Looker(), other, prompts, out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold folders 00000, 00001"):
        judge(Looker(), tmp_path / "empty", prompts, out)
