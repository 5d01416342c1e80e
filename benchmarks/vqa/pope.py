"""POPE: is there a ... in the image? Half of the questions name an object that is not there.

Li et al. 2023 (arXiv 2305.10355). Three splits by how the absent objects are drawn: random,
popular, adversarial. A reply counts as no if the words of its first sentence have exactly "No",
"no" or "not", and otherwise as yes ("NO" is a yes), as in the official evaluator (RUCAIBox/POPE).
Yes is the positive class.
"""

import logging
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.flags import Flag
from benchmarks.records import require_complete, write_lines
from benchmarks.results import Item, Metric, Results
from benchmarks.sharding import finish_each
from benchmarks.vqa.asking import Question, Round
from benchmarks.vqa.command import ANNOTATIONS, IMAGES, QUESTIONS, RECORDS, flags, report, round_of
from benchmarks.vqa.confusion import STATISTICS, f1, metric_of, resample
from benchmarks.vqa.official_files import index_replies, read_protocol, read_rows, reply_field

logger = logging.getLogger(__name__)

NO = frozenset({"No", "not", "no"})
LABELS = ("yes", "no")
FIELDS = ("answer", "text")
"""What a reply is called: by the official evaluator, by LLaVA's answer files."""


def says_yes(reply: str) -> bool:
    """Return whether a reply counts as yes."""
    words = reply.split(".")[0].replace(",", "").split(" ")
    return NO.isdisjoint(words)


def generate(asked: Round, images: Path) -> Path:
    """Ask the questions of one split as they stand; return the official answers: a question and an
    answer a line, in the order of the file, with the id.
    """
    rows = read_rows(asked.prompts, "question_id", "image", "text")
    questions = [
        Question(str(row["question_id"]), row["text"], (images / row["image"],)) for row in rows
    ]
    replies = asked.ask(questions, suffix="")
    path = asked.out / f"{asked.prompts.stem}_answers.jsonl"
    write_lines(
        path,
        (
            {"question_id": row["question_id"], "question": row["text"], "answer": reply}
            for row in rows
            if (reply := replies.get(str(row["question_id"]))) is not None
        ),
    )
    return path


def score(
    records: Sequence[Path], annotations: Sequence[Path], allow_missing: bool = False
) -> Results:
    """Return the five figures of each split, and F1 over all splits two ways: the mean of the
    splits' and that of all replies together. Clustered by image.

    One file of answers a file of questions, in the same order. What would divide by nothing
    (precision without a yes, where the official evaluator stops) is left out with a warning.
    """
    if len(records) != len(annotations):
        raise ValueError(
            f"--records must name a file for each of {len(annotations)} question files, "
            f"got {len(records)}."
        )
    splits, label = _names(annotations)
    items: list[Item] = []
    missing: dict[str, list[str]] = {}
    n_expected = 0
    for split, answered, asked in zip(splits, records, annotations, strict=True):
        rows = read_rows(asked, "question_id", "image", "text", "label")
        replies = _replies(answered, rows)
        expected = _labels(asked, rows)
        missing[split] = require_complete(f"{split} answers", expected, replies, allow_missing)
        items += [_item(split, row, replies) for row in rows if str(row["question_id"]) in replies]
        n_expected += len(expected)
    return Results(
        benchmark="pope",
        protocol={
            **_protocol(splits, records, annotations),
            "rule": "official: no if the first sentence has the word No, no or not",
            "missing": missing,
        },
        n_expected=n_expected,
        n_scored=len(items),
        metrics=_metrics(splits, items, label),
        items=items,
    )


def _names(annotations: Sequence[Path]) -> tuple[list[str], str]:
    """Return the split of each file of questions, and whose images all of them ask about: "random"
    and "coco" of `coco_pope_random.json`.

    ValueError for a split twice or for several sources of images.
    """
    parts = [path.stem.split("_") for path in annotations]
    splits = [named[-1] for named in parts]
    if len(set(splits)) < len(splits):
        raise ValueError(f"--annotations must name different splits, got {', '.join(splits)}.")
    sources = {"-".join(part for part in named[:-1] if part != "pope") for named in parts}
    if len(sources) > 1:
        listed = " and ".join(sorted(sources))
        raise ValueError(f"--annotations must be of one set of images, got {listed}.")
    return splits, sources.pop() or "unnamed"


def _protocol(
    splits: Sequence[str], records: Sequence[Path], annotations: Sequence[Path]
) -> dict[str, Any]:
    """Return the protocol of all splits; ValueError if they were not made alike."""
    each = [read_protocol(*paths) for paths in zip(records, annotations, strict=True)]
    prompts = {split: protocol.pop("prompts") for split, protocol in zip(splits, each, strict=True)}
    for split, protocol in zip(splits, each, strict=True):
        if protocol != each[0]:
            raise ValueError(f"--records must be made alike, got another protocol for {split!r}.")
    return {**each[0], "prompts": prompts}


def _replies(path: Path, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return replies by question id; the official form has none and pairs by the order of lines.

    ValueError if the number of lines or a question then differs.
    """
    answers = read_rows(path)
    field = reply_field(path, answers[0], FIELDS)
    if all("question_id" in answer for answer in answers):
        return index_replies(path, answers, "question_id", field)
    if len(answers) != len(rows):
        raise ValueError(
            f"{path} must have an answer for each of {len(rows)} questions, in their order, "
            f"or question_id, got {len(answers)}."
        )
    for number, (answer, row) in enumerate(zip(answers, rows, strict=True), start=1):
        if answer.get("question", row["text"]) != row["text"]:
            raise ValueError(
                f"{path} line {number} must answer {row['text']!r}, got {answer['question']!r}."
            )
    named = [
        {**answer, "question_id": row["question_id"]}
        for answer, row in zip(answers, rows, strict=True)
    ]
    return index_replies(path, named, "question_id", field)


def _labels(path: Path, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the right answers by question id; ValueError for another one than yes or no."""
    for number, row in enumerate(rows, start=1):
        if row["label"] not in LABELS:
            raise ValueError(f"{path} line {number} label must be yes or no, got {row['label']!r}.")
    return index_replies(path, rows, "question_id", "label")


def _item(split: str, row: Mapping[str, Any], replies: Mapping[str, str]) -> Item:
    reply, label = replies[str(row["question_id"])], row["label"] == "yes"
    yes = says_yes(reply)
    return Item(
        name=f"{split}/{row['question_id']}",
        cluster=row["image"],
        stratum=split,
        value=float(yes == label),
        detail={"answer": reply, "yes": yes, "label": label},
    )


def _metrics(splits: Sequence[str], items: Sequence[Item], label: str) -> dict[str, Metric]:
    """Return the figures that are defined, with intervals from resampled images."""
    parts = {split: [item for item in items if item.stratum == split] for split in splits}
    tables = {split: resample(members) for split, members in parts.items()}
    values: dict[str, tuple[np.ndarray, Sequence[Item]]] = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for split, table in tables.items():
            for name, statistic in STATISTICS.items():
                values[f"pope.{split}.{name}@{label}"] = statistic(table), parts[split]
        means = np.mean([f1(table) for table in tables.values()], axis=0)
        values[f"pope.all.f1@{label}"] = f1(resample(items)), items
    values[f"pope.mean.f1@{label}"] = means, items
    undefined = [name for name, (draws, _) in values.items() if np.isnan(draws[0])]
    if undefined:
        logger.warning("left out, for want of a yes among answers or replies: %s", undefined)
    return {name: metric_of(*found) for name, found in values.items() if name not in undefined}


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb; several splits are scored together."""
    many = {"nargs": "+"}
    if verb == "score":
        named = {RECORDS[0], ANNOTATIONS[0]}
        plain = flags(verb, [], [ANNOTATIONS])
        return [(name, {**how, **many}) if name in named else (name, how) for name, how in plain]
    return flags(verb, [(QUESTIONS[0], {**QUESTIONS[1], **many}), IMAGES], [])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, score, or both; each split is asked in a folder of its own."""
    if verb == "score":
        found = score(options.records, options.annotations, options.allow_missing)
        return report(found, options.out)
    out: Path = options.out
    splits = [
        (Namespace(**{**vars(options), "out": out / prompts.stem}), prompts)
        for prompts in options.questions
    ]
    records = finish_each(
        partial(generate, round_of(split, prompts), options.images) for split, prompts in splits
    )
    if verb == "run":
        report(score(records, options.questions, options.allow_missing), out)
    return None
