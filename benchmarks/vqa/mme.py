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
from pathlib import Path

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
from benchmarks.vqa.mme_files import (
    ASKED,
    COGNITION,
    OFFICIAL_LINES,
    PERCEPTION,
    SUBTASKS,
    Line,
    digest,
    missing_images,
    read_lines,
    unlike_official,
)
from benchmarks.vqa.normalise import one_line
from benchmarks.vqa.official_files import read_protocol

SUMS = {"perception": PERCEPTION, "cognition": COGNITION}
PREFIX = 4
"""Characters of a reply that are read."""
FULL_SCORE = 100.0
TEMPLATE = path_flag("--questions", "folder of <subtask>.txt: image, question and answer a line")


def label(reply: str) -> str:
    """Return "yes", "no" or "other" for a reply."""
    start = reply.lower()[:PREFIX]
    return next((word for word in ("yes", "no") if word in start), "other")


def generate(asked: Round, images: Path) -> Path:
    """Ask the questions of the subtasks' files, which end in "Please answer yes or no." already;
    return the folder with the replies as a fourth column.

    `asked.prompts` is the folder of the files. A reply is put on one line. An image lies at
    `<subtask>/<image>` or `<subtask>/images/<image>`. The manifest says which images each file
    asks about: one that lacks a reply has no line here, and `score` misses it. ValueError if there
    is no file.
    """
    paths = sorted(asked.prompts.glob("*.txt"))
    if not paths:
        raise ValueError(f"{asked.prompts} must hold <subtask>.txt, got none.")
    finish_each(partial(_ask_subtask, asked, path, images / path.stem) for path in paths)
    files = {path.name: describe_prompts(path)["sha256"] for path in paths}
    shared = read_json(asked.out / paths[0].stem / MANIFEST)
    pairs = {path.stem: [line.image for line in read_lines(path, 3)[::2]] for path in paths}
    write_json(asked.out / MANIFEST, {**shared, "prompts": files, ASKED: pairs})
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
        if {str(number), str(number ^ 1)} <= replies.keys()  # an image needs both of its lines
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
    its subtasks are there. An image that was asked about, as far as the manifest says, and has no
    line is missing; numbers of lines that are not the official ones are stated.
    """
    paths = {name: records / f"{name}.txt" for name in SUBTASKS}
    there = [name for name, path in paths.items() if path.exists()]
    absent = require_complete("subtasks", SUBTASKS, there, allow_missing)
    lines = {name: read_lines(paths[name], columns=4) for name in there}
    items = [item for name in there for item in _items(name, lines[name])]
    protocol = read_protocol(records, None, rule=f"official: first {PREFIX} characters")
    missing = missing_images(protocol.pop(ASKED, {}), lines, allow_missing)
    return Results(
        benchmark="mme",
        protocol={
            **protocol,
            "questions": {name: digest(lines[name]) for name in there},
            "weights": dict.fromkeys(there, 1.0),
            "missing": [*absent, *missing],
            "unlike_official": unlike_official(lines),
        },
        n_expected=len(items) + len(missing) + sum(OFFICIAL_LINES[name] // 2 for name in absent),
        n_scored=len(items),
        metrics=_metrics(items),
        items=items,
    )


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
    """Return a mean of subtasks as their sum; of one image each it has no interval."""
    value, low, high = (
        None if one is None else factor * one
        for one in (metric.value, metric.ci_low, metric.ci_high)
    )
    return replace(metric, value=value, ci_low=low, ci_high=high)


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
