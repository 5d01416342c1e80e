"""MME: the prefix of four characters, pairs of questions, and sums of subtasks."""

import pytest

from benchmarks.records import MissingItemsError
from benchmarks.vqa import mme
from benchmarks.vqa.asking import Round

from .models import Answerer, write_grey

QUESTION = "Is it? Please answer yes or no."


def write_subtask(folder, name, *columns):
    """Write two images; `columns` are the replies, none for the file that is asked."""
    folder.mkdir(exist_ok=True)
    rows = [(f"{n // 2}.png", f"{n}? {QUESTION}", "Yes" if n % 2 == 0 else "No") for n in range(4)]
    cells = [(*row, *(column[n] for column in columns)) for n, row in enumerate(rows)]
    (folder / f"{name}.txt").write_text("".join("\t".join(cell) + "\n" for cell in cells))


def write_all(folder, replies):
    for name in mme.SUBTASKS:
        write_subtask(folder, name, replies)


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ("Yes", "yes"),
        ("no.", "no"),
        ("Yes, no", "yes"),
        ("  yes", "other"),  # four characters are "  ye"
        (" yes", "yes"),
        ("the yes", "other"),
        ("None", "no"),
        ("know", "no"),
        ("nope", "no"),
        ("yno", "no"),
        ("noyes", "no"),  # "noye" has no "yes"
        ("", "other"),
    ],
)
def test_a_reply_is_read_from_its_first_four_characters(reply, label):
    assert mme.label(reply) == label


def test_a_subtask_adds_accuracy_and_the_share_of_whole_images(tmp_path):
    write_all(tmp_path, ["yes", "no", "yes", "yes"])  # image 0 both right, image 1 one of two
    metrics = mme.score(tmp_path).metrics
    assert metrics["mme.existence.accuracy@official"].value == 3 / 4
    assert metrics["mme.existence.accuracy_plus@official"].value == 1 / 2
    assert metrics["mme.existence@official"].value == pytest.approx(75 + 50, abs=1e-9)
    assert metrics["mme.perception@official"].value == pytest.approx(10 * 125, abs=1e-9)
    cognition = metrics["mme.cognition@official"]
    assert cognition.value == pytest.approx(4 * 125, abs=1e-9)
    # an image is worth 200 or 50, so the sum of four subtasks lies between 200 and 800
    assert 200 <= cognition.ci_low < 500 < cognition.ci_high <= 800


def test_an_absent_subtask_is_named_and_its_sum_left_out(tmp_path):
    write_all(tmp_path, ["yes", "no", "yes", "no"])
    (tmp_path / "OCR.txt").unlink()
    with pytest.raises(MissingItemsError, match=r"subtasks must be complete.*1 of 14.*: OCR"):
        mme.score(tmp_path)
    results = mme.score(tmp_path, allow_missing=True)
    assert results.protocol["missing"] == ["OCR"]
    assert "mme.perception@official" not in results.metrics
    assert results.metrics["mme.cognition@official"].value == 800


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png\tq\tYes\tyes\n", "two lines for each image, got 1 lines"),
        ("", "two lines for each image, got 0 lines"),
        ("a.png\tq\tYes\n" * 2, "line 1 must have 4 cells, got 3"),
        ("a.png\tq\tmaybe\tyes\n" * 2, "line 1 must have the answer yes or no, got 'maybe'"),
        (
            "a.png\tq\tYes\tyes\nb.png\tq\tNo\tno\n",
            "line 2 must be about the image of the line before, got 'b.png'",
        ),
    ],
)
def test_a_bad_line_is_named(text, message, tmp_path):
    write_all(tmp_path, ["yes"] * 4)
    (tmp_path / "count.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"count.txt.*{message}"):
        mme.score(tmp_path)


@pytest.mark.parametrize(
    ("reply", "perception"),
    [
        (lambda text: "Yes\n\tit is" if int(text[0]) % 2 == 0 else "No", 2000),
        (lambda text: "yes", 500),  # half of the questions, and no image whole: 50 a subtask
    ],
)
def test_the_score_of_a_perfect_and_of_a_constant_model(reply, perception, tmp_path):
    for name in mme.SUBTASKS:
        write_subtask(tmp_path / "questions", name)
        nested = "images" if name == "posters" else "."
        for image in range(2):
            write_grey(tmp_path / "images" / name / nested / f"{image}.png")
    model = Answerer(reply)
    asked = Round(model=model, prompts=tmp_path / "questions", out=tmp_path / "out")
    records = mme.generate(asked, tmp_path / "images")
    results = mme.score(records)
    assert results.metrics["mme.perception@official"].value == perception
    assert model.asked[0].text.endswith(QUESTION)
    assert set(results.protocol["prompts"]) == {f"{name}.txt" for name in mme.SUBTASKS}
