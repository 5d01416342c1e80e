"""A toy suite on the fakes, and a runner of it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from experiments.planning.plan import Request
from experiments.planning.planner import Project
from experiments.planning.sources import ROOT, Sources
from experiments.running.ablate import Ablation
from tests.experiments import fakes

BASE = """
suite:
  question: Does the fake fork help?
  control: control
  varies: [model, train.tasks, train.quality, train.behaviour]
  headline: {understand: [vqa.overall], generate: [geneval.overall]}
model: {name: shared}
"""
CLAIMS = """
claims:
  - {id: fork_draws, text: The fork draws better., arm: fork, against: control,
     metric: geneval.overall}
"""


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    """A folder with the suite `toy` (arms control, fork, frozen, reader) and the preset `tiny`."""
    root = tmp_path / "house"
    toy = root / "suites" / "toy"
    toy.mkdir(parents=True)
    (root / "presets").mkdir()
    (toy / "base.yaml").write_text(BASE)
    (toy / "claims.yaml").write_text(CLAIMS)
    (toy / "control.yaml").write_text("{}")
    (toy / "fork.yaml").write_text("model: {name: fork, fork_at: 1}\ntrain: {quality: 0.8}")
    (toy / "reader.yaml").write_text("train: {tasks: [understand]}")
    (toy / "frozen.yaml").write_text("arm: {needs: {language_model: reader}}\nmodel: {name: fork}")
    (root / "presets" / "tiny.yaml").write_text("preset: {stamp: toy}\nworld: {classes: 5}")
    return root


@pytest.fixture
def project(suites: Path) -> Project:
    sources = Sources(ROOT, ("tests",))
    return Project(suites, "tests.experiments.fakes:load_schema", fakes.graph, sources)


@pytest.fixture
def ablation(project: Project, tmp_path: Path) -> Callable[..., Ablation]:
    """Makes an ablation of the toy suite; keywords go to Request."""

    def make(**changes: object) -> Ablation:
        request = Request(**{"suite": "toy", "preset": "tiny", **changes})
        console = Console(file=io.StringIO(), width=200)
        return Ablation(project, request, tmp_path / "runs", console)

    return make
