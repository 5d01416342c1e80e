"""`python -m benchmarks contamination`: are GenEval's prompts among the captions of training data?

A public fine-tuning set holds them, and a score after training on it is no longer one on unseen
prompts. A caption is found if some template of GenEval makes it (any class, colour, number or
relation), and again if it is one of the benchmark's own prompts.
"""

import csv
import json
import re
from argparse import Namespace
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import flags
from benchmarks.geneval.prompts import read_prompts, template_pattern
from benchmarks.records import read_json, write_json

FIELDS = ("caption", "text", "prompt")
"""Where a record's caption stands, in order of preference."""
EXAMPLES = 20
SPACES = re.compile(r"\s+")


@dataclass
class Found:
    """How many captions there are, how many follow a template, how many are prompts, and the first
    of each with their numbers.
    """

    captions: int = 0
    templates: int = 0
    prompts: int = 0
    distinct_prompts: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)


def arguments(verb: str) -> list[flags.Flag]:
    """Return the flags of the command."""
    one_of = ", ".join(FIELDS)
    return [
        (("captions",), {"type": Path, "help": "captions: .txt, .jsonl, .json, .csv or .tsv"}),
        (("--prompts",), {"type": Path, "help": "the official evaluation_metadata.jsonl"}),
        (("--field",), {"help": f"the captions' key or column (default: the first of {one_of})"}),
        (("--out",), {"type": Path, "help": "JSON file to write the findings into"}),
    ]


def run_verb(verb: str, options: Namespace) -> None:
    """Print how many captions are GenEval's, with examples."""
    prompts = None
    if options.prompts:
        prompts = [record["prompt"] for record in read_prompts(options.prompts)]
    found = search(read_captions(options.captions, options.field), prompts or ())
    if not found.captions:
        raise ValueError(f"{options.captions} must hold at least one caption, got none.")
    print(f"{found.captions} captions, {found.templates} of them by a template of GenEval")
    if prompts is not None:
        distinct = f"{found.distinct_prompts} of {len(set(map(plain, prompts)))} prompts"
        print(f"{found.prompts} are prompts of the benchmark ({distinct} occur)")
    for number, caption in found.examples:
        print(f"caption {number}: {caption}")
    if options.out:
        write_json(options.out, asdict(found))


def plain(text: str) -> str:
    """Return a text in lower case, without final stop or double spaces."""
    return SPACES.sub(" ", text).strip().rstrip(".").strip().lower()


def search(captions: Iterator[str], prompts: Collection[str]) -> Found:
    """Return what is found among captions, which are read once and not kept."""
    pattern, wanted = template_pattern(), set(map(plain, prompts))
    found, seen = Found(), set()
    for number, caption in enumerate(captions, start=1):
        text = plain(caption)
        is_template = pattern.fullmatch(text) is not None
        is_prompt = text in wanted
        found.captions = number
        found.templates += is_template
        found.prompts += is_prompt
        seen |= {text} if is_prompt else set()
        if (is_template or is_prompt) and len(found.examples) < EXAMPLES:
            found.examples.append((number, caption.strip()))
    found.distinct_prompts = len(seen)
    return found


def read_captions(path: Path, name: str | None = None) -> Iterator[str]:
    """Yield the captions of a file, line by line where its form allows.

    ValueError for an unknown form, and for a record without the key.
    """
    match path.suffix.lower():
        case ".txt":
            with path.open() as lines:
                yield from (line for line in lines if line.strip())
        case ".jsonl":
            with path.open() as lines:
                for number, line in enumerate(lines, start=1):
                    yield caption_of(_parsed(line, path, number), name, f"{path} line {number}")
        case ".json":
            rows = read_json(path)
            rows = list(rows.values()) if isinstance(rows, dict) else rows
            if not isinstance(rows, list):
                raise ValueError(f"{path} must hold a list or an object, got {rows!r}.")
            for number, row in enumerate(rows, start=1):
                yield caption_of(row, name, f"{path} record {number}")
        case ".csv" | ".tsv":
            with path.open(newline="") as lines:
                delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
                for number, row in enumerate(csv.DictReader(lines, delimiter=delimiter), start=1):
                    yield caption_of(row, name, f"{path} record {number}")
        case other:
            raise ValueError(f"captions must be .txt, .jsonl, .json, .csv or .tsv, got {other!r}.")


def _parsed(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"{path} line {number} must be JSON, got {line[:60]!r}.") from error


def caption_of(row: Any, name: str | None, where: str) -> str:
    """Return the caption of a record, or the record if it is a text; ValueError if it has none."""
    if isinstance(row, str):
        return row
    for key in [name] if name else FIELDS:
        if isinstance(row, dict) and isinstance(row.get(key), str):
            return row[key]
    wanted = name or " or ".join(FIELDS)
    keys = sorted(map(str, row)) if isinstance(row, dict) else type(row).__name__
    raise ValueError(f"{where} must have a text {wanted!r}, got {keys} (or pass --field).")
