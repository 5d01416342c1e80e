"""MME: the prefix of four characters, pairs of questions, and sums of subtasks."""

from dataclasses import replace

import pytest

from benchmarks.protocol import UnansweredError
from benchmarks.records import MissingItemsError
from benchmarks.vqa import mme, mme_files
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
    # an image is worth 200 or 50: resampled 275 to 725 in steps of 75, times 2.776 / 1.960 *
    # sqrt(8 / 4), as 8 images of 4 subtasks leave t four degrees
    ends = 500 - 225 * 2.0033, 500 + 225 * 2.0033
    assert (cognition.ci_low, cognition.ci_high) == pytest.approx(ends, abs=0.1)


def test_subtasks_of_unlike_sizes_weigh_alike_and_images_of_two_subtasks_are_two(tmp_path):
    write_all(tmp_path, ["yes", "no", "yes", "no"])
    (tmp_path / "OCR.txt").write_text("a.png\tq\tYes\tno\n" * 40)
    results = mme.score(tmp_path)
    assert results.metrics["mme.perception@official"].value == pytest.approx(9 * 200, abs=1e-9)
    assert results.protocol["weights"] == dict.fromkeys(mme.SUBTASKS, 1.0)
    assert {item.cluster for item in results.items if item.stratum in ("count", "scene")} == {
        f"{name}/{image}.png" for name in ("count", "scene") for image in range(2)
    }


def test_the_hash_of_what_was_asked_does_not_know_the_replies(tmp_path):
    write_all(tmp_path, ["yes"] * 4)
    questions = mme.score(tmp_path).protocol["questions"]
    write_all(tmp_path, ["no"] * 4)
    assert mme.score(tmp_path).protocol["questions"] == questions


def test_an_absent_subtask_is_named_and_its_sum_left_out(tmp_path):
    write_all(tmp_path, ["yes", "no", "yes", "no"])
    (tmp_path / "OCR.txt").unlink()
    with pytest.raises(MissingItemsError, match=r"subtasks must be complete.*1 of 14.*: OCR"):
        mme.score(tmp_path)
    results = mme.score(tmp_path, allow_missing=True)
    assert results.protocol["missing"] == ["OCR"]
    assert "mme.perception@official" not in results.metrics
    assert results.metrics["mme.cognition@official"].value == 800


def generated(folder, reply, **settings):
    """Ask a model all subtasks; the second image of `existence` is missing."""
    for name in mme.SUBTASKS:
        write_subtask(folder / "questions", name)
        for image in range(1 if name == "existence" else 2):
            write_grey(folder / "images" / name / f"{image}.png")
    asked = Round(model=Answerer(reply), prompts=folder / "questions", out=folder / "out")
    return mme.generate(replace(asked, **settings), folder / "images")


def test_an_image_that_was_not_asked_about_is_missing_from_the_score_too(tmp_path):
    records = generated(tmp_path, lambda text: "yes", allow_missing=True)
    with pytest.raises(MissingItemsError, match=r"1 of 28 missing or unreadable: existence/1\.png"):
        mme.score(records)
    allowed = mme.score(records, allow_missing=True)
    assert allowed.protocol["missing"] == ["existence/1.png"]
    assert (allowed.n_expected, allowed.n_scored) == (28, 27)
    assert "asked" not in allowed.protocol


def test_an_image_with_one_reply_of_two_is_missing(tmp_path):
    def refuse_a_question(requests):
        replies = [None if request.text.startswith("1?") else "yes" for request in requests]
        raise UnansweredError("no words", replies, refused=True)

    for name in mme.SUBTASKS:
        write_subtask(tmp_path / "questions", name)
        for image in range(2):
            write_grey(tmp_path / "images" / name / f"{image}.png")
    model = Answerer(str)
    model.answer = refuse_a_question
    out = tmp_path / "out"
    asked = Round(model=model, prompts=tmp_path / "questions", out=out, allow_missing=True)
    results = mme.score(mme.generate(asked, tmp_path / "images"), allow_missing=True)
    assert results.protocol["missing"] == [f"{name}/0.png" for name in mme.SUBTASKS]
    assert results.n_scored == 14


def test_lines_cut_off_are_missing_and_lines_added_are_refused(tmp_path):
    records = generated(tmp_path, lambda text: "yes", allow_missing=True)
    whole = (records / "OCR.txt").read_text()
    (records / "OCR.txt").write_text("".join(whole.splitlines(keepends=True)[:2]))
    with pytest.raises(MissingItemsError, match=r"2 of 28 .*: existence/1\.png, OCR/1\.png"):
        mme.score(records)
    (records / "OCR.txt").write_text(whole + whole)
    with pytest.raises(ValueError, match=r"must belong to the prompts, got OCR/0.png \(2\), OCR/1"):
        mme.score(records, allow_missing=True)


def test_numbers_of_lines_that_are_not_mmes_own_are_told(tmp_path, caplog):
    write_all(tmp_path, ["yes"] * 4)
    assert sum(mme_files.OFFICIAL_LINES.values()) == 2374
    row = "a.png\tq\tYes\tyes\n"
    (tmp_path / "OCR.txt").write_text(row * 40)
    unlike = mme.score(tmp_path).protocol["unlike_official"]
    assert unlike["existence"] == "4 lines, officially 60"
    assert set(unlike) == {*mme.SUBTASKS} - {"OCR"}
    assert "4 lines, officially 60" in caplog.text


def test_a_folder_without_questions_is_named(tmp_path):
    asked = Round(model=Answerer(str), prompts=tmp_path, out=tmp_path / "out")
    with pytest.raises(ValueError, match=r"must hold <subtask>\.txt, got none"):
        mme.generate(asked, tmp_path)


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
