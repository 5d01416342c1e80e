"""MM-Vet: marks of a chat judge, several runs, capabilities."""

import pytest

from benchmarks.records import MissingItemsError, read_json, write_json
from benchmarks.vqa import mm_vet
from benchmarks.vqa.asking import Round
from benchmarks.vqa.mm_vet_marks import read_mark
from benchmarks.vqa.mm_vet_tables import write_tables

from .models import Answerer, Chat, write_grey

QUESTIONS = {
    "v1_0": {"answer": "-1<AND>-5", "capability": ["math", "ocr"]},
    "v1_1": {"answer": "cat", "capability": ["rec"]},
    "v1_2": {"answer": "dog", "capability": ["ocr", "math", "ocr"]},
}


def write_questions(folder):
    rows = {
        name: {**row, "question": f"What is {name}?", "imagename": f"{name}.jpg"}
        for name, row in QUESTIONS.items()
    }
    write_json(folder / "mm-vet.json", rows)
    for name in rows:
        write_grey(folder / "images" / f"{name}.jpg")
    return folder / "mm-vet.json"


def scored(folder, marks, **settings):
    write_json(folder / "grades.json", {name: {"score": row} for name, row in marks.items()})
    return mm_vet.score(folder / "grades.json", write_questions(folder), **settings)


@pytest.mark.parametrize(
    ("reply", "mark"),
    [
        ("0.5", 0.5),
        ("1.0 because", 1.0),
        ("0.3\n", 0.3),
        ("1.1", None),
        ("-0.1", None),
        ("nan", None),
        ("half", None),
        (" 0.5", None),  # nothing stands before the first space
        ("", None),
    ],
)
def test_a_mark_is_the_number_that_a_reply_starts_with(reply, mark):
    assert read_mark(reply) == mark


def test_marks_are_averaged_over_runs_questions_and_capabilities(tmp_path):
    marks = {"v1_0": [1.0, 0.5], "v1_1": [0.0, 0.0], "v1_2": [0.5, 0.2]}
    results = scored(tmp_path, marks)
    assert [item.cluster for item in results.items] == ["v1_0.jpg", "v1_1.jpg", "v1_2.jpg"]
    metrics = results.metrics
    expected = {
        "mm_vet.overall@judge-unstated": 100 * (0.75 + 0 + 0.35) / 3,
        "mm_vet.capability.ocr@judge-unstated": 100 * (0.75 + 0.35) / 2,
        "mm_vet.capability.math@judge-unstated": 55.0,
        "mm_vet.capability.rec@judge-unstated": 0.0,
        "mm_vet.set.math_ocr@judge-unstated": 55.0,  # whatever the order of capabilities
        "mm_vet.set.rec@judge-unstated": 0.0,
        # the totals of the runs are 50 and 70/3: half of what lies between them
        "mm_vet.std_over_runs@judge-unstated": (50 - 70 / 3) / 2,
    }
    assert {name: metric.value for name, metric in metrics.items()} == pytest.approx(expected)


def test_the_official_tables_are_rounded_and_ordered_by_size(tmp_path):
    marks = {"v1_0": [1.0, 0.5], "v1_1": [0.0, 0.0], "v1_2": [0.5, 0.2]}
    results = scored(tmp_path, marks)
    capabilities = {name: row["capability"] for name, row in QUESTIONS.items()}
    single, sets = write_tables(results, capabilities, tmp_path, "m_gpt")
    assert single.name == "m_gpt-cap-score-2runs.csv"
    assert single.read_text().splitlines() == [
        ",math,ocr,rec,total,std,runs",  # two questions, two, one
        # the totals are 50 and 23.33: their mean is 36.67, half of what lies between them 13.33
        'm_gpt,55.0,55.0,0.0,36.7,13.3,"[50.0, 23.3]"',
    ]
    assert sets.name == "m_gpt-cap-int-score-2runs.csv"
    assert sets.read_text().splitlines()[0] == ",math_ocr,rec,total,std,runs"


def test_a_number_is_rounded_as_numpy_rounds_it(tmp_path):
    marks = {"v1_0": [0.3615], "v1_1": [0.3615], "v1_2": [0.3615]}
    single, _ = write_tables(scored(tmp_path, marks), {n: ["ocr"] for n in marks}, tmp_path, "m")
    # 36.15 is a little less as a double, but ten times that is 361.5, which goes to the even 362
    assert single.read_text().splitlines()[1] == "m,36.2,36.2,0.0,[36.2]"


def test_grades_made_elsewhere_name_their_judge_themselves(tmp_path):
    grade = {"model": ["gpt-4-0613"], "content": ["1.0"], "score": [1.0]}
    write_json(tmp_path / "grades.json", dict.fromkeys(QUESTIONS, grade))
    results = mm_vet.score(tmp_path / "grades.json", write_questions(tmp_path))
    assert results.metrics["mm_vet.overall@gpt-4-0613"].value == 100.0
    assert results.protocol["label"] == "gpt-4-0613"
    two = {**dict.fromkeys(QUESTIONS, grade), "v1_1": {**grade, "model": ["gpt-4o"]}}
    write_json(tmp_path / "grades.json", two)
    results = mm_vet.score(tmp_path / "grades.json", tmp_path / "mm-vet.json")
    assert results.protocol["label"] == "judge-unstated"


def test_an_unread_mark_is_missing_or_officially_nothing(tmp_path):
    marks = {"v1_0": [1.0], "v1_1": [None], "v1_2": [0.5]}
    with pytest.raises(MissingItemsError, match="1 of 3 missing or unreadable: v1_1"):
        scored(tmp_path, marks)
    allowed = scored(tmp_path, marks, allow_missing=True)
    assert allowed.metrics["mm_vet.overall@judge-unstated"].value == 75.0
    with pytest.raises(MissingItemsError, match="1 of 3 missing or unreadable: v1_1"):
        scored(tmp_path, {**marks, "v1_1": []})
    official = scored(tmp_path, marks, mode="official")
    assert official.metrics["mm_vet.overall@judge-unstated"].value == 50.0


@pytest.mark.parametrize(("reply", "total"), [("right", 100.0), ("wrong", 0.0)])
def test_the_score_of_a_perfect_and_of_a_hopeless_model(reply, total, tmp_path):
    path = write_questions(tmp_path)
    asked = Round(model=Answerer(lambda text: reply), prompts=path, out=tmp_path / "out")
    records = mm_vet.generate(asked, tmp_path / "images")
    chat = Chat(lambda text: "1.0" if text.endswith("| right | ") else "0.0")
    grades = mm_vet.judge(chat, records, path, tmp_path / "grades", runs=2)
    results = mm_vet.score(grades, path)
    assert results.metrics["mm_vet.overall@chat-1"].value == total
    assert results.protocol["judge_wording"] == "ours"
    assert chat.attempts == [0, 5] * 3  # a second run asks anew, whatever the judge has kept
    assert f"What is v1_0? | -1 <AND> -5 | {reply} | " in chat.asked[0]


def test_a_judge_is_asked_five_times_and_finished_marks_are_kept(tmp_path):
    path, records = write_questions(tmp_path), tmp_path / "answers.json"
    write_json(records, dict.fromkeys(QUESTIONS, "cat"))
    (tmp_path / "prompt.txt").write_text("Mark it.")

    def fail_at_last(text):
        if "v1_2" in text:
            raise TimeoutError("the judge is gone")
        return "1.0" if "v1_1" in text else "sorry"

    chat = Chat(fail_at_last)
    paths = records, path, tmp_path / "grades"
    with pytest.raises(TimeoutError):
        mm_vet.judge(chat, *paths, wording=tmp_path / "prompt.txt")
    assert sum("v1_0" in text for text in chat.asked) == 5
    assert chat.attempts == [0, 1, 2, 3, 4, 0, 0]
    assert chat.asked[0] == "Mark it.\nWhat is v1_0? | -1 <AND> -5 | cat | "
    assert chat.asked[1].endswith("| cat | \nPredict the correctness of the answer (digit): ")
    again = Chat(lambda text: "0.5")
    grades = read_json(mm_vet.judge(again, *paths, wording=tmp_path / "prompt.txt"))
    assert len(again.asked) == 1
    assert [grade["score"] for grade in grades.values()] == [[None], [1.0], [0.5]]


def test_the_marks_of_two_judges_do_not_share_a_folder(tmp_path):
    path, records = write_questions(tmp_path), tmp_path / "answers.json"
    write_json(records, dict.fromkeys(QUESTIONS, "cat"))
    mm_vet.judge(Chat(lambda text: "1.0"), records, path, tmp_path)
    other = Chat(lambda text: "0.0")
    other.label = "chat-2"
    with pytest.raises(ValueError, match="must hold marks of 'chat-2', got some of 'chat-1'"):
        mm_vet.judge(other, records, path, tmp_path)


@pytest.mark.parametrize("change", ["replies", "fewer replies", "prompt", "settings", "runs"])
def test_marks_of_other_replies_prompts_settings_or_more_runs_are_refused(change, tmp_path):
    path, records = write_questions(tmp_path), tmp_path / "answers.json"
    write_json(records, dict.fromkeys(QUESTIONS, "cat"))
    grades = mm_vet.judge(Chat(lambda text: "1.0"), records, path, tmp_path / "out", runs=2)
    other, runs, wording = Chat(lambda text: "0.0"), 2, None
    if change == "replies":
        write_json(records, {**dict.fromkeys(QUESTIONS, "cat"), "v1_1": "dog"})
    elif change == "fewer replies":
        write_json(records, {"v1_0": "cat", "v1_1": None})
    elif change == "prompt":
        wording = tmp_path / "prompt.txt"
        wording.write_text("Mark it.")
    elif change == "settings":
        other.protocol = {**other.protocol, "temperature": 1}
    else:
        runs = 1
    before = grades.read_bytes()
    with pytest.raises(
        ValueError, match=r"grades\.json must hold marks of (these|at most --runs 1)"
    ):
        mm_vet.judge(other, records, path, tmp_path / "out", runs, wording)
    assert not other.asked
    assert grades.read_bytes() == before


def test_more_runs_add_to_those_that_are_there_whatever_model_the_judges_replies_name(tmp_path):
    path, records = write_questions(tmp_path), tmp_path / "answers.json"
    write_json(records, dict.fromkeys(QUESTIONS, "cat"))
    first, second = Chat(lambda text: "1.0"), Chat(lambda text: "0.0")
    first.protocol = {**first.protocol, "served": ["chat-1-0613"]}
    mm_vet.judge(first, records, path, tmp_path / "out")
    grades = read_json(mm_vet.judge(second, records, path, tmp_path / "out", runs=2))
    assert second.attempts == [5] * 3
    assert [grade["score"] for grade in grades.values()] == [[1.0, 0.0]] * 3


def test_replies_that_cannot_be_judged_are_named_before_the_judge_is_asked(tmp_path):
    path, records, chat = write_questions(tmp_path), tmp_path / "answers.json", Chat(str)
    write_json(records, {"v1_0": "cat", "v1_9": "dog"})
    with pytest.raises(ValueError, match="answers must belong to the prompts, got v1_9"):
        mm_vet.judge(chat, records, path, tmp_path / "out")
    records.write_text('{"v1_0": "cat", "v1_0": "dog"}')
    with pytest.raises(ValueError, match=r"answers\.json must be a whole.*, got: 'v1_0' twice"):
        mm_vet.judge(chat, records, path, tmp_path / "out")
    with pytest.raises(ValueError, match="--runs must be at least 1, got 0"):
        mm_vet.judge(chat, records, path, tmp_path / "out", runs=0)
    assert not chat.asked


@pytest.mark.parametrize("mark", [float("nan"), "0.5", 10, -0.1, True])
def test_a_mark_that_is_none_is_named(mark, tmp_path):
    with pytest.raises(ValueError, match=r"grades\.json v1_1 mark must be 0 to 1 or null, got "):
        scored(tmp_path, {"v1_0": [1.0], "v1_1": [mark], "v1_2": [0.5]})


def test_bad_input_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"v1_0 score must be a list of marks, got 1\.0"):
        scored(tmp_path, {"v1_0": 1.0, "v1_1": [1.0], "v1_2": [0.5]})
    with pytest.raises(ValueError, match=r"as many runs for each id, got \[1, 2\]"):
        scored(tmp_path, {"v1_0": [1.0], "v1_1": [1.0, 1.0], "v1_2": [0.5]})
    with pytest.raises(ValueError, match="must be an object of grades by id, got none"):
        scored(tmp_path, {})
    write_json(tmp_path / "mm-vet.json", {"v1_0": {"question": "What?"}})
    with pytest.raises(ValueError, match="v1_0 must have 'imagename'"):
        mm_vet.read_questions(tmp_path / "mm-vet.json")
