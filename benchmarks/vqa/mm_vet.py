"""MM-Vet: free answers, marked 0 to 1 by a chat model.

Yu et al. 2023 (arXiv 2308.02490). The judge sees question, right answer and reply in one row of a
table and completes it with a number. Marks of different judges or prompts do not compare: the judge
stands in the metrics' names, and the prompt in the protocol is ours unless a file with the official
one is given. Several runs are averaged, as in the paper (five).
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from benchmarks.records import read_json, require_complete, write_json
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.vqa.asking import Question, Round
from benchmarks.vqa.chat import ChatModel, chat_of, write_judged
from benchmarks.vqa.command import (
    ANNOTATIONS,
    IMAGES,
    Flag,
    flags,
    path_flag,
    report,
    round_of,
)
from benchmarks.vqa.official_files import read_protocol, require_columns

ANSWERS = "answers.json"
GRADES = "grades.json"
TRIES = 5
MAX_TOKENS = 3
"""Of a mark; the official judge has as many."""
AGAIN = "\nPredict the correctness of the answer (digit): "
FULL_SCORE = 100.0
MODES = ("fixed", "official")
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
RUNS: Flag = (("--runs",), {"type": int, "default": 1, "help": "times to mark each answer"})
WORDING = path_flag("--judge-prompt", "file with the judge's prompt", required=False)
MODE: Flag = (
    ("--mode",),
    {"choices": MODES, "default": MODES[0], "help": "official: an unreadable mark is 0"},
)

Row = Mapping[str, Any]


def read_questions(path: Path) -> dict[str, Row]:
    """Return the official questions by id."""
    questions = read_json(path)
    if not isinstance(questions, dict) or not questions:
        raise ValueError(f"{path} must be an object of questions by id, got none.")
    for name, row in questions.items():
        require_columns(f"{path} {name}", row, ("imagename", "question", "answer", "capability"))
    return questions


def generate(asked: Round, images: Path) -> Path:
    """Ask the questions as they stand; return the official results: an object of replies by id."""
    rows = read_questions(asked.prompts)
    questions = [
        Question(name, row["question"], (images / row["imagename"],)) for name, row in rows.items()
    ]
    write_json(asked.out / ANSWERS, asked.ask(questions, suffix=""))
    return asked.out / ANSWERS


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

    Marks are kept as they come, and a later call goes on from them.
    """
    questions = read_questions(annotations)
    replies = _replies(records)
    prompt = wording.read_text(encoding="utf-8") if wording else PROMPT
    settings = {
        "judge_prompt": sha256(prompt.encode()).hexdigest(),
        "judge_wording": wording.name if wording else "ours",
        "runs": runs,
    }
    path = out / GRADES
    grades = read_json(path) if path.exists() else {}
    if others := {name for grade in grades.values() for name in grade["model"]} - {judge.label}:
        raise ValueError(f"{path} must hold marks of {judge.label!r}, got some of {min(others)!r}.")
    for name in replies:
        grade = grades.setdefault(name, {"model": [], "content": [], "score": []})
        while len(grade["score"]) < runs:
            first = len(grade["score"]) * TRIES
            content, mark = _marked(judge, _text(prompt, questions[name], replies[name]), first)
            grade["model"].append(judge.label)
            grade["content"].append(content)
            grade["score"].append(mark)
            write_json(path, grades)
    write_judged(records, judge, out, **settings)
    return path


def _replies(records: Path) -> dict[str, str]:
    document = read_json(records)
    if not isinstance(document, dict) or not document:
        raise ValueError(f"{records} must be an object of replies by id, got none.")
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


def score(
    grades: Path, annotations: Path, mode: str = MODES[0], allow_missing: bool = False
) -> Results:
    """Return the mean mark in percent: overall (the official total), by capability and by set of
    capabilities; and the total's standard deviation over runs.

    `grades` is the official grade file. A mark that could not be read is missing (`fixed`) or 0
    (`official`). An item's value is the mean over its runs.
    """
    if mode not in MODES:
        raise ValueError(f"--mode must be one of {', '.join(MODES)}, got {mode!r}.")
    questions = read_questions(annotations)
    marks = _marks(grades, unread=0.0 if mode == "official" else None)
    missing = require_complete("marks", questions, marks, allow_missing)
    runs = {len(found) for found in marks.values()}
    if len(runs) > 1:
        raise ValueError(f"{grades} must have as many runs for each id, got {sorted(runs)}.")
    items = [_item(name, row, marks[name]) for name, row in questions.items() if name in marks]
    totals = [FULL_SCORE * fmean(found) for found in zip(*marks.values(), strict=True)]
    protocol = read_protocol(grades, annotations, mode=mode, missing=missing)
    label = protocol.get("label", "judge-unstated")
    spread = Metric(value=pstdev(totals), ci_low=None, ci_high=None, n=len(totals))
    return Results(
        benchmark="mm_vet",
        protocol=protocol,
        n_expected=len(questions),
        n_scored=len(items),
        metrics={
            **_metrics(items, questions, label),
            f"mm_vet.std_over_runs@{label}": replace(spread, higher_is_better=False),
        },
        items=items,
    )


def _item(name: str, row: Row, marks: Sequence[float]) -> Item:
    return Item(
        name=name,
        cluster=row["imagename"],
        stratum="_".join(sorted(set(row["capability"]))),
        value=FULL_SCORE * fmean(marks),
        detail={"marks": marks},
    )


def _marks(path: Path, unread: float | None) -> dict[str, list[float]]:
    """Return the marks of all runs by id, without ids that have one that could not be read."""
    document = read_json(path)
    if not isinstance(document, dict) or not document:
        raise ValueError(f"{path} must be an object of grades by id, got none.")
    found = {}
    for name, grade in document.items():
        require_columns(f"{path} {name}", grade, ("score",))
        marks = [unread if mark is None else mark for mark in grade["score"]]
        if marks and None not in marks:
            found[name] = marks
    return found


def _metrics(items: Sequence[Item], questions: Mapping[str, Row], label: str) -> dict[str, Metric]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[f"set.{item.stratum}"].append(item)
        for capability in set(questions[item.name]["capability"]):
            groups[f"capability.{capability}"].append(item)
    metrics = {f"mm_vet.overall@{label}": estimate(items)}
    return metrics | {f"mm_vet.{name}@{label}": estimate(groups[name]) for name in sorted(groups)}


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb; `judge` takes the answers and `score` the grades as --records."""
    return flags(verb, [ANNOTATIONS, IMAGES], [ANNOTATIONS, MODE], [ANNOTATIONS, RUNS, WORDING])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, judge, score, or all three."""
    if verb == "generate":
        generate(round_of(options, options.annotations), options.images)
    elif verb == "judge":
        _judge(options, options.records, options.out)
    else:
        grades = options.records if verb == "score" else _generated_and_judged(options)
        found = score(grades, options.annotations, options.mode, options.allow_missing)
        report(found, options.out)


def _generated_and_judged(options: Namespace) -> Path:
    records = generate(round_of(options, options.annotations), options.images)
    return _judge(options, records, options.out / "grades")


def _judge(options: Namespace, records: Path, out: Path) -> Path:
    chat = chat_of(options, out, MAX_TOKENS)
    return judge(chat, records, options.annotations, out, options.runs, options.judge_prompt)
