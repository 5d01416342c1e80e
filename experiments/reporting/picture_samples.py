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
from experiments.planning.graph_variants import PICTURE_BENCHMARKS
from experiments.reporting.samples import Prompt, Sample, data_address, drawn_cells
from experiments.store.steps import Store

COLUMN = "unseen"
"""The column of the headline scores."""
GIVEN = ("given", "then given")
ASKED = "asked for"
NOTHING = Sample("", None)


def picture_samples(found: Gathered, store: Store) -> list[Prompt]:
    """The first prompt of each kind, drawn by every arm's first seed; empty in other suites.

    Every prompt has the same arms, in the plan's order: NOTHING of one that has not drawn it.
    """
    drawn = {one: drawn_cells(found, store, one) for one in PICTURE_BENCHMARKS}
    arms = [arm for arm in found.plan.arms if any(arm in cells for cells in drawn.values())]
    prompts: list[Prompt] = []
    for benchmark, cells in drawn.items():
        if not cells:
            continue
        asked = store.path(next(iter(cells.values())).steps[f"prompts_{benchmark}"])
        right = {arm: found.right(arm, cell.seed, benchmark) for arm, cell in cells.items()}
        for record in first_of_each_kind(asked / PROMPTS):
            samples = shown(asked / IMAGES, record) | dict.fromkeys(arms, NOTHING)
            for arm, cell in cells.items():
                image = store.path(cell.steps[f"generate_{benchmark}"]) / image_name(record)
                samples[arm] = Sample(data_address(image), right[arm].get(record["id"]))
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
