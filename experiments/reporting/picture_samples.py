"""The report's picture prompts: what was given, what was asked for, and what every arm drew."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.conditioned.prompts import (
    IMAGES,
    PROMPTS,
    image_name,
    read_prompts,
    target_name,
)
from experiments.evidence.collect import Gathered
from experiments.graph_variants import PICTURE_BENCHMARKS
from experiments.reporting.samples import Prompt, Sample, data_address, drawn_cells
from experiments.steps import Store

COLUMN = "unseen"
"""The column of the headline scores."""
GIVEN = ("given", "then given")
ASKED = "asked for"
NOTHING = Sample("", None)


def picture_samples(found: Gathered, store: Store) -> list[Prompt]:
    """The first prompt of each kind, drawn by every arm's first seed; empty in other suites."""
    prompts: list[Prompt] = []
    for benchmark in PICTURE_BENCHMARKS:
        cells = drawn_cells(found, store, benchmark)
        if not cells:
            continue
        asked = store.path(next(iter(cells.values())).steps[f"prompts_{benchmark}"])
        right = {arm: found.right(arm, cell.seed, benchmark) for arm, cell in cells.items()}
        for record in first_of_each_kind(asked / PROMPTS):
            samples = shown(asked / IMAGES, record)
            for arm, cell in cells.items():
                drawn = store.path(cell.steps[f"generate_{benchmark}"]) / image_name(record)
                samples[arm] = Sample(data_address(drawn), right[arm].get(record["id"]))
            prompts.append(Prompt(record["prompt"], record["kind"], samples))
    return prompts


def first_of_each_kind(path: Path) -> Iterator[Mapping[str, Any]]:
    """The first record of each kind in the shown column."""
    seen: set[str] = set()
    for record in read_prompts(path).values():
        if record["column"] == COLUMN and record["kind"] not in seen:
            seen.add(record["kind"])
            yield record


def shown(folder: Path, record: Mapping[str, Any]) -> dict[str, Sample]:
    """The prompt's pictures, nothing where a prompt has one alone, and what it asks for."""
    names = [*record["images"], target_name(record["id"])]
    *given, asked = [Sample(data_address(folder / name), None) for name in names]
    return {**dict(zip(GIVEN, [*given, NOTHING], strict=False)), ASKED: asked}
