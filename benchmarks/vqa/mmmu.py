"""MMMU: college questions, most with lettered options, some open.

Yue et al. 2023 (arXiv 2311.16502). The official parser reads the answer from a free reply. What it
cannot read counts as wrong (`fixed`), or is an option drawn at random, as the official code does
(`official`): its generator is seeded once, so the draws depend on the order of the replies. The
overall accuracy is the mean over questions.
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.flags import Flag
from benchmarks.records import (
    MANIFEST,
    describe_prompts,
    read_json,
    require_complete,
    write_json,
)
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.sharding import finish_each
from benchmarks.vqa.asking import LETTER_ANSWER, SHORT_ANSWER, Question, Round
from benchmarks.vqa.choices import lettered, shown
from benchmarks.vqa.command import flags, path_flag, report, round_of
from benchmarks.vqa.mmmu_parser import matches_open, parse_choice, parse_open
from benchmarks.vqa.mmmu_questions import (
    DOMAIN_OF,
    images_of,
    listed,
    read_questions,
    subject_files,
    subject_of,
)
from benchmarks.vqa.official_files import (
    index_rows,
    read_by_id,
    read_protocol,
    read_rows,
    require_columns,
)

OUTPUT = "output.json"
CHOICE = "multiple-choice"
MODES = ("fixed", "official")
OFFICIAL_SEED = 42
QUESTIONS = path_flag("--questions", "questions, parquet or JSON, or the data set's folder")
IMAGES = path_flag("--images", "folder of the images that the questions name", required=False)
ANSWERS = path_flag("--annotations", "official answer_dict_val.json", required=False)
MODE: Flag = (("--mode",), {"choices": MODES, "default": MODES[0], "help": "unread replies"})
SEED: Flag = (("--seed",), {"type": int, "default": OFFICIAL_SEED, "help": "of --mode official"})

Row = Mapping[str, Any]


def generate(asked: Round, images: Path | None = None) -> Path:
    """Ask questions in the data set's columns; return the official output: a list of id, type,
    answer, options and response (null where it is missing), or of a folder of questions, a folder
    of such lists by subject.

    `asked.prompts` is what `mmmu_questions` reads; `images` is the folder of the files that it
    names, if it does not hold them. The text keeps its marks for images ("<image 1>").
    """
    if not asked.prompts.is_dir():
        return _ask_file(asked, images)
    paths = subject_files(asked.prompts)
    rounds = {
        name: replace(asked, prompts=path, out=asked.out / name) for name, path in paths.items()
    }
    finish_each(partial(_ask_file, one, images) for one in rounds.values())
    files = {name: describe_prompts(path)["sha256"] for name, path in paths.items()}
    shared = read_json(asked.out / next(iter(paths)) / MANIFEST)
    write_json(asked.out / MANIFEST, {**shared, "prompts": files})
    return asked.out


def _ask_file(asked: Round, images: Path | None) -> Path:
    rows = read_questions(asked.prompts)
    questions = [Question(name, _prompt(row), images_of(row, images)) for name, row in rows.items()]
    replies = asked.ask(
        questions, suffix={CHOICE: LETTER_ANSWER, "open": SHORT_ANSWER}, options="(A) text"
    )
    output = [_output(row, replies.get(name)) for name, row in rows.items()]
    write_json(asked.out / OUTPUT, output)
    return asked.out / OUTPUT


def _prompt(row: Row) -> str:
    if row["question_type"] != CHOICE:
        return f"{row['question']}\n{SHORT_ANSWER}"
    options = shown(lettered(listed(row["options"])), "({letter}) {text}")
    return f"{row['question']}\n\n{options}\n{LETTER_ANSWER}"


def _output(row: Row, reply: str | None) -> dict[str, object]:
    base = {"id": row["id"], "question_type": row["question_type"], "response": reply}
    if row["question_type"] != CHOICE:
        return {**base, "answer": listed(row["answer"])}
    options = lettered(listed(row["options"]))
    return {**base, "answer": row["answer"], "all_choices": list(options), "index2ans": options}


def read_output(records: Path) -> dict[str, Row]:
    """Return the rows of an official output by id, in order: one `output.json`, a folder of
    `<subject>/output.json` in the official order of subjects, or an object of predictions by id
    (which then are `parsed`).
    """
    if records.is_dir():
        paths = sorted(records.glob(f"*/{OUTPUT}")) or [records / OUTPUT]
        found = [row for path in paths for row in read_rows(path, "id", "response")]
        return index_rows(records, found, "id")
    if isinstance(document := read_json(records), dict) and "id" not in document:
        parsed = [{"id": name, "parsed": value} for name, value in document.items()]
        return index_rows(records, parsed, "id")
    return index_rows(records, read_rows(records, "id", "response"), "id")


def score(
    records: Path,
    answers: Path | None = None,
    mode: str = MODES[0],
    seed: int = OFFICIAL_SEED,
    allow_missing: bool = False,
) -> Results:
    """Return the share of right answers: overall, by domain and by subject; and that of replies to
    multiple choice that no rule could read.

    Right answers come from `answers`, the official `answer_dict_val.json`, or else from the rows. A
    response that is no text is unreadable. ValueError for an unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"--mode must be one of {', '.join(MODES)}, got {mode!r}.")
    rows = read_output(records)
    truths = _truths(records, rows, answers)
    readable = [
        name
        for name, row in rows.items()
        if isinstance(row.get("response", row.get("parsed")), str)
    ]
    missing = require_complete("responses", truths, readable, allow_missing)
    random = Random(seed) if mode == "official" else None
    items = [_item(name, rows[name], truths[name], random) for name in readable]
    drawn = {"seed": seed} if random else {}
    return Results(
        benchmark="mmmu",
        protocol=read_protocol(records, None, answers=answers, mode=mode, missing=missing, **drawn),
        n_expected=len(truths),
        n_scored=len(items),
        metrics=_metrics(items, f"official-seed{seed}" if random else mode),
        items=items,
    )


def _truths(records: Path, rows: Mapping[str, Row], answers: Path | None) -> dict[str, Row]:
    """Return type and right answer by id; ValueError for an answer that is no text or texts."""
    where, field = (answers, "ground_truth") if answers else (records, "answer")
    found: dict[str, Row] = {}
    for name, row in (read_by_id(answers, "right answers") if answers else rows).items():
        require_columns(f"{where} {name}", row, ("question_type", field))
        answer = row[field]
        texts = answer if isinstance(answer, list) else [answer]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{where} {name} {field} must be a text or a list, got {answer!r}.")
        found[name] = {"question_type": row["question_type"], "answer": answer}
    return found


def _item(name: str, row: Row, truth: Row, random: Random | None) -> Item:
    """Return a question with its reply's answer; what is `parsed` already is taken as it is."""
    if truth["question_type"] != CHOICE:
        found = parse_open(str(row.get("response", row.get("parsed"))))
        right, unread = matches_open(found, truth["answer"]), False
        answer: object = sorted(map(str, found))
    else:
        answer, unread = _letter(name, row, random)
        right = answer in (
            truth["answer"] if isinstance(truth["answer"], list) else [truth["answer"]]
        )
    subject = subject_of(name)
    return Item(
        name=name,
        cluster=name,
        stratum=subject,
        value=float(right),
        detail={"answer": answer, "expected": truth["answer"], "unread": unread},
    )


def _letter(name: str, row: Row, random: Random | None) -> tuple[str | None, bool]:
    """Return the letter of a reply, and whether no rule could read it."""
    if "response" not in row:
        return row["parsed"], False
    require_columns(f"question {name}", row, ("all_choices", "index2ans"))
    letter = parse_choice(row["response"], row["all_choices"], row["index2ans"])
    if letter is None and random:
        return random.choice(row["all_choices"]), True
    return letter, letter is None


def _metrics(items: Sequence[Item], label: str) -> dict[str, Metric]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[f"subject.{item.stratum}"].append(item)
        if item.stratum in DOMAIN_OF:
            groups[f"domain.{DOMAIN_OF[item.stratum]}"].append(item)
    unread = [replace(item, value=float(bool(item.detail["unread"]))) for item in items]
    metrics = {
        f"mmmu.overall@{label}": estimate(items),
        f"mmmu.unread@{label}": replace(estimate(unread), higher_is_better=False),
    }
    return metrics | {f"mmmu.{name}@{label}": estimate(groups[name]) for name in sorted(groups)}


def arguments(verb: str) -> list[Flag]:
    """Return the flags of a verb."""
    return flags(verb, [QUESTIONS, IMAGES], [ANSWERS, MODE, SEED])


def run_verb(verb: str, options: Namespace) -> None:
    """Generate, score, or both."""
    records = (
        options.records
        if verb == "score"
        else generate(round_of(options, options.questions), options.images)
    )
    if verb != "generate":
        found = score(
            records, options.annotations, options.mode, options.seed, options.allow_missing
        )
        report(found, options.out)
