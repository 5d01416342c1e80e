"""Guidance and temperature of a cell: the same small grid for every arm, by GenEval's rules.

The prompts ask for what GenEval asks for, tag by tag, in a wording of training's that no benchmark
uses, and the score is GenEval's own: the mean over tags of the share of right images. Chosen is the
least guidance within a standard error of the best try: the best alone is often luck, and guidance
is not harmless (docs/calibration.md). No benchmark's prompt is looked at; all tries are written.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.geneval_rules import judge_image
from benchmarks.protocol import Request
from datamodules.world import World
from datamodules.world.prompts import tuning_prompts
from experiments.scoring.judging import world_judge
from experiments.scoring.model import TrainedModel
from experiments.store.markers import write_json
from models.sampling import SamplingConfig

GUIDANCE = (1.5, 2.5, 4.0)
TEMPERATURES = (0.6, 0.9)
PER_TAG = 64
"""Drawings of each of GenEval's tags."""
CHOSEN = "sampling.json"


def tune(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes `sampling.json`: the chosen settings, and all tries with their scores."""
    tries = []
    if "generate" in config.train.tasks:
        tries = try_all(config, inputs)
    settings = {key: best_try(tries)[key] for key in ("guidance", "temperature") if tries}
    write_json(out / CHOSEN, {"sampling": {**asdict(config.sampling), **settings}, "tries": tries})


def try_all(config: SimpleNamespace, inputs: dict[str, Path]) -> list[dict[str, float]]:
    judge, prompts = world_judge(config, inputs), tuning_prompts(World(config.world), PER_TAG)
    requests = [Request(one["prompt"], seed=index) for index, one in enumerate(prompts)]
    model = TrainedModel.of_cell(config, inputs, config.sampling)
    tries = []
    for guidance, temperature in product(GUIDANCE, TEMPERATURES):
        model.sampling = replace(config.sampling, guidance=guidance, temperature=temperature)
        right, error = share_right(prompts, judge.detect(model.generate(requests)))
        one = {"guidance": guidance, "temperature": temperature, "right": right, "error": error}
        tries.append(one)
    return tries


def share_right(
    prompts: Sequence[Mapping[str, Any]], detections: Sequence[Mapping[str, Any]]
) -> tuple[float, float]:
    """The mean over tags of the share of images that are right by GenEval's rules, and its standard
    error."""
    by_tag: dict[str, list[bool]] = defaultdict(list)
    for prompt, found in zip(prompts, detections, strict=True):
        by_tag[prompt["tag"]].append(judge_image(prompt, found)[0])
    shares = np.array([np.mean(right) for right in by_tag.values()])
    numbers = np.array([len(right) for right in by_tag.values()])
    error = np.sqrt((shares * (1 - shares) / numbers).sum()) / len(shares)
    return float(shares.mean()), float(error)


def best_try(tries: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The best of those with the least guidance that reaches the best of all but for its standard
    error: the rule of one standard error (Breiman et al. 1984, Classification and Regression
    Trees)."""
    best = max(tries, key=lambda one: one["right"])
    near = [one for one in tries if one["right"] >= best["right"] - best["error"]]
    return min(near, key=lambda one: (one["guidance"], -one["right"]))


def tuned_sampling(inputs: dict[str, Path]) -> SamplingConfig:
    """What `tune` chose."""
    return SamplingConfig(**json.loads((inputs["tune"] / CHOSEN).read_text())["sampling"])
