"""The rule of Commonsense-T2I, as its evaluator has it, from records of likeness.

An image supports the description that it is more like; where it is equally like both, neither.
Image j of the first prompt and image j of the second are right together if the first supports the
first description and the second the second. A pair's score is the share of its right couples, the
overall score the mean over pairs, in points from 0 to 100. Who answers at random has 25.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.commonsense_t2i.pairs import SIDES, Pair, Side, Slot, read_pairs, slots
from benchmarks.commonsense_t2i.steps import BENCHMARK, IMAGES_PER_PROMPT, NEGATIVES
from benchmarks.image_judging import FILE
from benchmarks.likeness_records import cosine, read_named
from benchmarks.records import read_judged, require_complete
from benchmarks.results import Item, Results, summarise

SCALE = 100.0


def supports(first: float, second: float) -> Side | None:
    """Return which description an image of these likenesses supports; None for neither."""
    if first == second:
        return None
    return 1 if first > second else 2


def score(
    records_path: Path,
    prompts_path: Path,
    allow_missing: bool = False,
    judge_name: str | None = None,
) -> Results:
    """Return the share of right couples of images in points, over all pairs and by category.

    MissingItemsError names images without a record, unless they may be missing; a couple of which
    one is missing is not scored. ValueError for a record of no image, a second one of an image, or
    one without two cosines.
    """
    pairs = read_pairs(prompts_path)
    manifest = read_judged(records_path, prompts_path, judge_name)
    count = manifest.get("images_per_prompt", IMAGES_PER_PROMPT)
    named = read_named(records_path, "likeness")
    rows = {name: _likeness(records_path, row) for name, row in named.items()}
    places = slots(pairs, count)
    missing = require_complete("records", [slot.name for slot in places], rows, allow_missing)
    couples = [slot for slot in places if slot.side == 1]
    items = [
        _item(pairs[slot.pair - 1], slot, rows)
        for slot in couples
        if all(Slot(slot.pair, side, slot.image).name in rows for side in SIDES)
    ]
    label = manifest["label"] + ("-negative" if manifest.get(NEGATIVES) else "")
    if not items:
        raise ValueError(f"{records_path} must hold both images of a couple, got none.")
    return Results(
        benchmark=BENCHMARK,
        protocol={**manifest, "missing": missing, "rule": "both images support their own"},
        n_expected=len(couples),
        n_scored=len(items),
        metrics=summarise(BENCHMARK, label, items),
        items=items,
    )


def _likeness(path: Path, row: Mapping[str, Any]) -> tuple[float, float]:
    found = row["likeness"]
    if not isinstance(found, list) or len(found) != len(SIDES):
        raise ValueError(f"{path} must give {row[FILE]} two likenesses, got {found!r}.")
    first, second = (cosine(path, row[FILE], value) for value in found)
    return first, second


def _item(pair: Pair, slot: Slot, rows: Mapping[str, tuple[float, float]]) -> Item:
    """Return the item of a couple of images, named by the first's place."""
    shown = [supports(*rows[Slot(slot.pair, side, slot.image).name]) for side in SIDES]
    return Item(
        name=f"{slot.pair:04d}-{slot.image}",
        cluster=f"{slot.pair:04d}",
        stratum=pair.category,
        value=SCALE * (shown == list(SIDES)),
        detail={"prompts": pair.prompts, "supports": shown},
    )
