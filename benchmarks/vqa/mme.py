"""MME: fourteen subtasks of yes-or-no questions, two about each image.

Fu et al. 2023 (arXiv 2306.13394). A subtask scores 100 for its accuracy and 100 more for the share
of images with both questions right (accuracy+); perception (ten subtasks) and cognition (four) are
sums. A reply that is neither yes nor no counts by its first four characters in lower case, yes
before no; anything else is wrong. "None", "know" and "nope" are therefore a no.
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from benchmarks.flags import Flag
from benchmarks.records import (
    MANIFEST,
    describe_prompts,
    read_json,
    require_complete,
    whole_file,
    write_json,
)
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.sharding import finish_each
from benchmarks.vqa.asking import Question, Round
from benchmarks.vqa.command import IMAGES, flags, path_flag, report, round_of
from benchmarks.vqa.normalise import one_line
from benchmarks.vqa.official_files import read_protocol

PERCEPTION = (
    "existence",
    "count",
    "position",
    "color",
    "posters",
    "celebrity",
    "scene",
    "landmark",
    "artwork",
    "OCR",
)
COGNITION = (
    "commonsense_reasoning",
    "numerical_calculation",
    "text_translation",
    "code_reasoning",
)
SUMS = {"perception": PERCEPTION, "cognition": COGNITION}
SUBTASKS = PERCEPTION + COGNITION
PREFIX = 4
"""Characters of a reply that are read."""
FULL_SCORE = 100.0
TEMPLATE = path_flag("--questions", "folder of <subtask>.txt: image, question and answer a line")


class Line(NamedTuple):
    """One line of a subtask's file: image, question, right answer and, once asked, the reply."""

    image: str
    question: str
    truth: str
    reply: str = ""


def read_lines(path: Path, columns: int) -> list[Line]:
    """Return the lines of a subtask's file, image by image.

    ValueError names the line that has not `columns` cells, whose answer is not yes or no, or whose
    neighbour in the pair is about another image.
    """
    text = path.read_text(encoding="utf-8")
    rows = [row.split("\t") for row in text.removesuffix("\n").split("\n")] if text else []
    if not rows or len(rows) % 2:
        raise ValueError(f"{path} must have two lines for each image, got {len(rows)} lines.")
    for number, row in enumerate(rows, start=1):
        where = f"{path} line {number}"
        if len(row) != columns:
            raise ValueError(f"{where} must have {columns} cells, got {len(row)}.")
        if row[2].lower() not in ("yes", "no"):
            raise ValueError(f"{where} must have the answer yes or no, got {row[2]!r}.")
        if number % 2 == 0 and row[0] != rows[number - 2][0]:
            raise ValueError(f"{where} must be about the image of the line before, got {row[0]!r}.")
    return [Line(*row) for row in rows]


def label(reply: str) -> str:
    """Return "yes", "no" or "other" for a reply."""
    start = reply.lower()[:PREFIX]
    return next((word for word in ("yes", "no") if word in start), "other")


def generate(asked: Round, images: Path) -> Path:
    """Ask the questions of the subtasks' files, which end in "Please answer yes or no." already;
    return the folder with the replies as a fourth column.

    `asked.prompts` is the folder of the files. A reply is put on one line. An image lies at
    `<subtask>/<image>` or `<subtask>/images/<image>`.
    """
    paths = sorted(asked.prompts.glob("*.txt"))
    finish_each(partial(_ask_subtask, asked, path, images / path.stem) for path in paths)
    files = {path.name: describe_prompts(path)["sha256"] for path in paths}
    shared = read_json(asked.out / paths[0].stem / MANIFEST)
    write_json(asked.out / MANIFEST, {**shared, "prompts": files})
    return asked.out


def _ask_subtask(asked: Round, path: Path, images: Path) -> None:
    """Ask the questions of one file, and write it with the replies."""
    lines = read_lines(path, columns=3)
    questions = [
        Question(str(number), line.question, (_image(images, line.image),))
        for number, line in enumerate(lines)
    ]
    task = replace(asked, prompts=path, out=asked.out / path.stem)
    replies = task.ask(questions, suffix="", reply="on one line")
    answered = [
        line._replace(reply=one_line(replies[str(number)]))
        for number, line in enumerate(lines)
        if str(number) in replies
    ]
    with whole_file(asked.out / path.name) as file:
        file.write_text("".join("\t".join(line) + "\n" for line in answered), "utf-8")


def _image(folder: Path, name: str) -> Path:
    nested = folder / "images" / name
    return nested if nested.exists() else folder / name


def score(records: Path, allow_missing: bool = False) -> Results:
    """Return accuracy, accuracy+ and score of each subtask, and the sums, clustered by image.

    `records` is the folder of the official results: `<subtask>.txt` with image, question, right
    answer and reply a line. A missing file is a missing subtask; a sum is left out unless all of
    its subtasks are there.
    """
    paths = {name: records / f"{name}.txt" for name in SUBTASKS}
    there = [name for name, path in paths.items() if path.exists()]
    missing = require_complete("subtasks", SUBTASKS, there, allow_missing)
    lines = {name: read_lines(paths[name], columns=4) for name in there}
    items = [item for name in there for item in _items(name, lines[name])]
    protocol = read_protocol(records, None, rule=f"official: first {PREFIX} characters")
    return Results(
        benchmark="mme",
        protocol={
            **protocol,
            "questions": {name: _digest(lines[name]) for name in there},
            "weights": dict.fromkeys(there, 1.0),
            "missing": missing,
        },
        n_expected=len(SUBTASKS),
        n_scored=len(there),
        metrics=_metrics(items),
        items=items,
    )


def _digest(lines: Sequence[Line]) -> str:
    """Return the hash of what was asked, whatever the replies."""
    return sha256(repr([line[:3] for line in lines]).encode()).hexdigest()


def _items(subtask: str, lines: Sequence[Line]) -> list[Item]:
    """Return one item an image, worth what it adds to the subtask's score: 100 for each half of the
    questions right, 100 for both.
    """
    items = []
    for first, second in zip(lines[::2], lines[1::2], strict=True):
        right = [label(line.reply) == line.truth.lower() for line in (first, second)]
        acc, both = sum(right) / 2, float(all(right))
        items.append(
            Item(
                name=f"{subtask}/{len(items)}",
                cluster=f"{subtask}/{first.image}",
                stratum=subtask,
                value=FULL_SCORE * (acc + both),
                detail={
                    "accuracy": acc,
                    "accuracy_plus": both,
                    "replies": [first.reply, second.reply],
                },
            )
        )
    return items


def _metrics(items: Sequence[Item]) -> dict[str, Metric]:
    by_task: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_task[item.stratum].append(item)
    metrics = {}
    for name, subtasks in SUMS.items():
        if all(subtask in by_task for subtask in subtasks):
            chosen = [item for subtask in subtasks for item in by_task[subtask]]
            mean = estimate(chosen, dict.fromkeys(subtasks, 1.0))
            metrics[f"mme.{name}@official"] = _times(mean, len(subtasks))
    for subtask, chosen in by_task.items():
        for part in ("accuracy", "accuracy_plus"):
            values = [replace(item, value=float(str(item.detail[part]))) for item in chosen]
            metrics[f"mme.{subtask}.{part}@official"] = estimate(values)
        metrics[f"mme.{subtask}@official"] = estimate(chosen)
    return metrics


def _times(metric: Metric, factor: int) -> Metric:
    """Return a mean of subtasks as their sum."""
    assert metric.ci_low is not None
    assert metric.ci_high is not None
    return replace(
        metric,
        value=factor * metric.value,
        ci_low=factor * metric.ci_low,
        ci_high=factor * metric.ci_high,
    )


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb."""
    return flags(verb, [TEMPLATE, IMAGES], [])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, score, or both."""
    records = (
        options.records
        if verb == "score"
        else generate(round_of(options, options.questions), options.images)
    )
    if verb != "generate":
        report(score(records, options.allow_missing), options.out)
