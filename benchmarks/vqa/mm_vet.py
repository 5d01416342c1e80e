"""MM-Vet: free answers, marked 0 to 1 by a chat model.

Yu et al. 2023 (arXiv 2308.02490). Marks of different judges or prompts do not compare: the judge
stands in the metrics' names, and the prompt in the protocol is ours unless a file with the official
one is given. Several runs are averaged, as in the paper (five).
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from benchmarks.flags import Flag
from benchmarks.records import require_complete, write_json
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.vqa.asking import Question, Round
from benchmarks.vqa.chat import chat_of
from benchmarks.vqa.command import ANNOTATIONS, IMAGES, flags, path_flag, report, round_of
from benchmarks.vqa.mm_vet_marks import MAX_TOKENS, judge, read_questions
from benchmarks.vqa.mm_vet_tables import write_tables
from benchmarks.vqa.official_files import read_by_id, read_protocol, require_columns

ANSWERS = "answers.json"
FULL_SCORE = 100.0
MODES = ("fixed", "official")
RUNS: Flag = (("--runs",), {"type": int, "default": 1, "help": "times to mark each answer"})
WORDING = path_flag("--judge-prompt", "file with the judge's prompt", required=False)
MODE: Flag = (
    ("--mode",),
    {"choices": MODES, "default": MODES[0], "help": "official: an unreadable mark is 0"},
)

Row = Mapping[str, Any]


def generate(asked: Round, images: Path) -> Path:
    """Ask the questions as they stand; return the official results: an object of replies by id."""
    rows = read_questions(asked.prompts)
    questions = [
        Question(name, row["question"], (images / row["imagename"],)) for name, row in rows.items()
    ]
    write_json(asked.out / ANSWERS, asked.ask(questions, suffix=""))
    return asked.out / ANSWERS


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
    document = _read_grades(grades)
    marks = _marks(document, unread=0.0 if mode == "official" else None)
    missing = require_complete("marks", questions, marks, allow_missing)
    runs = {len(found) for found in marks.values()}
    if len(runs) > 1:
        raise ValueError(f"{grades} must have as many runs for each id, got {sorted(runs)}.")
    items = [_item(name, row, marks[name]) for name, row in questions.items() if name in marks]
    totals = [FULL_SCORE * fmean(found) for found in zip(*marks.values(), strict=True)]
    protocol = read_protocol(grades, annotations, mode=mode, missing=missing)
    label = protocol.setdefault("label", _judge_of(document))
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


def _read_grades(path: Path) -> dict[str, Row]:
    """Return the grades of an official file by id; ValueError for a mark that is none."""
    document = read_by_id(path, "grades")
    for name, grade in document.items():
        require_columns(f"{path} {name}", grade, ("score",))
        marks = grade["score"]
        if not isinstance(marks, list):
            raise ValueError(f"{path} {name} score must be a list of marks, got {marks!r}.")
        for mark in marks:
            if not (mark is None or (type(mark) in (int, float) and 0 <= mark <= 1)):
                raise ValueError(f"{path} {name} mark must be 0 to 1 or null, got {mark!r}.")
    return document


def _judge_of(grades: Mapping[str, Row]) -> str:
    """Return the judge that all grades name."""
    judges = {judge for grade in grades.values() for judge in grade.get("model", ())}
    return judges.pop() if len(judges) == 1 else "judge-unstated"


def _marks(grades: Mapping[str, Row], unread: float | None) -> dict[str, list[float]]:
    """Return the marks of all runs by id, without ids that have one that could not be read."""
    found = {}
    for name, grade in grades.items():
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
        if options.out:
            _write_tables(found, options.annotations, options.out)


def _write_tables(results: Results, annotations: Path, out: Path) -> None:
    """Write the official tables under the names of the model, as far as it is known, and judge."""
    questions = read_questions(annotations)
    model = Path(str(results.protocol.get("model", {}).get("model", "model"))).name
    capabilities = {name: row["capability"] for name, row in questions.items()}
    write_tables(results, capabilities, out, f"{model}_{results.protocol['label']}")


def _generated_and_judged(options: Namespace) -> Path:
    records = generate(round_of(options, options.annotations), options.images)
    return _judge(options, records, options.out / "grades")


def _judge(options: Namespace, records: Path, out: Path) -> Path:
    chat = chat_of(options, out, MAX_TOKENS)
    return judge(chat, records, options.annotations, out, options.runs, options.judge_prompt)
