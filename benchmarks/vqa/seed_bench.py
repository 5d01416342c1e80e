"""SEED-Bench: four options, one letter.

Li et al. 2023 (arXiv 2307.16125). A reply's first character, once space around it is gone, must
equal the letter, as in lmms-eval's task; the original ranks options by likelihood instead. The
image part is the usual figure; the video part, if asked, is scored beside it.
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.flags import Flag
from benchmarks.records import read_json, require_complete, write_lines
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.vqa.asking import LETTER_ANSWER, Question, Round
from benchmarks.vqa.choices import shown
from benchmarks.vqa.command import ANNOTATIONS, IMAGES, QUESTIONS, flags, run_on_one_file
from benchmarks.vqa.official_files import (
    index_rows,
    read_protocol,
    read_replies,
    require_columns,
)

ANSWERS = "answers.jsonl"
COLUMNS = ("question_type_id", "data_id", "data_type", "question", "answer")
CHOICES = {letter: f"choice_{letter.lower()}" for letter in "ABCD"}
IMAGE = "image"
FULL_SCORE = 100.0

Row = Mapping[str, Any]


def read_questions(path: Path) -> tuple[dict[str, Row], dict[str, str]]:
    """Return the official questions by id, and the names of their types by number."""
    document = read_json(path)
    require_columns(f"{path}", document, ("questions",))
    rows = index_rows(path, document["questions"], "question_id", *COLUMNS, *CHOICES.values())
    named = document.get("question_type", {})
    require_columns(f"{path} question_type", named, ())
    return rows, {str(number): name for name, number in named.items()}


def first_character(reply: str) -> str:
    """Return the first character of a reply that is no space, or nothing."""
    return reply.strip()[:1]


def generate(asked: Round, images: Path) -> Path:
    """Ask the questions of the image part about `<data_id>`; return question_id and prediction (the
    whole reply) a line.
    """
    rows, _ = read_questions(asked.prompts)
    questions = [
        Question(name, _prompt(row), (images / row["data_id"],))
        for name, row in rows.items()
        if row["data_type"] == IMAGE
    ]
    replies = asked.ask(questions, suffix=LETTER_ANSWER, options="A. text, one a line")
    write_lines(
        asked.out / ANSWERS,
        (
            {"question_id": rows[name]["question_id"], "prediction": reply}
            for name, reply in replies.items()
        ),
    )
    return asked.out / ANSWERS


def _prompt(row: Row) -> str:
    options = {letter: row[column] for letter, column in CHOICES.items()}
    return f"{row['question']}\n{shown(options)}{LETTER_ANSWER}"


def score(records: Path, annotations: Path, allow_missing: bool = False) -> Results:
    """Return the accuracy in percent of the image part, by type of question, and of the video part
    and of all where videos were asked about; clustered by image.
    """
    questions, kinds = read_questions(annotations)
    replies = read_replies(records, "question_id", "prediction", "text", "answer")
    videos = any(questions[name]["data_type"] != IMAGE for name in replies if name in questions)
    expected = [name for name, row in questions.items() if videos or row["data_type"] == IMAGE]
    missing = require_complete("answers", expected, replies, allow_missing)
    items = [
        Item(
            name=name,
            cluster=str(questions[name]["data_id"]),
            stratum=questions[name]["data_type"],
            value=FULL_SCORE * (first_character(replies[name]) == questions[name]["answer"]),
            detail={"answer": replies[name], "type": _kind(questions[name], kinds)},
        )
        for name in expected
        if name in replies
    ]
    return Results(
        benchmark="seed_bench",
        protocol=read_protocol(records, annotations, rule="first character", missing=missing),
        n_expected=len(expected),
        n_scored=len(items),
        metrics=_metrics(items),
        items=items,
    )


def _kind(row: Row, kinds: Mapping[str, str]) -> str:
    number = str(row["question_type_id"])
    return kinds.get(number, number)


def _metrics(items: Sequence[Item]) -> dict[str, Metric]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.stratum].append(item)
        groups[f"type.{item.detail['type']}"].append(item)
    if len({item.stratum for item in items}) > 1:
        groups["all"] = list(items)
    return {f"seed_bench.{name}@letter": estimate(groups[name]) for name in sorted(groups)}


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb."""
    return flags(verb, [QUESTIONS, IMAGES], [] if verb == "run" else [ANNOTATIONS])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, score, or both, from one questions file."""
    run_on_one_file(verb, options, lambda asked: generate(asked, options.images), score)
