"""A finished run of tiny, untrained cells: as many of its steps as sharing an arm reads."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.config import Layer, canonical, resolve
from experiments.planning.graph import SAMPLER
from experiments.planning.plan import Cell, Plan, Request
from experiments.probing.inspected import untrained_module
from experiments.schema import load_schema
from experiments.sharing.export_model import export_model
from experiments.store.markers import write_json, write_marker
from experiments.store.steps import Step, Store
from models.image_tokens import ImageTokenizer
from models.sampling import SamplingConfig

RUN = "toy-tiny"
SUITE = {"headline": {"understand": ["vqa.overall"], "generate": []}, "control": "shared"}
TINY: Mapping[str, Any] = {
    "world": {"classes": 4, "colours": 4},
    "tokenizer": {"patch": 8, "levels": [3, 3, 3], "width": 8},
    "stage0": {"init": "scratch"},
    "train": {"steps": 3, "init": "scratch", "precision": "32-true"},
}
TRUNK = {"depth": 2, "width": 32, "heads": 2, "kv_heads": 2, "feed_forward": 48}
SUMMARY = {
    "parameters": {"total": 1234567, "active_understand": 1000},
    "flops": 2.5e9,
    "tokens": 98765,
}


class RunWriter:
    """Writes cells into `runs`, and at last the plan that lists them."""

    def __init__(self, runs: Path) -> None:
        self.store = Store(runs)
        self.cells: list[Cell] = []
        self.steps: dict[str, Step] = {}
        self.configs: dict[str, Any] = {}
        torch.manual_seed(0)
        config = resolve(load_schema(), [Layer("tiny", {**TINY, "model": {"name": "shared"}})], "")
        codec = ImageTokenizer(config.tokenizer).eval()
        self.write("tokenizer-0", lambda out: codec.save(str(out / "tokenizer.pt")))
        self.write("stage0-0", lambda out: None)
        for name in ("tokenizer", "stage0"):
            self.steps[f"{name}-0"] = Step(name, "0", "", (), {}, False, "")

    def write(self, folder: str, fill: Callable[[Path], object]) -> None:
        out = self.store.path(folder)
        out.mkdir(parents=True)
        fill(out)
        write_marker(out, {"seconds": 1.0, "commit": "0123456789abcdef"})

    def add(self, arm: str, model: str, tasks: tuple[str, ...]) -> None:
        """An arm as it is drawn, its steps `train`, `tune` and `score_vqa` done."""
        section = {"name": model, "trunk": TRUNK}
        config = resolve(load_schema(), [Layer("tiny", {**TINY, "model": section})], arm)
        self.configs[arm] = canonical(config)
        folders = {"tokenizer": "tokenizer-0", "stage0": "stage0-0"}
        inputs = {name: self.store.path(folder) for name, folder in folders.items()}
        module = untrained_module(config, inputs)
        train, tune, score = (f"{step}-{arm}" for step in ("train", "tune", "score_vqa"))
        self.write(train, lambda out: save_training(module, out))
        sampling = {**asdict(SamplingConfig()), "guidance": 1.5, "chunk": 2, "flow_steps": 2}
        self.write(tune, lambda out: write_json(out / "sampling.json", {"sampling": sampling}))
        self.write(score, save_score)
        read = {**folders, "train": train, "tune": tune}
        curve = Step("curve", arm, "", SAMPLER, read, False, arm)
        self.steps[curve.folder] = curve
        self.steps[train] = Step("train", arm, "", (), folders, False, arm)
        steps = {**read, "curve": curve.folder, "score_vqa": score, "data": "data-0"}
        steps["brackets"] = "brackets-none"
        self.cells.append(Cell(arm, 0, model, tasks, (), arm, steps))

    def finish(self) -> Path:
        plan = Plan(
            request=Request("toy", "tiny"),
            suite=SUITE,
            claims=(),
            claims_hash="",
            stamp="toy, not evidence",
            expected_seconds={},
            schema="experiments.schema:load_schema",
            cells=tuple(self.cells),
            steps=self.steps,
            configs=self.configs,
            units={},
        )
        write_json(self.store.runs / "plans/plan.json", asdict(plan))
        write_json(self.store.runs / RUN / "outputs.json", {"plan": "plan.json"})
        return self.store.runs


def save_training(module: torch.nn.Module, out: Path) -> None:
    torch.save(module.state_dict(), out / "model.pt")
    write_json(out / "summary.json", SUMMARY)


def save_score(out: Path) -> None:
    metric = {"value": 0.75, "ci_low": 0.5, "ci_high": 1.0, "n": 8, "higher_is_better": True}
    results = {"benchmark": "vqa", "protocol": {"judge": "exact"}, "items": "items.jsonl"}
    results["metrics"] = {"vqa.overall@world-4x4-32px": metric, "vqa.count@world-4x4-32px": metric}
    (out / "results.json").write_text(json.dumps(results))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder with the run `toy-tiny`: one arm of each kind, and one that only answers."""
    both = ("understand", "generate")
    writer = RunWriter(tmp_path_factory.mktemp("sharing") / "runs")
    for model in ("shared", "task_moe", "frozen_bridge"):
        writer.add(model, model, both)
    writer.add("understand_only", "shared", ("understand",))
    return writer.finish()


@pytest.fixture(scope="session")
def folder(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The arm `shared`, exported; not to be changed."""
    out = tmp_path_factory.mktemp("exported") / "shared"
    export_model(runs, RUN, "shared", 0, out)
    return out
