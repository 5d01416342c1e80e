"""A folder of images before a chat judge: what is asked, kept, resumed, and refused."""

import argparse

import numpy as np
import pytest

from benchmarks.images import write_image
from benchmarks.judges.asking import JudgeError
from benchmarks.records import MissingItemsError, read_json, read_lines, write_json
from benchmarks.results import Results
from benchmarks.wise.commands import arguments, run_verb
from tests.chat_server import ChatServer

KEY = "sk-secret-0123456789"
PROMPTS = [
    {
        "Prompt": f"thing {number}",
        "Explanation": f"this is {number}",
        "Category": "Time",
        "Subcategory": "s",
        "prompt_id": number,
    }
    for number in (401, 402, 403, 404)
]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def folder(tmp_path):
    write_json(tmp_path / "time.json", PROMPTS)
    for prompt in PROMPTS:
        pixels = np.full((4, 4, 3), prompt["prompt_id"] % 256, np.uint8)
        write_image(tmp_path / "images" / f"{prompt['prompt_id']}.png", pixels)
    return tmp_path


def run(verb, words):
    parser = argparse.ArgumentParser()
    for flags, keywords in arguments(verb):
        parser.add_argument(*flags, **keywords)
    run_verb(verb, parser.parse_args(list(map(str, words))))


def judge(folder, server, *more):
    words = ["--images", folder / "images", "--prompts", folder / "time.json"]
    words += ["--judge-url", server.url, "--judge-model", "maker/judge", "--out", folder / "out"]
    run("judge", [*words, "--timeout", 5, *more])


def score(folder, *more):
    words = ["--records", folder / "out", "--prompts", folder / "time.json"]
    run("score", [*words, "--out", folder / "scores", *more])
    return Results.read(folder / "scores")


def verdict(text, _):
    """A judge that saw what was meant in things 401 and 403."""
    return f"<think>hm</think>Score: {int('thing 401' in text or 'thing 403' in text)}"


def graded(text, _):
    return "Consistency: 2\nRealism: 1\nAesthetic Quality: 0"


def test_a_folder_is_judged_and_scored_in_the_verified_mode(folder, capsys):
    with ChatServer(verdict) as server:
        judge(folder, server)
    assert any("this is 402" in text for text in server.texts())
    records = read_lines(folder / "out/records.jsonl")
    assert [row["prompt_id"] for row in records] == [401, 402, 403, 404]
    results = score(folder)
    assert results.metrics["wise.time@verified-judge"].value == 0.5
    assert "wise.time@verified-judge" in capsys.readouterr().out
    manifest = read_json(folder / "out/manifest.json")
    assert manifest["usage"]["prompt_tokens"] == 400
    assert manifest["usage"]["cost_dollars"] is None
    assert manifest["wording"]["name"] == "own"
    assert results.protocol["judge"]["served"] == ["maker/judge-snapshot"]
    assert server.requests[0]["max_tokens"] == 500


def test_the_legacy_mode_asks_for_three_scores(folder):
    with ChatServer(graded) as server:
        judge(folder, server, "--mode", "legacy", "--price-in", 5, "--price-out", 15)
    assert "Aesthetic Quality: N" in server.texts()[0]
    assert server.requests[0]["max_tokens"] == 2000
    assert score(folder).metrics["wise.time@legacy-judge"].value == pytest.approx(0.8)
    usage = read_json(folder / "out/manifest.json")["usage"]
    assert usage["cost_dollars"] == pytest.approx(4 * (100 * 5e-6 + 10 * 15e-6))


def test_the_official_texts_can_be_given_as_files_and_their_hash_is_stated(folder):
    (folder / "user.txt").write_text("P {prompt} E {explanation} {x}")
    (folder / "system.txt").write_text("an expert\n")
    with ChatServer(verdict) as server:
        prompts = ["--judge-prompt", folder / "user.txt", "--judge-system", folder / "system.txt"]
        judge(folder, server, "--workers", 1, *prompts)
    assert server.texts()[0] == "P thing 401 E this is 401 {x}"
    assert server.requests[0]["messages"][0]["content"][0]["text"] == "an expert"
    assert read_json(folder / "out/manifest.json")["wording"]["name"] == "user.txt"
    (folder / "user.txt").write_text("P {prompt}")
    with pytest.raises(ValueError, match=r"must have a place \{explanation\}"):
        judge(folder, server, *prompts)


def test_the_key_is_in_no_written_file(folder):
    def tell(text, authorization):
        return f"{authorization} Score: 1"

    with ChatServer(tell, faults=(500,)) as server:
        judge(folder, server)
    score(folder)
    assert server.authorizations == {f"Bearer {KEY}"}
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert {"replies.jsonl", "records.jsonl", "manifest.json", "results.json"} <= {
        path.name for path in written
    }
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


def test_finished_calls_are_kept_when_the_judge_fails_and_only_the_others_are_asked(folder):
    with ChatServer(verdict, faults=(None, 400, None, 400)) as server:
        with pytest.raises(JudgeError, match=r"got 2 of 4 without a reply \(402, 404\).*kept"):
            judge(folder, server, "--workers", 1)
        assert not (folder / "out/records.jsonl").exists()
        assert len(read_lines(folder / "out/replies.jsonl")) == 2
        judge(folder, server, "--workers", 1)
        assert len(server.requests) == 4 + 2
        judge(folder, server, "--workers", 1)
    assert len(server.requests) == 6  # a finished step asks nothing
    assert read_json(folder / "out/manifest.json")["usage"]["from_disk"] == 4


def test_a_reply_without_a_score_is_asked_for_three_times_then_named(folder):
    def garbled(text, _):
        return "no idea" if "thing 402" in text else "Score: 1"

    with ChatServer(garbled) as server:
        judge(folder, server)
    assert len(server.requests) == 3 + 3
    assert read_json(folder / "out/manifest.json")["unreadable"] == [402]
    with pytest.raises(MissingItemsError, match=r"got 0 missing and 1 unreadable \(402\)"):
        score(folder)
    assert score(folder, "--allow-missing").n_scored == 3


def test_missing_damaged_and_extra_images_are_named_before_anything_is_asked(folder):
    with ChatServer(verdict) as server:
        write_image(folder / "images/extra.png", np.zeros((2, 2, 3), np.uint8))
        with pytest.raises(ValueError, match=r"got 1 of no prompt: extra\.png"):
            judge(folder, server)
        (folder / "images/extra.png").unlink()
        (folder / "images/402.png").unlink()
        with pytest.raises(MissingItemsError, match="got 1 of 4 missing or unreadable: 402"):
            judge(folder, server)
        truncated = (folder / "images/403.png").read_bytes()[:30]
        (folder / "images/402.png").write_bytes(truncated)
        with pytest.raises(MissingItemsError, match=r"got 1 of 4 damaged: 402\.png"):
            judge(folder, server)
        assert not server.requests
        judge(folder, server, "--allow-missing")
    assert [row["prompt_id"] for row in read_lines(folder / "out/records.jsonl")] == [401, 403, 404]


def test_images_of_the_other_categories_may_lie_in_the_folder(folder):
    write_image(folder / "images/7.png", np.zeros((2, 2, 3), np.uint8))
    with ChatServer(verdict) as server:
        judge(folder, server)
    assert len(server.requests) == 4


def test_several_prompt_files_are_one_set_and_may_not_share_an_id(folder):
    write_json(folder / "more.json", PROMPTS[3:])
    write_json(folder / "time.json", PROMPTS[:3])
    files = ["--prompts", folder / "time.json", folder / "more.json"]
    with ChatServer(verdict) as server:
        judge(folder, server, *files)
        assert len(server.requests) == 4
        write_json(folder / "more.json", PROMPTS[2:])
        with pytest.raises(ValueError, match="prompt_id must be unique, got 403 twice"):
            judge(folder, server, *files)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([{"Prompt": "p", "prompt_id": 1}], "prompt 0 must have 'Explanation'"),
        ([5], "prompt 0 must be an object, got 5"),
        ([{**PROMPTS[0], "prompt_id": [1]}], r"prompt 0 prompt_id must be a whole number, got \[1"),
    ],
)
def test_a_prompt_file_of_another_form_is_refused(prompts, message, folder):
    write_json(folder / "time.json", prompts)
    with ChatServer(verdict) as server, pytest.raises(ValueError, match=message):
        judge(folder, server)
    assert not server.requests


class Grey:
    """Draws grey, and counts how often."""

    def __init__(self):
        self.asked, self.protocol = 0, {"model": "grey"}

    def generate(self, requests):
        self.asked += len(requests)
        return [np.full((4, 4, 3), request.seed, np.uint8) for request in requests]


def test_a_run_draws_judges_and_scores_and_draws_nothing_twice(folder, monkeypatch):
    model = Grey()
    monkeypatch.setattr("benchmarks.wise.commands.open_model", lambda name: model)
    with ChatServer(verdict) as server:
        words = ["--model", "grey:x", "--prompts", folder / "time.json", "--out", folder / "all"]
        words += ["--judge-url", server.url, "--judge-model", "judge", "--allow-missing"]
        run("run", words)
        run("run", words)
    assert model.asked == len(PROMPTS)
    assert len(server.requests) == len(PROMPTS)
    assert Results.read(folder / "all").metrics["wise.time@verified-judge"].value == 0.5


def test_a_folder_of_images_is_not_drawn_again_but_judged(folder):
    with pytest.raises(ValueError, match="must be one that draws, got a folder of images"):
        run(
            "generate",
            ["--model", f"folder:{folder}", "--prompts", folder / "time.json", "--out", folder],
        )
