"""GenEval's prompts: the official metadata, the templates of their texts, and the classes."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.geneval_rules import MAX_OBJECTS
from benchmarks.records import describe_prompts, read_lines

Record = Mapping[str, Any]

TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
COLOURS = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
)
RELATIONS = ("left of", "right of", "above", "below")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COCO_NAMES = {
    "mouse": "computer mouse",
    "remote": "tv remote",
    "keyboard": "computer keyboard",
}
"""COCO's names of the classes that GenEval calls otherwise."""
# fmt: off
CLASSES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat",
    "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack",
    "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball",
    "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket",
    "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair",
    "couch", "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "computer mouse",
    "tv remote", "computer keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier",
    "toothbrush",
)
# fmt: on
"""COCO's 80 classes under GenEval's names."""


def read_prompts(path: Path, classes: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Return the records of a metadata file.

    ValueError names the line that is not of the official form: an unknown tag, clauses that are no
    list or (to include) none, one without class or without a count that can be found, a colour,
    relation or (where `classes` are given) class that GenEval has not, a position relative to no
    earlier clause, a prompt of the tag `position` without one.
    """
    prompts = read_lines(path, "tag", "include", "prompt")
    for number, record in enumerate(prompts, start=1):
        if fault := _fault(record, classes):
            raise ValueError(f"{path} line {number} must {fault}.")
    return prompts


def _fault(record: Record, classes: Collection[str] | None) -> str | None:
    """Return what a record must be and is not."""
    if record["tag"] not in TAGS:
        return f"have a tag of {', '.join(TAGS)}, got {record['tag']!r}"
    included, excluded = record["include"], record.get("exclude", [])
    if not isinstance(included, list) or not isinstance(excluded, list) or not included:
        return f"have a list of clauses in include (one at least) and exclude, got {record}"
    for place, clause in enumerate([*included, *excluded]):
        if fault := _fault_of(clause, place, classes):
            return fault
    if record["tag"] == "position" and ["position" in one for one in included] != [False, True]:
        return f"have two clauses, the second with a position, got {included}"
    return None


def _fault_of(clause: Any, place: int, classes: Collection[str] | None) -> str | None:
    """Return what the clause at `place` must be and is not."""
    if not isinstance(clause, dict) or not isinstance(clause.get("class"), str):
        return f"have class and count in every clause, got {clause}"
    if type(clause.get("count")) is not int or not 1 <= clause["count"] <= MAX_OBJECTS:
        return f"have class and count in every clause, 1 to {MAX_OBJECTS}, got {clause}"
    if classes is not None and clause["class"] not in classes:
        return f"name known classes, got {clause['class']!r}"
    if clause.get("color", COLOURS[0]) not in COLOURS:
        return f"name a colour of {', '.join(COLOURS)}, got {clause['color']!r}"
    if "position" not in clause:
        return None
    match clause["position"]:
        case [str(relation), int(target)] if relation in RELATIONS and 0 <= target < place:
            return None
    return f"place a clause relative to an earlier one, got {clause['position']}"


def describe(path: Path, prompts: Iterable[Record]) -> dict[str, Any]:
    """Return name and hash of a prompt file, and whether its texts are rewritten.

    They are if one is not what GenEval's template makes of its clauses; the texts of a record with
    a `column` are another set's own wording.
    """
    rewritten = any(
        record["prompt"] != template_prompt(record) for record in prompts if "column" not in record
    )
    return {**describe_prompts(path), "rewritten": rewritten}


def template_prompt(record: Record) -> str | None:
    """Return the text that GenEval's templates make of a record's clauses; None for more objects
    than they have a word for.
    """
    clauses = record["include"]
    if record["tag"] == "counting":
        clause = clauses[0]
        if clause["count"] >= len(NUMBERS):
            return None
        return f"a photo of {NUMBERS[clause['count']]} {plural(clause['class'])}"
    if record["tag"] == "position":
        target, subject = clauses
        relation = subject["position"][0]
        return f"a photo of {_article(subject)} {relation} {_article(target)}"
    return "a photo of " + " and ".join(map(_article, clauses))


def _article(clause: Record) -> str:
    named = " ".join(filter(None, [clause.get("color"), clause["class"]]))
    return f"{'an' if named[0] in 'aeiou' else 'a'} {named}"


def plural(name: str) -> str:
    """Return the plural as GenEval's counting prompts have it: "buses", but "benchs", "knifes"."""
    return name + ("es" if name.endswith("s") else "s")


def template_pattern() -> re.Pattern[str]:
    """Return what matches a text, lower case without final stop, that some template makes."""
    names = sorted(CLASSES, key=len, reverse=True)
    thing = rf"an? (?:(?:{'|'.join(COLOURS)}) )?(?:{'|'.join(map(re.escape, names))})"
    things = "|".join(re.escape(plural(name)) for name in names)
    number = "|".join(NUMBERS[2:])
    joined = rf"{thing}(?: (?:and|{'|'.join(RELATIONS)}) {thing})?"
    return re.compile(rf"a photo of (?:{joined}|(?:{number}) (?:{things}))")


def metadata_line(record: Record) -> str:
    """Return a record as the official files have it; results are grouped by this text."""
    return json.dumps(record)
