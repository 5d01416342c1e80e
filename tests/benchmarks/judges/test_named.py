"""The judge that a command line names: an endpoint, a checkpoint, or an error."""

import argparse

import numpy as np
import pytest

from benchmarks.judges.named import READING_JUDGE, open_judge
from tests.benchmarks.judges.tiny import save_vision_language

GREY = np.full((8, 8, 3), 99, np.uint8)


def options(*words):
    parser = argparse.ArgumentParser()
    for names, how in READING_JUDGE:
        parser.add_argument(*names, **how)
    return parser.parse_args(list(map(str, words)))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "one of --judge and --judge-url must name the judge, got neither"),
        (("--judge", "hf:x", "--judge-url", "http://x/v1"), "got both"),
        (("--judge", "x"), "--judge must be hf:FOLDER_OR_HUB_ID, got 'x'"),
        (("--judge-url", "http://x/v1"), "--judge-model must name the judge"),
    ],
)
def test_no_judge_two_judges_and_unknown_ones_are_refused(words, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        open_judge(options(*words), tmp_path, 4)


def test_an_endpoint_is_asked_with_the_options(tmp_path):
    words = ("--judge-url", "http://localhost/v1", "--judge-model", "maker/judge")
    judge = open_judge(options(*words), tmp_path, 4, system="strict")
    assert judge.label == "judge"
    assert judge.protocol["max_tokens"] == 4


def test_a_checkpoint_is_asked_here_and_its_replies_are_kept(tmp_path):
    folder = save_vision_language(tmp_path / "tiny-llava")
    words = ("--judge", f"hf:{folder}", "--device", "cpu")
    judge = open_judge(options(*words), tmp_path, 4)
    first = judge.ask([GREY], "is there a dog")
    assert open_judge(options(*words), tmp_path, 4).ask([GREY], "is there a dog") == first
    assert len((tmp_path / "replies.jsonl").read_text().splitlines()) == 1
    assert judge.label == "tiny-llava"
    assert str(judge.protocol["revision"]).startswith("sha256 ")


def test_a_hub_id_without_network_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="a hub id that is cached or can be reached, got 'no/such'"):
        open_judge(options("--judge", "hf:no/such"), tmp_path, 4)
