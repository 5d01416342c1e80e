"""GQA: questions made from scene graphs, with one right answer.

Hudson and Manning 2019 (arXiv 1902.09506). A prediction is right if it equals the answer, and
accuracy is given overall, for binary and open questions, by structural and semantic type, and by
the number of reasoning steps and of words. Questions marked as not balanced do not count. As in
LLaVA's conversion, a prediction is a reply in lower case without closing periods; the score itself
changes nothing. Consistency, validity, plausibility and distribution are not given.
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.flags import Flag
from benchmarks.records import require_complete, write_json
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.vqa.asking import SHORT_ANSWER, Question, Round
from benchmarks.vqa.command import ANNOTATIONS, IMAGES, QUESTIONS, flags, run_on_one_file
from benchmarks.vqa.official_files import (
    read_by_id,
    read_protocol,
    read_replies,
    require_columns,
)

PREDICTIONS = "predictions.json"
OPEN = "query"
"""The structural type of open questions; all others are answered by yes, no or one of two."""
FULL_SCORE = 100.0
NO_STEPS = ("exist", "query: name", "choose name")
"""Operations with their arguments that the official tables do not count as reasoning."""


def read_questions(path: Path, *columns: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the official questions by id; ValueError for one that lacks one of `columns`, or whose
    types or program have another form.
    """
    questions = read_by_id(path, "questions")
    for name, row in questions.items():
        where = f"{path} question {name}"
        require_columns(where, row, columns)
        require_columns(f"{where} types", row.get("types", {}), ())
        if not isinstance(program := row.get("semantic", []), list):
            raise ValueError(f"{where} semantic must be a list of operations, got {program!r}.")
        for step in program:
            require_columns(f"{where} semantic", step, ("operation", "argument"))
    return questions


def convert(reply: str) -> str:
    """Return a reply as a prediction."""
    return reply.strip().rstrip(".").lower()


def generate(asked: Round, images: Path) -> Path:
    """Ask the official questions about `<imageId>.jpg`; return the official predictions: a list of
    questionId and prediction.
    """
    rows = read_questions(asked.prompts, "question", "imageId")
    questions = [
        Question(name, row["question"] + SHORT_ANSWER, (images / f"{row['imageId']}.jpg",))
        for name, row in rows.items()
        if row.get("isBalanced", True)
    ]
    replies = asked.ask(questions, suffix=SHORT_ANSWER, reply="lower case, no closing period")
    predictions = [
        {"questionId": name, "prediction": convert(reply)} for name, reply in replies.items()
    ]
    write_json(asked.out / PREDICTIONS, predictions)
    return asked.out / PREDICTIONS


def score(records: Path, annotations: Path, allow_missing: bool = False) -> Results:
    """Return the accuracy in percent, clustered by image.

    `annotations` is the official questions file, with answers.
    """
    given = read_questions(annotations, "answer", "imageId")
    questions = {name: row for name, row in given.items() if row.get("isBalanced", True)}
    replies = read_replies(records, "questionId", "prediction")
    replies = {
        name: reply for name, reply in replies.items() if name in questions or name not in given
    }
    missing = require_complete("predictions", questions, replies, allow_missing)
    items = [_item(name, row, replies[name]) for name, row in questions.items() if name in replies]
    return Results(
        benchmark="gqa",
        protocol=read_protocol(records, annotations, rule="equal", missing=missing),
        n_expected=len(questions),
        n_scored=len(items),
        metrics=_metrics(items, questions, annotations.stem.removesuffix("_questions")),
        items=items,
    )


def _item(name: str, row: Mapping[str, Any], reply: str) -> Item:
    return Item(
        name=name,
        cluster=str(row["imageId"]),
        stratum=row.get("types", {}).get("structural", "unknown"),
        value=FULL_SCORE * (reply == row["answer"]),
        detail={"answer": reply, "expected": row["answer"]},
    )


def _groups(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the rows of the official tables that a question counts in, as far as the file says."""
    types = row.get("types", {})
    if "structural" in types:
        yield "open" if types["structural"] == OPEN else "binary"
    yield from (f"{kind}.{types[kind]}" for kind in ("structural", "semantic") if kind in types)
    if "semantic" in row:
        yield f"steps.{steps(row['semantic'])}"
    if "question" in row:
        yield f"words.{len(row['question'].split())}"


def steps(program: Sequence[Mapping[str, str]]) -> int:
    """Return the number of reasoning steps of a question's program."""
    told = [f"{step['operation']}: {step['argument']}" for step in program]
    return sum(not any(part in step for part in NO_STEPS) for step in told)


def _metrics(
    items: Sequence[Item], questions: Mapping[str, Mapping[str, Any]], label: str
) -> dict[str, Metric]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        for group in _groups(questions[item.name]):
            groups[group].append(item)
    metrics = {f"gqa.overall@{label}": estimate(items)}
    return metrics | {f"gqa.{name}@{label}": estimate(groups[name]) for name in sorted(groups)}


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb."""
    return flags(verb, [QUESTIONS, IMAGES], [] if verb == "run" else [ANNOTATIONS])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, score, or both, from one questions file."""
    run_on_one_file(verb, options, lambda asked: generate(asked, options.images), score)
