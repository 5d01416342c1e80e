"""MMBench: multiple choice, each question asked with its options rotated.

Liu et al. 2023 (arXiv 2307.06281). A question is right only if every rotation is (circular
evaluation). Rotations are rows whose index is the question's plus a multiple of a million. The
letter is read from the reply by VLMEvalKit's rules; a reply that these cannot read is wrong
(`exact`), or a chat model says which option it means (`judge`).
"""

import base64
from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.flags import Flag
from benchmarks.records import require_complete
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.vqa.asking import LETTER_ANSWER, Question, Round
from benchmarks.vqa.chat import ChatModel, chat_of, write_judged
from benchmarks.vqa.choices import LETTERS, match, shown
from benchmarks.vqa.command import ANNOTATIONS, flags, report, round_of
from benchmarks.vqa.official_files import (
    index_replies,
    read_protocol,
    read_rows,
    reply_field,
    require_columns,
    write_table,
)

ROTATION = 1_000_000
PREDICTIONS = "predictions.tsv"
MATCHED = "matched"
"""Column of the letter that a judge gave a reply."""
LONGEST_REFERENCE = 64
"""An image cell no longer than this is the index of the row that has the image."""
TRIES = 3
MAX_TOKENS = 128
"""Of a judge's reply, which need not be the letter alone."""

Row = Mapping[str, Any]


def read_questions(path: Path, *columns: str) -> dict[int, Row]:
    """Return the rows of the official TSV by index, without empty cells.

    Cells that pandas takes for missing ("None", "NA" among them) are empty, as they are for
    VLMEvalKit: an option of that text does not exist. ValueError for a lacking column, an index
    that is no number or comes twice, or a rotation of no question.
    """
    table = pd.read_csv(path, sep="\t", dtype=str)
    require_columns(f"{path}", dict.fromkeys(table.columns), ("index", "question", *columns))
    rows = [
        {str(key): value for key, value in row.items() if isinstance(value, str)}
        for row in table.to_dict("records")
    ]
    questions: dict[int, Row] = {}
    for number, row in enumerate(rows, start=1):
        if not row.get("index", "").isdecimal():
            given = row.get("index", "nothing")
            raise ValueError(f"{path} row {number} index must be a whole number, got {given!r}.")
        index = int(row["index"])
        if index in questions:
            raise ValueError(f"{path} index must be unique, got {index} twice.")
        questions[index] = row
    if not questions:
        raise ValueError(f"{path} must hold at least one question, got none.")
    if alone := [index for index in questions if index % ROTATION not in questions]:
        raise ValueError(
            f"{path} index {alone[0]} must be a rotation of a question that is there, "
            f"got no index {alone[0] % ROTATION}."
        )
    return questions


def options_of(row: Row) -> dict[str, str]:
    """Return a question's options by letter."""
    return {letter: row[letter] for letter in LETTERS if letter in row}


def prompt(row: Row) -> str:
    """Return the hint, the question, the options and what form the answer has."""
    lines = [row["hint"]] if "hint" in row else []
    return "\n".join([*lines, row["question"], shown(options_of(row))]) + LETTER_ANSWER


def generate(asked: Round) -> Path:
    """Ask all rows of the official TSV, whose images it holds; return the predictions: the rows
    without images, with `prediction`.
    """
    rows = read_questions(asked.prompts, "image")
    questions = [
        Question(str(index), prompt(row), (base64.b64decode(_image(rows, index)),))
        for index, row in rows.items()
    ]
    replies = asked.ask(questions, suffix=LETTER_ANSWER, options="A. text, one a line")
    columns = dict.fromkeys(name for row in rows.values() for name in row if name != "image")
    path = asked.out / PREDICTIONS
    answered = [
        {**{name: row.get(name, "") for name in columns}, "prediction": replies[str(index)]}
        for index, row in rows.items()
        if str(index) in replies
    ]
    write_table(path, answered)
    return path


def _image(rows: Mapping[int, Row], index: int) -> str:
    """Return the encoded image of a row, or of the row that it refers to."""
    cell = rows[index].get("image", "")
    if len(cell) > LONGEST_REFERENCE:
        return cell
    if not cell.isdigit() or "image" not in rows.get(int(cell), {}):
        raise ValueError(f"index {index} must have an image or another row's index, got {cell!r}.")
    return rows[int(cell)]["image"]


def judge(matcher: ChatModel, records: Path, annotations: Path, out: Path) -> Path:
    """Have a chat model say which option each unreadable reply means; return the predictions with
    the letters as `matched`.

    A reply that the judge cannot place in three tries gets no letter, and is wrong. (VLMEvalKit
    then draws an option at random.) One that is no text is left out, for `score` to miss.
    ValueError for an index twice or of no question.
    """
    questions = {str(index): row for index, row in read_questions(annotations).items()}
    rows = read_rows(records, "index", "prediction")
    replies = index_replies(records, rows, "index", "prediction")
    require_complete("predictions", questions, replies, allow_missing=True)
    matched = []
    for row in rows:
        if str(row["index"]) not in replies:
            continue
        question = questions[str(row["index"])]
        letter = match(row["prediction"], options_of(question)) or _judged(matcher, question, row)
        matched.append({**row, MATCHED: letter or ""})
    write_table(out / PREDICTIONS, matched)
    write_judged(records, matcher, out)
    return out / PREDICTIONS


def _judged(matcher: ChatModel, question: Row, row: Row) -> str | None:
    options = options_of(question)
    text = (
        "A model was asked a question with lettered options. Which option does its reply mean? "
        f"Give one letter, or Z if it means none of them.\n\nQuestion: {question['question']}\n"
        f"Options:\n{shown(options)}\nReply: {row['prediction']}\nLetter:"
    )
    for attempt in range(TRIES):
        if letter := match(matcher.ask((), text, attempt), options):
            return letter
    return None


def score(records: Path, annotations: Path, allow_missing: bool = False) -> Results:
    """Return the share of questions with every rotation right: overall, by `l2-category` and by
    `category`, each split on its own where there are several; clustered by image.
    """
    questions = read_questions(annotations, "answer")
    for index, row in questions.items():
        if "answer" not in row:
            raise ValueError(f"{annotations} index {index} must have an answer, got none.")
    rows = read_rows(records, "index")
    columns = (MATCHED,) if MATCHED in rows[0] else ("prediction",)
    replies = index_replies(records, rows, "index", reply_field(records, rows[0], columns))
    expected = [str(index) for index in questions]
    missing = require_complete("predictions", expected, replies, allow_missing)
    lacking = {int(name) % ROTATION for name in missing}
    rotations: dict[int, list[int]] = defaultdict(list)
    for index in sorted(questions):
        rotations[index % ROTATION].append(index)
    base = [index for index in questions if index < ROTATION]
    items = [_item(questions, rotations[index], replies) for index in base if index not in lacking]
    protocol = read_protocol(
        records,
        annotations,
        rule="circular",
        unread="judged" if MATCHED in rows[0] else "wrong",
        missing=missing,
    )
    return Results(
        benchmark="mmbench",
        protocol=protocol,
        n_expected=len(base),
        n_scored=len(items),
        metrics=_metrics(items, protocol.get("label", "exact")),
        items=items,
    )


def _item(questions: Mapping[int, Row], group: Sequence[int], replies: Mapping[str, str]) -> Item:
    """Return one question with its rotations, the first of which is the question itself."""
    row = questions[group[0]]
    letters = {index: match(replies[str(index)], options_of(questions[index])) for index in group}
    return Item(
        name=str(group[0]),
        cluster=sha256(_image(questions, group[0]).encode()).hexdigest()[:16]
        if "image" in row
        else str(group[0]),
        stratum=row.get("split", "none"),
        value=float(all(letters[index] == questions[index]["answer"] for index in group)),
        detail={
            "letters": list(letters.values()),
            "l2-category": row.get("l2-category"),
            "category": row.get("category"),
        },
    )


def _metrics(items: Sequence[Item], label: str) -> dict[str, Metric]:
    metrics: dict[str, Metric] = {}
    for split in dict.fromkeys(item.stratum for item in items):
        chosen = [item for item in items if item.stratum == split]
        name = f"{split}-circular-{label}"
        metrics[f"mmbench.overall@{name}"] = estimate(chosen)
        for level in ("l2-category", "category"):
            groups = sorted({str(item.detail[level]) for item in chosen if item.detail[level]})
            for group in groups:
                members = [item for item in chosen if item.detail[level] == group]
                metrics[f"mmbench.{level}.{group}@{name}"] = estimate(members)
    return metrics


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb; the one TSV has questions, images and answers."""
    if verb == "run":  # replies that no rule reads are wrong; `judge` and `score` do it otherwise
        return flags(verb, [ANNOTATIONS], [ANNOTATIONS])
    return flags(verb, [ANNOTATIONS], [ANNOTATIONS], [ANNOTATIONS])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, judge, score, or generate and score."""
    if verb == "judge":
        chat = chat_of(options, options.out, MAX_TOKENS)
        judge(chat, options.records, options.annotations, options.out)
        return
    records = (
        options.records if verb == "score" else generate(round_of(options, options.annotations))
    )
    if verb != "generate":
        report(score(records, options.annotations, options.allow_missing), options.out)
