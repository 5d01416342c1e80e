"""Answer, then draw: the steps from a cell's answers to the bound beside its score, in a row."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.prompts import wise
from benchmarks.records import read_json
from datamodules.world import World, WorldConfig
from experiments.parallel.execution import ONE_DEVICE
from experiments.planning.graph import cell_steps
from experiments.scoring import evaluate
from experiments.scoring.prompt_folders import FULL

WORLD = World(WorldConfig(classes=4, colours=4))
NAMES = tuple(WORLD.by_name)  # dog, cow, clock, pizza
TARGETS = {fact.predicate: one.name for one in WORLD.objects for fact in one.facts}
CONFIG = SimpleNamespace(world=WORLD.config, execution=ONE_DEVICE)


class Literal:
    """Knows every fact but takes a dog for a cow; draws what a prompt names, and no description."""

    protocol = {"guidance": None}  # noqa: RUF012

    def answer(self, requests):
        known = [next(TARGETS[p] for p in TARGETS if f" {p} " in r.text) for r in requests]
        return ["cow" if name == "dog" else name for name in known]

    def generate(self, requests):
        named = [[name in request.text.split() for name in NAMES] for request in requests]
        shades = [1 + one.index(True) if any(one) else 0 for one in named]
        return [np.full((32, 32, 3), shade, np.uint8) for shade in shades]


class ShadeJudge:
    label, protocol = "test", {"judge": "shade"}

    def drawn(self, images, prompts):
        shades = [int(image[0, 0, 0]) for image in images]
        return [
            int(shade > 0 and NAMES[shade - 1] == prompt["target"])
            for shade, prompt in zip(shades, prompts, strict=True)
        ]


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that `score_wise` has written, after all steps that it follows."""
    monkeypatch.setattr(evaluate, "trained", lambda config, inputs: Literal())
    monkeypatch.setattr(evaluate, "world_judge", lambda config, inputs: ShadeJudge())
    wise.write(WORLD, tmp_path / "prompts_wise" / FULL)
    for name, kind in cell_steps(("understand", "generate")).items():
        if name.endswith("_wise") and name != "prompts_wise":
            inputs = {one: tmp_path / one for one in kind.inputs}
            getattr(evaluate, name)(CONFIG, inputs, tmp_path / name)
    return tmp_path / "score_wise"


def test_a_model_that_draws_names_alone_scores_by_its_answers_when_it_is_told_them(
    scored: Path,
) -> None:
    metrics = {
        name.partition("@")[0]: metric["value"]
        for name, metric in read_json(scored / "results.json")["metrics"].items()
    }
    asked = [f for one in WORLD.objects for f in one.facts if f.tier != "shown"]
    of_dogs = [f for f in WORLD.by_name["dog"].facts if f.tier != "shown"]
    right = 1 - len(of_dogs) / len(asked)
    assert metrics["wise.overall"] == 0
    assert metrics["wise.answered"] == pytest.approx(right)
    assert metrics["wise.drawn_when_told"] == pytest.approx(right)
    assert metrics["wise.drawn_when_told.never_drawn"] == pytest.approx(
        metrics["wise.answered.never_drawn"]
    )
