"""Public models that answer: a tiny checkpoint, and a server on this machine."""

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.images import write_image
from benchmarks.protocol import Request, UnansweredError
from benchmarks.records import read_json, write_json
from benchmarks.registry import open_model
from benchmarks.results import Results
from tests.benchmarks.judges.tiny import save_vision_language
from tests.chat_server import ChatServer

GREY = np.full((9, 7, 3), 99, np.uint8)
REQUESTS = [Request("one"), Request("two"), Request("three")]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_any_image_text_to_text_model_answers(tmp_path):
    folder = save_vision_language(tmp_path / "tiny-llava")
    model = open_model(f"hf:{folder}?max_tokens=3")
    requests = [Request("is there a dog", (GREY,)), Request("a dog", (GREY + 99,))]
    assert model.answer(requests) == [model.answer([one])[0] for one in requests]
    assert model.protocol["max_tokens"] == 3
    assert model.protocol["precision"] == "float32"
    with pytest.raises(ValueError, match="a model that draws must be asked for images, got Llava"):
        model.generate(requests)


def test_gqa_runs_from_the_command_line_on_a_server(tmp_path, capsys):
    write_image(tmp_path / "images" / "n.jpg", GREY)
    write_json(tmp_path / "q.json", {"a": {"imageId": "n", "question": "A dog?", "answer": "no"}})
    with ChatServer(lambda text, _: "No.") as server:
        words = ["run", "gqa", "--model", f"openai:maker/model@{server.url}"]
        words += ["--questions", str(tmp_path / "q.json"), "--images", str(tmp_path / "images")]
        assert main([*words, "--out", str(tmp_path / "out")]) == 0
        assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert len(server.requests) == 1  # the second run found its reply
    assert Results.read(tmp_path / "out").metrics["gqa.overall@q"].value == 100.0
    assert read_json(tmp_path / "out/manifest.json")["model"]["model"] == "maker/model"


@pytest.mark.parametrize("fault", [400, 422])
def test_a_request_that_is_refused_leaves_the_others_their_replies(fault):
    with ChatServer(lambda text, _: text, faults=(None, fault)) as server:
        model = open_model(f"openai:m@{server.url}?workers=1")
        with pytest.raises(UnansweredError, match=f"1 of 3 .*status {fault}") as caught:
            model.answer(REQUESTS)
    assert caught.value.replies == ["one", None, "three"]
    assert caught.value.refused


def test_an_empty_completion_is_an_answer_only_if_the_model_ended_it():
    with ChatServer(lambda text, _: "" if text == "one" else None) as server:
        model = open_model(f"openai:m@{server.url}")
        assert model.answer(REQUESTS[:1]) == [""]
        with pytest.raises(UnansweredError, match="end by 'stop', got none and 'length'") as caught:
            model.answer(REQUESTS[:2])
    assert caught.value.replies == ["", None]
    assert caught.value.refused


def test_a_server_that_is_gone_after_some_replies_is_not_one_that_refuses():
    many = [Request(str(number)) for number in range(20)]
    with ChatServer(lambda text, _: text, faults=(None, *[400] * 19)) as server:
        model = open_model(f"openai:m@{server.url}?workers=1")
        with pytest.raises(UnansweredError, match=r"a reply and \d not asked") as caught:
            model.answer(many)
    assert caught.value.replies == ["0", *[None] * 19]
    assert not caught.value.refused


def test_a_server_that_fails_is_told_and_a_name_without_url_is_refused():
    with ChatServer(lambda text, _: "no", faults=(500, None, 500)) as server:
        model = open_model(f"openai:m@{server.url}?tries=1&workers=1")
        with pytest.raises(UnansweredError, match="got 2 of 3 without a reply") as caught:
            model.answer(REQUESTS)
        assert caught.value.replies == [None, "no", None]
        assert not caught.value.refused
        assert model.answer([Request("one")]) == ["no"]
    with pytest.raises(ValueError, match="must be openai:NAME@URL, got 'http://x'"):
        open_model("openai:http://x")
    with pytest.raises(ValueError, match="a model that draws must be asked for images, got m"):
        model.generate([Request("one")])
