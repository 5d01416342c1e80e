"""The prompts of each benchmark: a step each, so that no benchmark waits for another's change.

A step writes the folder `full` for the scores; `small` is for the points of the curve.
"""

import hashlib
from pathlib import Path
from types import SimpleNamespace

from benchmarks.judges.efficientnet import EfficientNetFeatures
from benchmarks.prompts import dpg, geneval, mjhq_fid, vqa, wise
from datamodules.world import World
from experiments.planning.sources import ROOT
from experiments.scoring.prompt_folders import FULL, SMALL

SMALL_GENEVAL, SMALL_VQA = 12, 20
"""Prompts a tag and questions a kind, in each column, at the token counts of the curve."""
Inputs = dict[str, Path]


def prompts_geneval(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Writes the official prompts as a column of `full` alone."""
    world, per_tag = World(config.world), config.benchmark.geneval_per_tag
    geneval.write(world, per_tag, out / FULL, official_prompts(config.benchmark))
    geneval.write(world, min(SMALL_GENEVAL, per_tag), out / SMALL)


def official_prompts(benchmark: SimpleNamespace) -> Path | None:
    """GenEval's own file; ValueError where it is no longer the one that was asked for."""
    if not benchmark.official_prompts:
        return None
    path = ROOT / benchmark.official_prompts
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != benchmark.official_sha256:
        raise ValueError(
            f"{path} must have the SHA-256 {benchmark.official_sha256[:12]}, got {found[:12]}."
        )
    return path


def prompts_dpg(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    dpg.write(World(config.world), config.benchmark.dpg_items, out / FULL)


def prompts_wise(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    wise.write(World(config.world), out / FULL)


def prompts_mjhq_fid(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Writes the features of real images beside the captions."""
    world, images = World(config.world), config.benchmark.mjhq_images
    mjhq_fid.write(world, images, out / FULL)
    mjhq_fid.write_references(world, images, out / FULL, EfficientNetFeatures())


def prompts_vqa(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    world, per_kind = World(config.world), config.benchmark.vqa_per_kind
    vqa.write(world, per_kind, out / FULL)
    vqa.write(world, min(SMALL_VQA, per_kind), out / SMALL)
