"""A recipe of two stages at toy size, with all that its training reads but has not made itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from experiments.build import text_module
from experiments.config import view
from experiments.fitting.fit import save_weights
from experiments.planning.plan import Plan, Request, cell_config
from experiments.planning.planner import Planner, Project
from experiments.planning.sources import Sources
from experiments.recipes.recipe import load, load_recipe
from experiments.store.markers import write_json, write_marker
from experiments.store.steps import Step, Store
from models.image_tokens import ImageTokenizer
from models.tokenizers.kinds import load_codec

TOY = """
paper: A paper (arXiv 0000.00000)
about: two stages
config: {model: {name: unifork}}
sizes:
  smoke:
    world: {classes: 4, colours: 4}
    tokenizer: {levels: [3, 3, 3], width: 8}
    model: {trunk: {depth: 2, width: 16, heads: 2, kv_heads: 2, feed_forward: 24}}
    data: {scenes: 6, texts: 6}
    train: {steps: 10, understand_batch: 2, generate_batch: 2, checkpoints: 1, precision: 32-true}
stages:
  heads:
    config:
      stage: {groups: [{match: [model.image_head.*], rate: 0.01}]}
      mixture: {understand: [{source: captions}], generate: [{source: captions}]}
  branch:
    after: {start: heads}
    config:
      stage: {groups: [{match: ["generate:model.trunk.*"], rate: 0.02}]}
      mixture:
        understand: [{source: questions, weight: 2.0}, {source: facts}]
        generate: [{source: captions}]
      train: {understand_batch: 0}
"""
Papers = Callable[[str], Path]
SOURCES = Sources()
"""Parsed once for all plans."""


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    """Writes a text as the recipe `toy` and gives the folder of papers."""
    return lambda text: toy_paper(tmp_path, text)


def toy_paper(place: Path, text: str) -> Path:
    folder = place / "papers"
    folder.mkdir(exist_ok=True)
    (folder / "toy.yaml").write_text(text)
    return folder


def planned(
    papers: Path, name: str = "toy", overrides: tuple[str, ...] = (), preset: str = "smoke"
) -> Plan:
    stages = tuple(load_recipe(name, papers).stages)
    request = Request(f"recipe-{name}", preset, arms=stages, overrides=overrides)
    return Planner(Project(root=papers, load=load, sources=SOURCES), request).plan()


class Runs:
    """The steps of a plan, by stage; tokenizer and stage 0 are untrained and there already."""

    def __init__(self, plan: Plan, runs: Path) -> None:
        self.plan, self.store = plan, Store(runs)
        self.cells = {cell.arm: cell for cell in plan.cells}

    def step(self, stage: str, name: str) -> Step:
        return self.plan.steps[self.cells[stage].steps[name]]

    def run(self, stage: str, name: str) -> Path:
        step = self.step(stage, name)
        for needed in step.inputs:
            if needed in ("tokenizer", "stage0"):
                self.prepare(stage, needed)
        return self.store.run(step, view(cell_config(self.plan, step), step.parts))

    def train(self, stage: str) -> Path:
        self.run(stage, "data")
        return self.run(stage, "train")

    def prepare(self, stage: str, name: str) -> None:
        step = self.step(stage, name)
        folder = self.store.path(step.folder)
        if folder.exists():
            return
        folder.mkdir(parents=True)
        config = cell_config(self.plan, step)
        torch.manual_seed(0)
        if name == "tokenizer":
            ImageTokenizer(config.tokenizer).eval().save(str(folder / "tokenizer.pt"))
        else:
            tokenizer = self.store.path(self.cells[stage].steps["tokenizer"])
            module = text_module(config, load_codec(tokenizer))
            save_weights(module.state_dict(), folder / "model.pt")
            write_json(folder / "summary.json", {"flops": 7, "tokens": 3})
        write_marker(folder, {"step": name, "seconds": 0.0})


@pytest.fixture
def runs(papers: Papers, tmp_path: Path) -> Runs:
    return Runs(planned(papers(TOY)), tmp_path / "runs")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Both stages trained; not to be changed."""
    place = tmp_path_factory.mktemp("finished")
    runs = Runs(planned(toy_paper(place, TOY)), place / "runs")
    for stage in ("heads", "branch"):
        runs.train(stage)
    return runs
