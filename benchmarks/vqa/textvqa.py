"""TextVQA: questions about text in images, with ten human answers each.

Singh et al. 2019 (arXiv 1904.08920). Reply and answers are always normalised, by rules of their own
(possessives become words), and a reply is worth the mean over annotators of min(1, others who said
the same / 3). Whether the prompt lists what an OCR system read makes a large difference, so the
protocol says it.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.flags import Flag
from benchmarks.records import read_json, require_complete, write_json
from benchmarks.results import Item, Results, estimate
from benchmarks.vqa.asking import SHORT_ANSWER, Question, Round
from benchmarks.vqa.command import ANNOTATIONS, IMAGES, QUESTIONS, flags, path_flag, run_on_one_file
from benchmarks.vqa.normalise import ANNOTATORS, leave_one_out, normalise_textvqa
from benchmarks.vqa.official_files import (
    index_rows,
    read_protocol,
    read_replies,
    require_columns,
)

ANSWERS = "answers.json"
FULL_SCORE = 100.0
OCR = path_flag("--ocr", "official OCR file: list its tokens in the prompt", required=False)

Row = Mapping[str, Any]


def read_questions(path: Path, *columns: str) -> dict[str, Row]:
    """Return the official questions by id; ValueError for one that lacks one of `columns`."""
    return index_rows(path, _data(path), "question_id", *columns)


def _data(path: Path) -> Sequence[Row]:
    document = read_json(path)
    require_columns(f"{path}", document, ("data",))
    return document["data"]


def read_tokens(path: Path) -> dict[str, Sequence[str]]:
    """Return what the official OCR file found in each image."""
    rows = index_rows(path, _data(path), "image_id", "ocr_tokens")
    return {image: row["ocr_tokens"] for image, row in rows.items()}


def generate(asked: Round, images: Path, ocr: Path | None = None) -> Path:
    """Ask the official questions about `<image_id>.jpg`; return a list of question_id and answer.

    With `ocr`, the official file of OCR tokens, the prompt lists the tokens of the image.
    """
    rows = read_questions(asked.prompts, "image_id", "question")
    tokens = read_tokens(ocr) if ocr else None
    questions = [
        Question(
            name,
            row["question"] + _reference(tokens, str(row["image_id"])) + SHORT_ANSWER,
            (images / f"{row['image_id']}.jpg",),
        )
        for name, row in rows.items()
    ]
    replies = asked.ask(questions, suffix=SHORT_ANSWER, ocr_tokens=ocr is not None)
    answers = [
        {"question_id": row["question_id"], "answer": replies[name]}
        for name, row in rows.items()
        if name in replies
    ]
    write_json(asked.out / ANSWERS, answers)
    return asked.out / ANSWERS


def _reference(tokens: Mapping[str, Sequence[str]] | None, image: str) -> str:
    """Return the line of the prompt that lists an image's tokens, nothing without tokens."""
    if tokens is None:
        return ""
    return f"\nReference OCR token: {', '.join(tokens.get(image, ()))}"


def score(records: Path, annotations: Path, allow_missing: bool = False) -> Results:
    """Return the accuracy in percent, clustered by image."""
    questions = read_questions(annotations, "image_id", "answers")
    replies = read_replies(records, "question_id", "answer", "text")
    missing = require_complete("answers", questions, replies, allow_missing)
    items = [
        Item(
            name=name,
            cluster=str(row["image_id"]),
            stratum="all",
            value=FULL_SCORE * accuracy(name, row["answers"], replies[name]),
            detail={"answer": replies[name]},
        )
        for name, row in questions.items()
        if name in replies
    ]
    rule = "TextVQA's normaliser on both sides"
    return Results(
        benchmark="textvqa",
        protocol=read_protocol(records, annotations, rule=rule, missing=missing),
        n_expected=len(questions),
        n_scored=len(items),
        metrics={"textvqa.overall@official": estimate(items)},
        items=items,
    )


def accuracy(name: str, answers: Sequence[str], reply: str) -> float:
    """Return what a reply is worth, 0 to 1; ValueError unless there are ten answers."""
    if not isinstance(answers, list) or not all(isinstance(one, str) for one in answers):
        raise ValueError(f"question {name} must have a list of texts as answers, got {answers!r}.")
    if len(answers) != ANNOTATORS:
        raise ValueError(f"question {name} must have {ANNOTATORS} answers, got {len(answers)}.")
    wanted = normalise_textvqa(reply)
    return leave_one_out(sum(normalise_textvqa(text) == wanted for text in answers), ANNOTATORS)


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb."""
    return flags(verb, [QUESTIONS, IMAGES, OCR], [] if verb == "run" else [ANNOTATIONS])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, score, or both, from one questions file."""
    run_on_one_file(
        verb, options, lambda asked: generate(asked, options.images, options.ocr), score
    )
