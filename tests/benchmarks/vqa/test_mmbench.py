"""MMBench: every rotation must be right; what rules cannot read is wrong or judged."""

import base64
import io

import pytest
from PIL import Image

from benchmarks.records import MissingItemsError, write_json
from benchmarks.vqa import mmbench
from benchmarks.vqa.asking import Round
from benchmarks.vqa.official_files import write_table

from .models import GREY, Answerer, Chat

TEXTS = ("red", "blue", "none of them")


def write_questions(folder, **changes):
    """Write questions 1 and 2, each with three rotations; images of rotations are references."""
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, format="PNG")
    rows = []
    for base in (1, 2):
        for turn in range(3):
            texts = TEXTS[turn:] + TEXTS[:turn]
            rows.append(
                {
                    "index": base + turn * mmbench.ROTATION,
                    "question": f"Question {base}?",
                    "hint": "Look." if base == 1 else "",
                    **dict(zip("ABC", texts, strict=True)),
                    "D": "",
                    "answer": "ABC"[-turn % 3],  # where "red" has gone
                    "category": f"kind {base}",
                    "l2-category": "looks",
                    "split": "dev",
                    "image": base64.b64encode(file.getvalue()).decode() if turn == 0 else base,
                    **changes,
                }
            )
    write_table(folder / "mmbench.tsv", rows)
    return folder / "mmbench.tsv"


def scored(folder, replies, **settings):
    path = write_questions(folder)
    indices = [base + turn * mmbench.ROTATION for base in (1, 2) for turn in range(3)]
    rows = [
        {"index": index, "prediction": reply}
        for index, reply in zip(indices, replies, strict=False)
    ]
    write_table(folder / "predictions.tsv", rows)
    return mmbench.score(folder / "predictions.tsv", path, **settings)


def test_one_wrong_rotation_makes_a_question_wrong(tmp_path):
    # "red" is A, then C, then B
    metrics = scored(tmp_path, ["A", "(C)", "B. red", "A", "C", "A"]).metrics
    expected = {
        "mmbench.overall@dev-circular-exact": 1 / 2,
        "mmbench.l2-category.looks@dev-circular-exact": 1 / 2,
        "mmbench.category.kind 1@dev-circular-exact": 1.0,
        "mmbench.category.kind 2@dev-circular-exact": 0.0,
    }
    assert {name: metric.value for name, metric in metrics.items()} == pytest.approx(expected)


def test_a_rotation_that_stands_first_in_the_file_does_not_name_the_question(tmp_path):
    rows = [
        {"index": index, "question": "?", "A": "x", "B": "y", "answer": "A", "category": kind}
        for index, kind in ((mmbench.ROTATION + 7, "turned"), (7, "base"))
    ]
    write_table(tmp_path / "mmbench.tsv", rows)
    replies = [{"index": row["index"], "prediction": "A"} for row in rows]
    write_table(tmp_path / "predictions.tsv", replies)
    results = mmbench.score(tmp_path / "predictions.tsv", tmp_path / "mmbench.tsv")
    assert [item.name for item in results.items] == ["7"]
    assert results.metrics["mmbench.category.base@none-circular-exact"].value == 1.0


def test_an_unread_reply_is_wrong_unless_a_judge_reads_it(tmp_path):
    replies = ["A", "C", "B", "crimson, like blood and fire and roses", "C", "B"]
    results = scored(tmp_path, replies)
    assert results.metrics["mmbench.overall@dev-circular-exact"].value == 1 / 2
    assert results.protocol["unread"] == "wrong"
    chat = Chat(lambda text: "A")
    paths = tmp_path / "predictions.tsv", tmp_path / "mmbench.tsv"
    judged = mmbench.judge(chat, *paths, tmp_path / "judged")
    assert len(chat.asked) == 1
    assert "crimson" in chat.asked[0]
    assert "A. red" in chat.asked[0]
    results = mmbench.score(judged, tmp_path / "mmbench.tsv")
    assert results.metrics["mmbench.overall@dev-circular-chat-1"].value == 1.0
    assert results.protocol["judge"] == chat.protocol


def test_a_judge_that_says_nothing_useful_is_asked_three_times(tmp_path):
    scored(tmp_path, ["crimson, like blood and fire and roses", "C", "B", "A", "C", "B"])
    chat = Chat(lambda text: "I do not know what that could mean at all")
    paths = tmp_path / "predictions.tsv", tmp_path / "mmbench.tsv"
    results = mmbench.score(mmbench.judge(chat, *paths, tmp_path / "judged"), paths[1])
    assert chat.attempts == [0, 1, 2]
    assert results.metrics["mmbench.overall@dev-circular-chat-1"].value == 1 / 2


def red(text):
    return next(line[0] for line in text.split("\n") if line[3:] == "red")


@pytest.mark.parametrize(
    ("reply", "overall"),
    [
        (red, 1.0),
        (lambda text: "A", 0.0),  # right for one rotation of three: never circularly
    ],
)
def test_the_score_of_a_perfect_and_of_a_constant_model(reply, overall, tmp_path):
    path = write_questions(tmp_path)
    model = Answerer(reply)
    records = mmbench.generate(Round(model=model, prompts=path, out=tmp_path / "out"))
    results = mmbench.score(records, path)
    assert results.metrics["mmbench.overall@dev-circular-exact"].value == overall
    assert model.asked[0].text == (
        "Look.\nQuestion 1?\nA. red\nB. blue\nC. none of them\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert model.asked[1].images[0].shape == (4, 6, 3)  # of the row that it refers to
    assert {item.cluster for item in results.items} == {results.items[0].cluster}  # one image


def test_a_cell_that_pandas_takes_for_missing_is_no_option(tmp_path):
    questions = mmbench.read_questions(write_questions(tmp_path, C="None"))
    assert list(mmbench.options_of(questions[1])) == ["A", "B"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("2\tfoo\n", "predictions must belong to the prompts, got 2"),
        ("zz\tfoo\n", "predictions must belong to the prompts, got zz"),
        ("1\tfoo\n1\tfoo\n", "index must be unique, got '1' twice"),
    ],
)
def test_predictions_of_no_question_are_named_before_the_judge_is_asked(rows, message, tmp_path):
    (tmp_path / "q.tsv").write_text("index\tquestion\tA\tB\tanswer\n1\tq\tx\ty\tA\n")
    (tmp_path / "p.tsv").write_text("index\tprediction\n" + rows)
    chat = Chat(lambda text: "A")
    with pytest.raises(ValueError, match=message):
        mmbench.judge(chat, tmp_path / "p.tsv", tmp_path / "q.tsv", tmp_path / "out")
    assert not chat.asked


def test_a_reply_that_is_no_text_is_not_judged_but_missing(tmp_path):
    path = write_questions(tmp_path)
    texts = {1: "A", 1 + mmbench.ROTATION: None}
    write_json(tmp_path / "p.json", [{"index": n, "prediction": t} for n, t in texts.items()])
    judged = mmbench.judge(Chat(str), tmp_path / "p.json", path, tmp_path / "out")
    with pytest.raises(MissingItemsError, match="5 of 6 missing or unreadable: 1000001, 2000001"):
        mmbench.score(judged, path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("\tq\tx\ty\tA\n", "row 1 index must be a whole number, got 'nothing'"),
        ("zz\tq\tx\ty\tA\n", "row 1 index must be a whole number, got 'zz'"),
        (
            "1\tq\tx\ty\tA\n1000002\tq\ty\tx\tB\n",
            "index 1000002 must be a rotation of a question that is there, got no index 2",
        ),
    ],
)
def test_an_index_of_no_question_is_named(rows, message, tmp_path):
    (tmp_path / "q.tsv").write_text("index\tquestion\tA\tB\tanswer\n" + rows)
    with pytest.raises(ValueError, match=message):
        mmbench.read_questions(tmp_path / "q.tsv")


def test_bad_files_are_named(tmp_path):
    with pytest.raises(MissingItemsError, match="1 of 6 missing or unreadable: 2000002"):
        scored(tmp_path, ["A"] * 5)
    assert scored(tmp_path, ["A", "C", "B", "A"], allow_missing=True).n_scored == 1
    path = tmp_path / "bad.tsv"
    write_table(path, [{"index": 1, "question": "q", "answer": "A"}] * 2)
    with pytest.raises(ValueError, match="index must be unique, got 1 twice"):
        mmbench.read_questions(path)
    with pytest.raises(ValueError, match=r"bad.tsv must have 'image'"):
        mmbench.read_questions(path, "image")
    path.write_text("index\tprediction\n1\tA\textra\n")
    with pytest.raises(ValueError, match="line 2 must have as many cells as the head"):
        mmbench.score(path, tmp_path / "mmbench.tsv")
    asked = Round(model=Answerer(str), prompts=write_questions(tmp_path, image="x"), out=tmp_path)
    with pytest.raises(ValueError, match="index 1 must have an image or another row's index"):
        mmbench.generate(asked)
