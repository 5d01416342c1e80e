"""The world's two judges of a cell's images."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

from benchmarks.judges.world import WorldJudge
from datamodules.world import World
from datamodules.world.judges.learnt import LearntJudge
from datamodules.world.judges.template import TemplateJudge


def world_judge(config: SimpleNamespace, inputs: Mapping[str, Path]) -> WorldJudge:
    """The learnt judge that the step `judge` trained: every score is its."""
    world = World(config.world)
    return WorldJudge(LearntJudge.load(inputs["judge"] / "judge.pt", world), world)


def second_judge(config: SimpleNamespace) -> WorldJudge:
    """The judge of another kind, which learns nothing: how far is the first to be trusted?"""
    world = World(config.world)
    return WorldJudge(TemplateJudge(world), world, opinion="template")
