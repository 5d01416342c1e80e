"""VQAv2: open questions with ten human answers each.

Goyal et al. 2017 (arXiv 1612.00837). An answer's accuracy is the mean over annotators of
min(1, others who said the same / 3): 30, 60, 90 or 100% for one, two, three, or four and more of
ten. Answers are normalised unless all ten agree; then they must match to the letter, as in the
official evaluator (GT-Vision-Lab/VQA).
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.flags import Flag
from benchmarks.records import read_json, require_complete, write_json
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.vqa.asking import SHORT_ANSWER, Question, Round
from benchmarks.vqa.command import (
    ANNOTATIONS,
    IMAGES,
    QUESTIONS,
    QUESTIONS_OPTIONAL,
    flags,
    report,
    round_of,
)
from benchmarks.vqa.normalise import ANNOTATORS, leave_one_out, normalise_vqa, one_line
from benchmarks.vqa.official_files import (
    index_rows,
    read_protocol,
    read_replies,
    require_columns,
)

ANSWERS = "answers.json"
COLUMNS = ("image_id", "question_type", "answer_type", "answers")
FULL_SCORE = 100.0


def generate(asked: Round, images: Path) -> Path:
    """Ask the official questions file about `COCO_<subtype>_<image id>.jpg`; return the official
    results file: a list of question_id and answer.
    """
    document = read_json(asked.prompts)
    require_columns(f"{asked.prompts}", document, ("questions", "data_subtype"))
    rows = index_rows(asked.prompts, document["questions"], "question_id", "image_id", "question")
    subtype = document["data_subtype"]
    questions = [
        Question(
            name,
            row["question"] + SHORT_ANSWER,
            (images / f"COCO_{subtype}_{row['image_id']:012d}.jpg",),
        )
        for name, row in rows.items()
    ]
    replies = asked.ask(questions, suffix=SHORT_ANSWER)
    answers = [
        {"question_id": row["question_id"], "answer": replies[name]}
        for name, row in rows.items()
        if name in replies
    ]
    write_json(asked.out / ANSWERS, answers)
    return asked.out / ANSWERS


def score(
    records: Path, annotations: Path, questions: Path | None = None, allow_missing: bool = False
) -> Results:
    """Return the accuracy in percent: overall, by answer type and by question type, clustered by
    image.

    `records` is the official results file, `annotations` the official annotations. The official
    evaluator rounds its figures to two places; these are not rounded.
    """
    document = read_json(annotations)
    require_columns(f"{annotations}", document, ("annotations",))
    expected = index_rows(annotations, document["annotations"], "question_id", *COLUMNS)
    for name, row in expected.items():
        _require_answers(f"{annotations} question {name}", row["answers"])
    if questions:
        _require_same(questions, expected)
    replies = read_replies(records, "question_id", "answer")
    missing = require_complete("answers", expected, replies, allow_missing)
    items = [_item(name, row, replies[name]) for name, row in expected.items() if name in replies]
    protocol = read_protocol(
        records,
        questions,
        annotations=annotations,
        rule="official: normalised unless all annotators agree",
        missing=missing,
    )
    return Results(
        benchmark="vqav2",
        protocol=protocol,
        n_expected=len(expected),
        n_scored=len(items),
        metrics=_metrics(items, document.get("data_subtype", annotations.stem)),
        items=items,
    )


def _require_answers(where: str, answers: Any) -> None:
    """Raise ValueError unless these are ten answers in the official form."""
    if not isinstance(answers, list) or len(answers) != ANNOTATORS:
        given = len(answers) if isinstance(answers, list) else repr(answers)
        raise ValueError(f"{where} must have {ANNOTATORS} answers, got {given}.")
    for answer in answers:
        require_columns(f"{where} answer", answer, ("answer",))
        if not isinstance(answer["answer"], str):
            raise ValueError(f"{where} answer must be a text, got {answer['answer']!r}.")


def _require_same(questions: Path, expected: Mapping[str, Any]) -> None:
    """Raise ValueError unless a questions file has the questions that are annotated."""
    document = read_json(questions)
    require_columns(f"{questions}", document, ("questions",))
    asked = index_rows(questions, document["questions"], "question_id")
    if unlike := asked.keys() ^ expected.keys():
        raise ValueError(
            f"{questions} must hold the questions that are annotated, "
            f"got {len(unlike)} others, {min(unlike)} among them."
        )


def _item(name: str, row: Mapping[str, Any], reply: str) -> Item:
    return Item(
        name=name,
        cluster=str(row["image_id"]),
        stratum=row["answer_type"],
        value=FULL_SCORE * accuracy(row["answers"], reply),
        detail={"answer": reply, "question_type": row["question_type"]},
    )


def accuracy(answers: Sequence[Mapping[str, Any]], reply: str) -> float:
    """Return the accuracy of a reply, 0 to 1, by the annotators' answers.

    The official evaluator tells annotators apart by their whole entries, so two equal entries
    count as one annotator who does not see his own answer.
    """
    reply = one_line(reply)
    texts = [one_line(answer["answer"]) for answer in answers]
    if len(set(texts)) > 1:
        reply, texts = normalise_vqa(reply), [normalise_vqa(text) for text in texts]
    matching = [answer for answer, text in zip(answers, texts, strict=True) if text == reply]
    if len({answer.get("answer_id") for answer in matching}) == len(matching):
        return leave_one_out(len(matching), len(answers))
    entries = [{**answer, "answer": reply} for answer in matching]
    unlike = [len(entries) - entries.count(entry) for entry in entries]
    unlike += [len(entries)] * (len(answers) - len(entries))
    return sum(min(1.0, others / 3) for others in unlike) / len(answers)


def _metrics(items: Sequence[Item], label: str) -> dict[str, Metric]:
    """Return overall, then each answer type, then each question type."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[f"answer_type.{item.stratum}"].append(item)
        groups[f"question_type.{item.detail['question_type']}"].append(item)
    metrics = {f"vqav2.overall@{label}": estimate(items)}
    return metrics | {f"vqav2.{name}@{label}": estimate(groups[name]) for name in sorted(groups)}


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb."""
    return flags(verb, [QUESTIONS, IMAGES], [ANNOTATIONS, QUESTIONS_OPTIONAL])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, score, or both."""
    records = (
        options.records
        if verb == "score"
        else generate(round_of(options, options.questions), options.images)
    )
    if verb != "generate":
        found = score(records, options.annotations, options.questions, options.allow_missing)
        report(found, options.out)
