"""Replies on disk: a killed process loses none, a torn line costs one, another question is new."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.judges.replies import Remembered, ReplyLog, reply_key

ROOT = Path(__file__).parents[3]
IMAGE = np.zeros((2, 2, 3), np.uint8)


def test_a_killed_process_keeps_every_finished_reply(tmp_path):
    path = tmp_path / "replies.jsonl"
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from benchmarks.judges.replies import ReplyLog; log = ReplyLog(Path(sys.argv[1]));"
        "log.add('a', {'reply': 'one'}); log.add('b', {'reply': 'two'});"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    died = subprocess.run([sys.executable, "-c", program, path], env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    found = ReplyLog(path)
    assert [found.get(key)["reply"] for key in "ab"] == ["one", "two"]
    assert found.damaged == 0


def test_a_torn_line_costs_its_own_reply_alone(tmp_path, caplog):
    path = tmp_path / "replies.jsonl"
    log = ReplyLog(path)
    log.add("a", {"reply": "one"})
    log.add("b", {"reply": "two"})
    path.write_bytes(path.read_bytes()[:-5])
    torn = ReplyLog(path)
    assert (torn.get("a")["reply"], torn.get("b"), torn.damaged) == ("one", None, 1)
    assert "1 half-written replies" in caplog.text
    torn.add("b", {"reply": "two again"})
    torn.add("c", {"reply": "three"})
    whole = ReplyLog(path)
    assert [whole.get(key)["reply"] for key in "abc"] == ["one", "two again", "three"]


def test_every_part_of_a_question_makes_it_another():
    base = ({"model": "m"}, [IMAGE], "text", 0)
    others = [
        ({"model": "n"}, [IMAGE], "text", 0),
        ({"model": "m"}, [IMAGE + 1], "text", 0),
        ({"model": "m"}, [IMAGE.reshape(1, 4, 3)], "text", 0),
        ({"model": "m"}, [IMAGE], "texts", 0),
        ({"model": "m"}, [IMAGE], "text", 1),
    ]
    assert reply_key(*base) == reply_key({"model": "m"}, [IMAGE.copy()], "text", 0)
    assert len({reply_key(*base), *(reply_key(*other) for other in others)}) == 6


class Local:
    label = "local"

    def __init__(self):
        self.protocol = {"model": "local"}
        self.asked = []

    def ask(self, images, text):
        self.asked.append(text)
        return f"said {text}"


def test_a_local_model_is_asked_once_for_each_question(tmp_path):
    asker = Remembered(local := Local(), ReplyLog(tmp_path / "replies.jsonl"))
    assert [asker.ask([IMAGE], "a", attempt) for attempt in range(2)] == ["said a"] * 2
    again = Remembered(local, ReplyLog(tmp_path / "replies.jsonl"))
    assert again.ask([IMAGE], "a") == "said a"
    assert local.asked == ["a"]
    assert again.usage == {"calls": 0, "from_disk": 1}
