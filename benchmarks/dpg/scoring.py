"""DPG's scores, on the official scale of 0 to 100: the paper's (`fixed`) and the official code's.

A question counts only if the questions that it depends on were answered yes; the score is a mean of
prompts of images of questions. The official code departs from this: it passes over the first row of
the CSV and so loses that row's prompt, compares replies with "yes" to the letter, and takes its
category scores from the last image alone, before the zeroing.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from benchmarks.dpg.grids import CROPS
from benchmarks.dpg.questions import Row, category, parents, read_official, read_questions
from benchmarks.records import index_by, read_judged, read_lines, require_complete
from benchmarks.results import Item, Metric, Results, estimate

Mode = Literal["fixed", "official"]
MODES: tuple[Mode, ...] = ("fixed", "official")
FULL_SCORE = 100.0
YES = "yes"
READABLE = re.compile(r"\W*(yes|no)(?:\W*|\s*[,.;:!].*)", re.DOTALL)
"""A reply that is yes or no, perhaps with more behind a punctuation mark."""
NOT_IN_PROTOCOL = ("images",)

Question = tuple[str, int, str]
"""Item, image, proposition."""
Crops = Mapping[int, Mapping[str, Any]]
"""By image of one item, its replies by proposition."""


def score(
    records_path: Path,
    prompts_path: Path,
    allow_missing: bool = False,
    mode: Mode = "fixed",
    judge_name: str | None = None,
    images_per_prompt: int | None = None,
) -> Results:
    """Return the mean over items of their images' means, and by category over questions.

    `judge_name` names the judge of records made elsewhere. In mode `official`, metrics carry
    "-official" behind the label, and the protocol names the prompts that the official code drops.
    """
    items = read_questions(prompts_path) if mode == "fixed" else read_official(prompts_path)
    manifest = read_judged(records_path, prompts_path, judge_name)
    replies = read_replies(records_path)
    count = images_per_prompt or manifest.get("images_per_prompt", CROPS)
    read = _read_fixed(replies) if mode == "fixed" else _read_official(replies, items)
    crops = list(product(items, range(count)))
    expected = [(*crop, row["proposition_id"]) for crop in crops for row in items[crop[0]]]
    missing = require_complete("replies", expected, read, allow_missing)
    whole = _whole_crops(items, crops, read, set(missing))
    scored = score_fixed(items, whole) if mode == "fixed" else score_official(items, whole)
    prompts, questions = scored
    if not prompts:
        raise ValueError(f"mode {mode} must leave a prompt to score, got {len(items)} lost.")
    label = manifest["label"] + ("" if mode == "fixed" else "-official")
    kept = {prompt.name for prompt in prompts}
    dropped = [name for name in items if name in whole and name not in kept]
    protocol = {key: value for key, value in manifest.items() if key not in NOT_IN_PROTOCOL}
    protocol |= {"images_per_prompt": count, "missing": missing, "mode": mode}
    return Results(
        benchmark="dpg",
        protocol={**protocol, "dropped": dropped} if mode == "official" else protocol,
        n_expected=len(items),
        n_scored=len(prompts),
        metrics={**by_category(questions, label), f"dpg.overall@{label}": estimate(prompts)},
        items=prompts,
    )


def read_replies(path: Path) -> dict[Question, str]:
    """Return the replies of a file; ValueError for one that comes twice or is ill-formed."""
    records = read_lines(path, "item_id", "crop", "proposition_id", "answer")
    for record in records:
        try:
            record["crop"] = int(record["crop"])
            record["proposition_id"] = str(int(record["proposition_id"]))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{path} must have whole numbers as crop and proposition_id, "
                f"got {record['crop']!r} and {record['proposition_id']!r}."
            ) from error
        if not isinstance(record["answer"], str):
            where = f"{record['item_id']} crop {record['crop']}"
            raise ValueError(
                f"{path} must have a text as answer, got {record['answer']!r} for {where} "
                f"proposition {record['proposition_id']}."
            )
    indexed = index_by(records, "item_id", "crop", "proposition_id")
    return {key: record["answer"] for key, record in indexed.items()}


def _read_fixed(replies: Mapping[Question, str]) -> dict[Question, bool]:
    """Return those replies that are readable as yes or no."""
    readings = {reply: read_reply(reply) for reply in set(replies.values())}
    return {
        key: reading for key, reply in replies.items() if (reading := readings[reply]) is not None
    }


def read_reply(reply: str) -> bool | None:
    """Return whether a reply says yes; None if it says neither yes nor no."""
    match = READABLE.fullmatch(reply.strip().lower())
    return match[1] == YES if match else None


def _read_official(
    replies: Mapping[Question, str], items: Mapping[str, Sequence[Row]]
) -> dict[Question, bool]:
    """Return whether a reply is "yes" to the letter, for all that the official code asks."""
    asked = {(name, row["proposition_id"]) for name, rows in items.items() for row in rows}
    return {key: reply == YES for key, reply in replies.items() if (key[0], key[2]) in asked}


def _whole_crops(
    items: Mapping[str, Sequence[Row]],
    crops: Sequence[tuple[str, int]],
    replies: Mapping[Question, bool],
    missing: set[Question],
) -> dict[str, dict[int, dict[str, bool]]]:
    """Return the replies by item, image and proposition, without images that lack one."""
    lacking = {question[:2] for question in missing}
    whole: dict[str, dict[int, dict[str, bool]]] = defaultdict(dict)
    for name, number in crops:
        if (name, number) not in lacking:
            whole[name][number] = {
                (key := row["proposition_id"]): replies[name, number, key] for row in items[name]
            }
    return whole


def score_fixed(
    items: Mapping[str, Sequence[Row]], whole: Mapping[str, Crops]
) -> tuple[list[Item], list[Item]]:
    """Return the prompts' scores, and the questions of all images after the zeroing."""
    prompts, questions = [], []
    for name, crops in whole.items():
        rows = items[name]
        above = {row["proposition_id"]: parents(row) for row in rows}
        held = [zero_dependents(answers, above) for answers in crops.values()]
        prompts.append(_prompt(name, held))
        questions += [one for holds in held for one in _questions(name, rows, holds)]
    return prompts, questions


def zero_dependents(
    answers: Mapping[str, bool], parents: Mapping[str, Sequence[str]]
) -> dict[str, bool]:
    """Return the answers, each a no where one that it depends on, at any distance, is a no."""
    holds = dict(answers)
    while zeroed := [
        name for name in holds if holds[name] and not all(holds[p] for p in parents[name])
    ]:
        holds.update(dict.fromkeys(zeroed, False))
    return holds


def score_official(
    items: Mapping[str, Sequence[Row]], whole: Mapping[str, Crops]
) -> tuple[list[Item], list[Item]]:
    """Return what the official code makes of the answers: the prompts that it does not lose, and
    the questions of their last image before the zeroing.
    """
    prompts, questions = [], []
    for name, crops in whole.items():
        rows = items[name]
        try:
            held = [zero_in_order(answers, rows) for answers in crops.values()]
        except KeyError:  # a parent that the official code has not read: the prompt is lost
            continue
        prompts.append(_prompt(name, held))
        questions += _questions(name, rows, crops[max(crops)])
    return prompts, questions


def zero_in_order(answers: Mapping[str, bool], rows: Sequence[Row]) -> dict[str, bool]:
    """Return the answers, zeroed in one pass in the order of the file: a chain falls only as far as
    parents stand first. KeyError for a parent that is not among them, if it is looked up.
    """
    holds = dict(answers)
    for row in rows:
        if any(not holds[parent] for parent in parents(row)):
            holds[row["proposition_id"]] = False
    return holds


def _prompt(name: str, held: Sequence[Mapping[str, bool]]) -> Item:
    value = FULL_SCORE * fmean(fmean(holds.values()) for holds in held)
    return Item(name=name, cluster=name, stratum="all", value=value)


def _questions(name: str, rows: Sequence[Row], holds: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the questions of one image, 100 where yes, in the category of their tuple."""
    for row in rows:
        value = FULL_SCORE * bool(holds[row["proposition_id"]])
        yield Item(name=name, cluster=name, stratum=category(row), value=value)


def by_category(questions: Sequence[Item], label: str) -> dict[str, Metric]:
    """Return `dpg.entity@label`, then `dpg.entity-whole@label`: means over questions.

    A category without detail ("global -") is the broad one alone.
    """
    broad: dict[str, list[Item]] = defaultdict(list)
    detailed: dict[str, list[Item]] = defaultdict(list)
    for item in questions:
        first, _, rest = item.stratum.partition("-")
        broad[first.strip()].append(item)
        if rest.strip():
            detailed[f"{first.strip()}-{rest.strip()}"].append(item)
    groups = {**broad, **dict(sorted(detailed.items()))}
    return {f"dpg.{name}@{label}": estimate(members) for name, members in groups.items()}
