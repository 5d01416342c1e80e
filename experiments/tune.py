"""Guidance and temperature of a cell: the same small grid for every arm, on the split `dev`.

The score is the share of the objects of a full caption that the judge finds right in name, colour
and place. No benchmark's prompt or scene is looked at; every try is written down.
"""

import json
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.protocol import Request
from datamodules.world import World
from datamodules.world.judges.learnt import LearntJudge
from datamodules.world.judges.measure import measure
from experiments.build import trained_tasks
from experiments.markers import write_json
from experiments.model import TrainedModel
from models.sampling import SamplingConfig

GUIDANCE = (1.5, 2.5)
TEMPERATURES = (0.6, 0.9)
SCENES = 128
CHOSEN = "sampling.json"


def tune(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes `sampling.json`: the chosen settings, and all tries with their scores."""
    tries = []
    if "generate" in trained_tasks(config.train):
        tries = try_all(config, inputs)
    best = max(tries, key=lambda one: one["objects_right"], default={})
    chosen = {key: best[key] for key in ("guidance", "temperature") if key in best}
    write_json(out / CHOSEN, {"sampling": {**asdict(config.sampling), **chosen}, "tries": tries})


def try_all(config: SimpleNamespace, inputs: dict[str, Path]) -> list[dict[str, float]]:
    world = World(config.world)
    judge = LearntJudge.load(inputs["judge"] / "judge.pt", world)
    scenes = [world.scene("dev", index) for index in range(SCENES)]
    requests = [Request(world.full_caption(s), seed=i) for i, s in enumerate(scenes)]
    model = TrainedModel(config, inputs, config.sampling)
    tries = []
    for guidance, temperature in product(GUIDANCE, TEMPERATURES):
        model.sampling = replace(config.sampling, guidance=guidance, temperature=temperature)
        found = measure(judge, np.stack(model.generate(requests)), scenes)
        tries.append(
            {"guidance": guidance, "temperature": temperature, "objects_right": found["recall"]}
        )
    return tries


def tuned_sampling(inputs: dict[str, Path]) -> SamplingConfig:
    """What `tune` chose."""
    return SamplingConfig(**json.loads((inputs["tune"] / CHOSEN).read_text())["sampling"])
