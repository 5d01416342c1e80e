"""WISE after two drawn examples: does it help to be shown what a description is to be turned into?

Records, groups, weights and the rule are WISE's (benchmarks/wise): drawn or not. What differs is
the prompt: two descriptions with their pictures stand before the one that is asked.
"""

from collections import Counter
from pathlib import Path

from benchmarks.conditioned.prompts import Object, write_prompts
from benchmarks.conditioned.scoring import read_found
from benchmarks.results import Item, Results, summarise
from benchmarks.wise import WEIGHTS, group
from datamodules.world import World
from datamodules.world.examples import example_prompts

BENCHMARK = "in_context"


def write(world: World, folder: Path) -> None:
    """Write a prompt a WISE record; its column is the fact's tier."""
    write_prompts(
        world,
        BENCHMARK,
        (
            ({"kind": group(record["Category"]), "column": record["tier"]}, prompt)
            for record, prompt in example_prompts(world)
        ),
        folder,
    )


def score(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Results:
    """Return the weighted mean of the groups that exist, each group's mean, and each tier's."""
    judged = read_found(records_path, prompts_path, allow_missing)
    items = []
    for name, found in judged.found.items():
        prompt = judged.prompts[name]
        items.append(
            Item(
                name=name,
                cluster=name,
                stratum=prompt["kind"],
                column=prompt["column"],
                value=float(shows(found, prompt["target"][0][0])),
                detail={"prompt": prompt["prompt"]},
            )
        )
    weights = {kind: WEIGHTS[kind] for kind in WEIGHTS if any(i.stratum == kind for i in items)}
    metrics = summarise(BENCHMARK, judged.manifest["label"], items, WEIGHTS)
    return judged.results(items, metrics, mode="verified", group_weights=weights)


def shows(found: Counter[Object], target: str) -> bool:
    """Return whether an object of this name is there, in whatever colour and place."""
    return any(name == target for name, _, _ in found)
