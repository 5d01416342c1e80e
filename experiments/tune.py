"""Guidance and temperature of a cell: the same small grid for every arm, on the split `dev`.

The prompts are captions as in training, full and brief; the score is the share of their objects
that the judge sees in name and colour. No benchmark's prompt or scene is looked at; every try is
written down.
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
from datamodules.world.judges.measure import objects_right
from experiments.build import trained_tasks
from experiments.markers import write_json
from experiments.model import TrainedModel
from models.sampling import SamplingConfig

GUIDANCE = (1.5, 2.5)
TEMPERATURES = (0.6, 0.9)
SCENES = 192
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
    captions = [world.caption("dev", index, scene) for index, scene in enumerate(scenes)]
    requests = [Request(caption, seed=index) for index, caption in enumerate(captions)]
    model = TrainedModel(config, inputs, config.sampling)
    tries = []
    for guidance, temperature in product(GUIDANCE, TEMPERATURES):
        model.sampling = replace(config.sampling, guidance=guidance, temperature=temperature)
        right = objects_right(judge, np.stack(model.generate(requests)), scenes)
        tries.append({"guidance": guidance, "temperature": temperature, "objects_right": right})
    return tries


def tuned_sampling(inputs: dict[str, Path]) -> SamplingConfig:
    """What `tune` chose."""
    return SamplingConfig(**json.loads((inputs["tune"] / CHOSEN).read_text())["sampling"])
