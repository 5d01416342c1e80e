"""Does the drawn image show what was asked, and nothing else?

An image is right where the objects found are those of the target, each once, in name, colour and
place. Of an edit two halves are told apart: `changed`, what was asked to come is there and what was
asked to go is gone; `kept`, all else is as it was and nothing came unasked. Right is both.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.conditioned.prompts import Object, read_prompts
from benchmarks.records import index_by, read_judged, read_lines, require_complete
from benchmarks.results import Item, Metric, Results, estimate, summarise

HALVES = ("changed", "kept")
EDITING = "editing"


@dataclass(frozen=True)
class Judged:
    """The prompts by id, what was found in the image of each, and how both came about."""

    prompts: Mapping[str, Mapping[str, Any]]
    found: Mapping[str, Counter[Object]]
    manifest: Mapping[str, Any]
    missing: list[str]

    @property
    def benchmark(self) -> str:
        """The benchmark that the prompts are of."""
        return next(iter(self.prompts.values()))["benchmark"]

    def results(
        self, items: list[Item], metrics: Mapping[str, Metric], **protocol: object
    ) -> Results:
        """Return the results with `items` made of this."""
        return Results(
            benchmark=self.benchmark,
            protocol={**self.manifest, "missing": self.missing, **protocol},
            n_expected=len(self.prompts),
            n_scored=len(items),
            metrics=metrics,
            items=items,
        )


def read_found(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Judged:
    """Return the judge's records; MissingItemsError names those that are absent."""
    prompts = read_prompts(prompts_path)
    manifest = read_judged(records_path, prompts_path)
    records = index_by(read_lines(records_path, "id", "objects"), "id")
    missing = require_complete("records", prompts, records, allow_missing)
    found = {name: counted(records[name]["objects"]) for name in prompts if name in records}
    return Judged(prompts, found, manifest, missing)


def score(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Results:
    """Return the share of right images, by kind and column; for `editing` also both halves."""
    judged = read_found(records_path, prompts_path, allow_missing)
    benchmark = judged.benchmark
    items = [item(judged.prompts[name], found) for name, found in judged.found.items()]
    label = judged.manifest["label"]
    metrics = summarise(benchmark, label, items)
    if benchmark == EDITING:
        metrics |= halves(benchmark, label, items)
    return judged.results(items, metrics, rule="objects, colours and places exactly")


def item(prompt: Mapping[str, Any], found: Counter[Object]) -> Item:
    """Return the item of one drawn image."""
    source, target = counted(prompt["source"]), counted(prompt["target"])
    changed, kept = edited(source, target, found)
    return Item(
        name=prompt["id"],
        cluster=prompt["id"],
        stratum=prompt["kind"],
        column=prompt.get("column"),
        value=float(found == target),
        detail={"prompt": prompt["prompt"], "changed": changed, "kept": kept},
    )


def counted(objects: Iterable[Iterable[Any]]) -> Counter[Object]:
    """Return how often each object is there."""
    return Counter((name, colour, place) for name, colour, place in objects)


def edited(
    source: Counter[Object], target: Counter[Object], found: Counter[Object]
) -> tuple[bool, bool]:
    """Return whether the asked change happened, and whether nothing else did."""
    come, gone = target - source, source - target
    touched = {*come, *gone}
    changed = all(found[one] == come[one] for one in touched)
    rest = Counter({one: number for one, number in found.items() if one not in touched})
    return changed, rest == source & target


def halves(benchmark: str, label: str, items: list[Item]) -> dict[str, Metric]:
    """Return the share of each half of right, over all images and by column."""
    metrics = {}
    for column in [None, *dict.fromkeys(one.column for one in items if one.column)]:
        suffix = f".{column}@{label}" if column else f"@{label}"
        chosen = [one for one in items if column in (None, one.column)]
        for half in HALVES:
            values = [replace(one, value=float(bool(one.detail[half]))) for one in chosen]
            metrics[f"{benchmark}.{half}{suffix}"] = estimate(values)
    return metrics
