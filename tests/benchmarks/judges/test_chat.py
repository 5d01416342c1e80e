"""A chat judge against a server that answers, fails, stalls, babbles and limits."""

import base64
import io
import time

import numpy as np
import pytest
from PIL import Image

from benchmarks.judges.asking import JudgeError, ask_all
from benchmarks.judges.chat import ChatJudge, _requested_wait
from benchmarks.judges.chat_config import ChatConfig
from benchmarks.judges.replies import ReplyLog
from tests.chat_server import STALL_SECONDS, ChatServer

IMAGE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
KEY = "sk-secret-0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def echo(text, _):
    return f"said {text}"


def judge(server, folder, **settings):
    waits = {"timeout_seconds": 5.0, "wait_seconds": 0.01, "longest_wait_seconds": 0.02, "tries": 3}
    config = ChatConfig(url=server.url, model="maker/judge", **{**waits, **settings})
    return ChatJudge(config, ReplyLog(folder / "replies.jsonl"))


def test_a_question_carries_the_text_the_pixels_and_the_settings(tmp_path):
    with ChatServer(echo) as server:
        asker = judge(server, tmp_path, system="be strict", max_tokens=7)
        assert asker.ask([IMAGE], "what?") == "said what?"
    (request,) = server.requests
    assert request["model"] == "maker/judge"
    assert (request["temperature"], request["max_tokens"]) == (0.0, 7)
    system, user = request["messages"]
    assert system["content"][0]["text"] == "be strict"
    head, _, data = user["content"][1]["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(Image.open(io.BytesIO(base64.b64decode(data))), IMAGE)


def test_the_model_that_answered_stands_in_the_protocol(tmp_path):
    with ChatServer(echo) as server:
        asker = judge(server, tmp_path)
        asker.ask([IMAGE], "what?")
    assert asker.label == "judge"
    assert asker.protocol["served"] == ["maker/judge-snapshot"]


def test_a_stalled_reply_is_given_up_and_asked_for_again(tmp_path):
    with ChatServer(echo, faults=("stall",)) as server:
        asker = judge(server, tmp_path, timeout_seconds=STALL_SECONDS / 2, tries=9)
        assert asker.ask([IMAGE], "what?") == "said what?"
    assert len(server.requests) >= 2


@pytest.mark.parametrize("fault", [500, 503, "garbage", "empty", 429, 408, 409])
def test_a_passing_failure_is_tried_again(tmp_path, fault):
    with ChatServer(echo, faults=(fault,)) as server:
        asker = judge(server, tmp_path)
        assert asker.ask([IMAGE], "what?") == "said what?"
    assert len(server.requests) == 2
    assert (asker.usage["calls"], asker.usage["failed_tries"]) == (1, 1)


def test_a_rate_limit_is_waited_out_as_the_server_asks(tmp_path):
    with ChatServer(echo, faults=((429, {"Retry-After": "0.3"}),)) as server:
        judge(server, tmp_path).ask([IMAGE], "what?")
    assert server.times[1] - server.times[0] >= 0.3  # its own wait would be 0.02


def test_a_date_to_wait_for_is_understood_and_a_day_is_not_waited():
    assert _requested_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert _requested_wait("86400") == 600.0
    assert _requested_wait("soon") is None


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("stall", r"no reply within 0\.2 s"),
        (500, "status 500: .*fault 500"),
        ("garbage", "must be a chat completion, got '<html>"),
    ],
)
def test_after_the_last_try_the_error_says_what_happened(tmp_path, fault, message):
    seconds = 0.2 if fault == "stall" else 5.0
    with ChatServer(echo, faults=(fault,) * 3) as server, pytest.raises(JudgeError, match=message):
        judge(server, tmp_path, timeout_seconds=seconds).ask([IMAGE], "what?")
    assert len(server.requests) == 3


def test_no_server_at_all_is_a_clear_error(tmp_path):
    with ChatServer(echo) as server:
        pass
    with pytest.raises(JudgeError, match="no connection"):
        judge(server, tmp_path, tries=1).ask([IMAGE], "what?")


@pytest.mark.parametrize(("status", "final"), [(401, True), (403, True), (404, True), (400, False)])
def test_a_refusal_is_not_tried_again_and_a_wrong_key_ends_the_run(tmp_path, status, final):
    refused = pytest.raises(JudgeError, match=f"status {status}")
    with ChatServer(echo, faults=(status,)) as server, refused as caught:
        judge(server, tmp_path).ask([IMAGE], "what?")
    assert caught.value.final is final
    assert len(server.requests) == 1


def test_kept_replies_are_not_asked_for_again_and_still_count_in_tokens_and_cost(tmp_path):
    prices = {"dollars_per_million_in": 5.0, "dollars_per_million_out": 20.0}
    with ChatServer(echo) as server:
        judge(server, tmp_path).ask([IMAGE], "what?")
        asker = judge(server, tmp_path, **prices)
        asker.ask([IMAGE], "what?")
        asker.ask([IMAGE], "what?", attempt=1)
        asker.ask([IMAGE + 1], "what?")
    assert len(server.requests) == 3
    assert asker.usage == {
        "replies": 3,
        "calls": 2,
        "from_disk": 1,
        "failed_tries": 0,
        "prompt_tokens": 300,
        "completion_tokens": 30,
        "cost_dollars": pytest.approx(300 * 5e-6 + 30 * 20e-6),
    }
    assert judge(server, tmp_path).usage["cost_dollars"] is None  # no prices, no cost


def test_another_temperature_or_model_is_another_question(tmp_path):
    with ChatServer(echo) as server:
        judge(server, tmp_path).ask([IMAGE], "what?")
        judge(server, tmp_path, temperature=0.5).ask([IMAGE], "what?")
    assert len(server.requests) == 2


def test_the_key_comes_from_the_environment_and_is_written_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)

    def tell(text, authorization):
        return f"you sent {authorization}"

    with ChatServer(tell, faults=(500,)) as server:
        asker = judge(server, tmp_path, key_variable="MY_KEY")
        assert asker.ask([IMAGE], "what?") == "you sent Bearer [key]"
    assert server.authorizations == {f"Bearer {KEY}"}
    written = (tmp_path / "replies.jsonl").read_text()
    assert "[key]" in written
    assert KEY not in written + repr(asker.protocol) + repr(asker.usage)


def test_openais_own_endpoint_without_a_key_is_refused_before_any_call(tmp_path):
    config = ChatConfig(url="https://api.openai.com/v1", model="judge")
    with pytest.raises(ValueError, match="OPENAI_API_KEY must be set in the environment"):
        ChatJudge(config, ReplyLog(tmp_path / "replies.jsonl")).ask([IMAGE], "what?")


@pytest.mark.parametrize("url", ["http://me:word@host/v1", "http://host/v1?api-key=word"])
def test_an_address_that_holds_a_key_is_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match="must hold no credentials") as caught:
        ChatConfig(url=url, model="judge")
    assert "word" not in str(caught.value)


def test_questions_are_asked_side_by_side_and_answered_in_order(tmp_path):
    def slow(text, _):
        time.sleep(0.03)
        return f"said {text}"

    names = {str(number): f"question {number}" for number in range(12)}
    with ChatServer(slow) as server:
        asker = judge(server, tmp_path)
        replies = ask_all(lambda text: asker.ask([IMAGE], text), names, workers=4)
    assert replies == {name: f"said {text}" for name, text in names.items()}
    assert 1 < server.most_open <= 4


def test_questions_without_a_reply_are_counted_and_named_and_the_others_kept(tmp_path):
    def stubborn(text, _):
        if text in ("2", "4"):
            raise ConnectionResetError
        return text

    names = {str(number): str(number) for number in range(6)}
    with ChatServer(stubborn) as server:
        asker = judge(server, tmp_path, tries=2)
        with pytest.raises(JudgeError, match=r"got 2 of 6 without a reply \(2, 4\)") as caught:
            ask_all(lambda text: asker.ask([IMAGE], text), names, workers=2)
        assert caught.value.replies == {name: name for name in "0135"}
        asked = len(server.requests)
        server.answer = echo
        ask_all(lambda text: judge(server, tmp_path).ask([IMAGE], text), names, workers=2)
    assert len(server.requests) == asked + 2


def test_failures_between_replies_do_not_end_the_run():
    def fail_at_times(number):
        if number % 40 == 1:
            raise JudgeError("odd")
        return number

    with pytest.raises(JudgeError, match=r"got 13 of 500 without a reply \(1, 41, 81, 121, 161, "):
        ask_all(fail_at_times, {str(number): number for number in range(500)})


def test_a_final_failure_ends_the_run_at_once():
    def refuse(number):
        raise JudgeError("wrong key", final=True)

    with pytest.raises(JudgeError, match=r"got 1 of 1000 without a reply and 999 not asked"):
        ask_all(refuse, {str(number): number for number in range(1000)})


def test_a_judge_that_is_gone_is_not_asked_a_thousand_times(tmp_path):
    names = {str(number): str(number) for number in range(1000)}
    with ChatServer(echo, faults=(500,) * 2000) as server:
        asker = judge(server, tmp_path, tries=1)
        with pytest.raises(JudgeError, match=r"got 10 of 1000 without a reply and 990 not asked"):
            ask_all(lambda text: asker.ask([IMAGE], text), names)
    assert len(server.requests) < 30
