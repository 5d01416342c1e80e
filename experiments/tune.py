"""Guidance and temperature of a cell: the same small grid for every arm, on the split `dev`.

The prompts are training's brief captions, which leave open what benchmarks' prompts leave open; the
score is the share of them of which the judge sees every object in name and colour: whole or not, as
benchmarks count. No benchmark's prompt or scene is looked at; every try is written down.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import count, islice, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.protocol import Request
from datamodules.world import Scene, World
from datamodules.world.judges.learnt import LearntJudge
from datamodules.world.judges.measure import scenes_right
from datamodules.world.scenes import PLACES
from experiments.build import trained_tasks
from experiments.markers import write_json
from experiments.model import TrainedModel
from models.sampling import SamplingConfig

GUIDANCE = (1.5, 2.5, 4.0)
TEMPERATURES = (0.6, 0.9)
SCENES = 384
CHOSEN = "sampling.json"


def tune(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes `sampling.json`: the chosen settings, and all tries with their scores."""
    tries = []
    if "generate" in trained_tasks(config.train):
        tries = try_all(config, inputs)
    best = max(tries, key=lambda one: one["scenes_right"], default={})
    chosen = {key: best[key] for key in ("guidance", "temperature") if key in best}
    write_json(out / CHOSEN, {"sampling": {**asdict(config.sampling), **chosen}, "tries": tries})


def try_all(config: SimpleNamespace, inputs: dict[str, Path]) -> list[dict[str, float]]:
    world = World(config.world)
    judge = LearntJudge.load(inputs["judge"] / "judge.pt", world)
    scenes, captions = zip(*islice(briefly_told(world), SCENES), strict=True)
    requests = [Request(caption, seed=index) for index, caption in enumerate(captions)]
    model = TrainedModel(config, inputs, config.sampling)
    tries = []
    for guidance, temperature in product(GUIDANCE, TEMPERATURES):
        model.sampling = replace(config.sampling, guidance=guidance, temperature=temperature)
        right = scenes_right(judge, np.stack(model.generate(requests)), scenes)
        tries.append({"guidance": guidance, "temperature": temperature, "scenes_right": right})
    return tries


def briefly_told(world: World) -> Iterator[tuple[Scene, str]]:
    """The scenes of `dev` whose caption names no place, with that caption."""
    for index in count():
        scene = world.scene("dev", index)
        caption = world.caption("dev", index, scene)
        if not any(place in caption for place in PLACES):
            yield scene, caption


def tuned_sampling(inputs: dict[str, Path]) -> SamplingConfig:
    """What `tune` chose."""
    return SamplingConfig(**json.loads((inputs["tune"] / CHOSEN).read_text())["sampling"])
