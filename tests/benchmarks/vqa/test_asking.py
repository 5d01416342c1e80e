"""Rounds of questions: resumed, held to one protocol, and strict about images."""

import json

import pytest
from PIL import Image

from benchmarks.protocol import UnansweredError
from benchmarks.records import MissingItemsError
from benchmarks.vqa import asking
from benchmarks.vqa.asking import ASKED, Question, Round
from benchmarks.vqa.chat import write_judged

from .models import GREY, Answerer, Chat, write_grey


@pytest.fixture
def images(tmp_path):
    for number in range(4):
        write_grey(tmp_path / f"{number}.png")
    return tmp_path


def questions(folder, count=4):
    return [Question(f"q{n}", f"What is {n}?", (folder / f"{n}.png",)) for n in range(count)]


def round_by(model, folder, **settings):
    prompts = folder / "prompts.txt"
    prompts.write_text("the questions")
    return Round(model=model, prompts=prompts, out=folder / "out", **settings)


def test_an_interrupted_round_asks_only_what_is_left(images, monkeypatch):
    monkeypatch.setattr(asking, "BATCH", 2)

    def fail_at_two(text):
        if "2" in text:
            raise RuntimeError("the machine went down")
        return text.upper()

    with pytest.raises(RuntimeError, match="went down"):
        round_by(Answerer(fail_at_two), images).ask(questions(images))
    with (images / "out" / ASKED).open("a") as lines:
        lines.write('{"question": "q2", "rep')  # half a line, as a crash leaves it
    model = Answerer(str.upper)
    replies = round_by(model, images).ask(questions(images))
    assert [request.text for request in model.asked] == ["What is 2?", "What is 3?"]
    assert [request.seed for request in model.asked] == [2, 3]
    assert replies == {f"q{n}": f"WHAT IS {n}?" for n in range(4)}
    assert round_by(Answerer(fail_at_two), images).ask(questions(images)) == replies


def test_another_wording_or_model_is_refused_in_the_same_folder(images):
    round_by(Answerer(str.upper), images).ask(questions(images), suffix="")
    with pytest.raises(ValueError, match=r"one protocol, got prompt\.suffix: '' against '!' in"):
        round_by(Answerer(str.upper), images).ask(questions(images), suffix="!")
    other = Answerer(str.upper)
    other.protocol = {"model": "other"}
    with pytest.raises(ValueError, match=r"got model\.model: 'answerer' against 'other'"):
        round_by(other, images).ask(questions(images), suffix="")


def test_a_folder_whose_answers_a_judge_has_read_since_is_refused(images):
    asked = round_by(Answerer(str.upper), images)
    asked.ask(questions(images), suffix="")
    write_judged(asked.out / "answers.json", Chat(str.upper), asked.out)
    with pytest.raises(
        ValueError, match=r"of one protocol, got judge: \{.*\} against 'nothing' in"
    ):
        asked.ask(questions(images), suffix="")


def test_missing_and_truncated_images_are_named_and_the_rest_is_kept(images):
    (images / "1.png").unlink()
    (images / "3.png").write_bytes((images / "3.png").read_bytes()[:40])
    with pytest.raises(MissingItemsError, match="2 of 4 missing or unreadable: q1, q3"):
        round_by(Answerer(str.upper), images).ask(questions(images))
    kept = (images / "out" / ASKED).read_text().splitlines()
    assert [json.loads(line)["question"] for line in kept] == ["q0", "q2"]
    allowed = round_by(Answerer(str.upper), images, allow_missing=True).ask(questions(images))
    assert list(allowed) == ["q0", "q2"]


def test_a_duplicate_question_and_a_wrong_number_of_replies_are_errors(images):
    with pytest.raises(ValueError, match="question must be unique, got 'q0' twice"):
        round_by(Answerer(str), images).ask([*questions(images, 1), *questions(images, 1)])
    model = Answerer(str)
    model.answer = lambda requests: ["one"]
    with pytest.raises(ValueError, match="answer must return 4 replies, got 1"):
        round_by(model, images).ask(questions(images))


def unanswered_but(images, refused, **settings):
    """Ask a model that answers the first and last question alone."""

    def answer(requests):
        raise UnansweredError("no words", ["one", *[None] * (len(requests) - 2), "last"], refused)

    model = Answerer(str)
    model.answer = answer
    return round_by(model, images, **settings).ask(questions(images))


def test_paid_replies_are_kept_when_the_model_stops_answering(images):
    with pytest.raises(UnansweredError, match="no words"):
        unanswered_but(images, refused=False, allow_missing=True)
    model = Answerer(str.upper)
    replies = round_by(model, images).ask(questions(images))
    assert [request.text for request in model.asked] == ["What is 1?", "What is 2?"]
    assert replies == {"q0": "one", "q1": "WHAT IS 1?", "q2": "WHAT IS 2?", "q3": "last"}


def test_a_refused_answer_is_missing_and_the_reason_told(images, caplog):
    with pytest.raises(MissingItemsError, match="2 of 4 missing or unreadable: q1, q2"):
        unanswered_but(images, refused=True)
    assert "no words" in caplog.text
    model = Answerer(str.upper)
    (images / "1.png").unlink()
    allowed = round_by(model, images, allow_missing=True).ask(questions(images))
    assert allowed == {"q0": "one", "q2": "WHAT IS 2?", "q3": "last"}


def test_a_question_about_an_image_that_has_changed_is_asked_again(images):
    round_by(Answerer(str.upper), images).ask(questions(images))
    Image.fromarray(GREY + 9).save(images / "2.png")
    model = Answerer(lambda text: "anew")
    replies = round_by(model, images).ask(questions(images))
    assert [request.text for request in model.asked] == ["What is 2?"]
    assert model.asked[0].images[0][0, 0].tolist() == [137] * 3
    assert replies == {"q0": "WHAT IS 0?", "q1": "WHAT IS 1?", "q2": "anew", "q3": "WHAT IS 3?"}
    (images / "3.png").unlink()
    with pytest.raises(MissingItemsError, match="1 of 4 missing or unreadable: q3"):
        round_by(model, images).ask(questions(images))


def test_an_image_may_come_as_bytes(images):
    model = Answerer(str.upper)
    asked = Question("q", "What?", ((images / "0.png").read_bytes(),))
    round_by(model, images).ask([asked])
    assert model.asked[0].images[0].tolist() == [[[128] * 3] * 6] * 4
