"""DPG's questions before a chat endpoint."""

import numpy as np
import pytest

from benchmarks.judges.asking import JudgeError
from benchmarks.judges.chat import ChatJudge
from benchmarks.judges.chat_config import ChatConfig
from benchmarks.judges.replies import ReplyLog
from benchmarks.judges.yes_or_no import AskedQuestions
from tests.chat_server import ChatServer

ROWS = [
    {"item_id": "a", "proposition_id": str(number), "question_natural_language": f"a {thing}?"}
    for number, thing in enumerate(("dog", "cat"), start=1)
]
GREY = np.zeros((4, 4, 3), np.uint8)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def judge(server, folder, tries=1):
    config = ChatConfig(url=server.url, model="maker/judge", max_tokens=8, tries=tries)
    return AskedQuestions(ChatJudge(config, ReplyLog(folder / "replies.jsonl")), workers=2)


def test_each_question_is_asked_of_each_image_and_its_reply_cut_to_yes_or_no(tmp_path):
    with ChatServer(lambda text, _: "Yes, it is." if "dog" in text else "hard to say") as server:
        asked = judge(server, tmp_path)
        before = dict(asked.protocol)
        assert asked.answer([GREY, GREY + 1], [ROWS, ROWS[:1]]) == [["yes", "hard to say"], ["yes"]]
    assert sorted(server.texts()) == [
        "a cat? Answer with yes or no.",
        "a dog? Answer with yes or no.",
        "a dog? Answer with yes or no.",
    ]
    assert asked.protocol == before  # it is part of what a finished step is known by
    assert before["judge"] == asked.label == "judge"


def test_a_question_without_reply_is_named_and_the_others_are_kept(tmp_path):
    with ChatServer(lambda text, _: "no", faults=(500,)) as server:
        with pytest.raises(JudgeError, match=r"got 1 of 2 without a reply \(a [12] of image 0\)"):
            judge(server, tmp_path).answer([GREY], [ROWS])
        assert judge(server, tmp_path).answer([GREY], [ROWS]) == [["no", "no"]]
    assert len(server.requests) == 3
