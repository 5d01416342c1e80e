"""MM-Vet's marks: a chat model completes the last row of a table, question, right answer and reply,
with a number from 0 to 1.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.records import require_complete, write_json
from benchmarks.vqa.chat import ChatModel, write_judged
from benchmarks.vqa.official_files import read_by_id, require_columns

GRADES = "grades.json"
TRIES = 5
MAX_TOKENS = 3
"""Of a mark; the official judge has as many."""
AGAIN = "\nPredict the correctness of the answer (digit): "
PROMPT = """\
Mark how right each prediction is, from 0.0 (all wrong) to 1.0 (all right) in steps of 0.1. \
Where the right answer has <AND>, all of its parts are needed for 1.0; where it has <OR>, any one \
part is enough. Complete the last row with its mark and nothing else.

Question | Right answer | Prediction | Mark
--- | --- | --- | ---
Which two fruits are on the plate? | apple <AND> pear | a banana | 0.0
Which two fruits are on the plate? | apple <AND> pear | I can see a pear | 0.5
Which two fruits are on the plate? | apple <AND> pear | a pear and an apple | 1.0
What is the sofa's colour? | grey <OR> silver | It looks silver to me. | 1.0
Why is the man cross? | The dog has run away with his shoe. | The dog is bad. | 0.3
"""

Row = Mapping[str, Any]


def read_questions(path: Path) -> dict[str, Row]:
    """Return the official questions by id."""
    questions = read_by_id(path, "questions")
    for name, row in questions.items():
        require_columns(f"{path} {name}", row, ("imagename", "question", "answer", "capability"))
    return questions


def read_mark(reply: str) -> float | None:
    """Return the mark that a judge's reply starts with, None if that is no number of 0 to 1."""
    try:
        mark = float(reply.split(" ")[0].strip())
    except ValueError:
        return None
    return mark if 0 <= mark <= 1 else None


def judge(
    judge: ChatModel,
    records: Path,
    annotations: Path,
    out: Path,
    runs: int = 1,
    wording: Path | None = None,
) -> Path:
    """Have a chat model mark the replies; return the official grade file: by id lists of model,
    content and score, one entry a run, null for a mark that five tries could not read.

    Marks are kept as they come, and a later call goes on from them. ValueError if the folder holds
    marks of another judge or prompt, of other replies or of more runs, or for a reply to no
    question.
    """
    if runs < 1:
        raise ValueError(f"--runs must be at least 1, got {runs}.")
    questions = read_questions(annotations)
    replies = _replies(records)
    require_complete("answers", questions, replies, allow_missing=True)
    prompt = wording.read_text(encoding="utf-8") if wording else PROMPT
    settings = {
        "judge_prompt": sha256(prompt.encode()).hexdigest(),
        "judge_wording": wording.name if wording else "ours",
        "runs": runs,
    }
    path = out / GRADES
    texts = {name: _text(prompt, questions[name], reply) for name, reply in replies.items()}
    asked = {name: _digest(judge, text) for name, text in texts.items()}
    grades = _kept(path, judge.label, asked, runs)
    for name, text in texts.items():
        empty = {"model": [], "content": [], "score": [], "asked": asked[name]}
        grade = grades.setdefault(name, empty)
        while len(grade["score"]) < runs:
            content, mark = _marked(judge, text, first=len(grade["score"]) * TRIES)
            grade["model"].append(judge.label)
            grade["content"].append(content)
            grade["score"].append(mark)
            write_json(path, grades)
    write_judged(records, judge, out, **settings)
    return path


def _kept(path: Path, label: str, asked: Mapping[str, str], runs: int) -> dict[str, Any]:
    """Return the grades of an interrupted call or of fewer runs; ValueError for any others."""
    grades = read_by_id(path, "grades") if path.exists() else {}
    for name, grade in grades.items():
        require_columns(f"{path} {name}", grade, ("model", "score"))
    if others := {name for grade in grades.values() for name in grade["model"]} - {label}:
        raise ValueError(f"{path} must hold marks of {label!r}, got some of {min(others)!r}.")
    for name, grade in grades.items():
        if name not in asked or grade.get("asked") != asked[name]:
            raise ValueError(
                f"{path} must hold marks of these replies by this prompt and judge's settings, "
                f"got others of {name!r}."
            )
        if (marked := len(grade["score"])) > runs:
            raise ValueError(f"{path} must hold marks of at most --runs {runs}, got {marked}.")
    return grades


def _digest(judge: ChatModel, text: str) -> str:
    """Return the hash of what a mark depends on. The model that replies name is left out, for it is
    known only after them.
    """
    settings = {name: value for name, value in judge.protocol.items() if name != "served"}
    return sha256(json.dumps([settings, text], sort_keys=True).encode()).hexdigest()


def _replies(records: Path) -> dict[str, str]:
    document = read_by_id(records, "replies")
    return {name: reply for name, reply in document.items() if isinstance(reply, str)}


def _text(prompt: str, row: Row, reply: str) -> str:
    """Return what the judge is asked."""
    truth = row["answer"].replace("<AND>", " <AND> ").replace("<OR>", " <OR> ")
    return f"{prompt}\n{row['question']} | {truth} | {reply} | "


def _marked(judge: ChatModel, text: str, first: int) -> tuple[str, float | None]:
    """Return what the judge said last, and the mark if it could be read; attempts are numbered from
    `first`.
    """
    content = judge.ask((), text, first)
    for attempt in range(first + 1, first + TRIES):
        if read_mark(content) is not None:
            break
        content = judge.ask((), text + AGAIN, attempt)
    return content, read_mark(content)
