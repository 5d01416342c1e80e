"""The steps that score a cell: generate, judge and score of each benchmark, and the curve.

Each benchmark's own code does the work (benchmarks/); here it meets our checkpoints.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from benchmarks import dpg, geneval, mjhq_fid, wise
from benchmarks.judges.efficientnet import EfficientNetFeatures
from benchmarks.judges.world import WorldJudge
from benchmarks.records import RECORDS
from benchmarks.results import Results
from benchmarks.vqa import exact_match
from benchmarks.world import ANNOTATIONS, PROMPT_FILES
from datamodules.world import World
from datamodules.world.judges.learnt import LearntJudge
from experiments.build import trained_tasks
from experiments.markers import write_text
from experiments.model import TrainedModel
from experiments.tune import tuned_sampling

Inputs = dict[str, Path]

BENCHMARKS: dict[str, ModuleType] = {
    "geneval": geneval,
    "dpg": dpg,
    "wise": wise,
    "mjhq_fid": mjhq_fid,
    "vqa": exact_match,
}
FULL, SMALL = "full", "small"
"""The folders of prompts that the step `prompts` writes: for the scores, and for the curve."""


def world_judge(config: SimpleNamespace, folder: Path) -> WorldJudge:
    world = World(config.world)
    return WorldJudge(LearntJudge.load(folder / "judge.pt", world), world)


def generate(benchmark: str, config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Draws or answers every prompt of a benchmark."""
    model = TrainedModel(config, inputs, tuned_sampling(inputs))
    prompts = inputs["prompts"] / FULL / PROMPT_FILES[benchmark]
    BENCHMARKS[benchmark].generate(model, prompts, out)


def judge(benchmark: str, config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Turns a benchmark's images into records."""
    prompts = inputs["prompts"] / FULL / PROMPT_FILES[benchmark]
    judging = (
        EfficientNetFeatures() if benchmark == "mjhq_fid" else world_judge(config, inputs["judge"])
    )
    BENCHMARKS[benchmark].judge(judging, inputs[f"generate_{benchmark}"], prompts, out)


def score(benchmark: str, config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Turns records into results.json."""
    prompts = inputs["prompts"] / FULL
    if benchmark == "vqa":
        results = exact_match.score(inputs["generate_vqa"] / RECORDS, prompts / ANNOTATIONS)
    else:
        name = mjhq_fid.FEATURES if benchmark == "mjhq_fid" else RECORDS
        records = inputs[f"judge_{benchmark}"] / name
        results = BENCHMARKS[benchmark].score(records, prompts / PROMPT_FILES[benchmark])
    results.write(out)


Step = Callable[[SimpleNamespace, Inputs, Path], None]
generate_geneval: Step = partial(generate, "geneval")
generate_dpg: Step = partial(generate, "dpg")
generate_wise: Step = partial(generate, "wise")
generate_mjhq_fid: Step = partial(generate, "mjhq_fid")
generate_vqa: Step = partial(generate, "vqa")
judge_geneval: Step = partial(judge, "geneval")
judge_dpg: Step = partial(judge, "dpg")
judge_wise: Step = partial(judge, "wise")
judge_mjhq_fid: Step = partial(judge, "mjhq_fid")
score_geneval: Step = partial(score, "geneval")
score_dpg: Step = partial(score, "dpg")
score_wise: Step = partial(score, "wise")
score_mjhq_fid: Step = partial(score, "mjhq_fid")
score_vqa: Step = partial(score, "vqa")


def curve(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Writes `results.jsonl`: GenEval and VQA on few prompts at every token count that was kept."""
    lines = []
    for mark in sorted((inputs["train"] / "checkpoints").glob("step-*.json")):
        about = json.loads(mark.read_text())
        weights = f"checkpoints/{mark.stem}.pt"
        model = TrainedModel(config, inputs, tuned_sampling(inputs), weights)
        for results in curve_point(config, inputs, model, out / mark.stem):
            lines.append(json.dumps({**plain(results), "tokens_seen": about["tokens"]}))
    write_text(out / "results.jsonl", "".join(line + "\n" for line in lines))


def curve_point(
    config: SimpleNamespace, inputs: Inputs, model: TrainedModel, out: Path
) -> list[Results]:
    found, prompts = [], inputs["prompts"] / SMALL
    tasks = trained_tasks(config.train)
    if "generate" in tasks:
        path = prompts / PROMPT_FILES["geneval"]
        geneval.generate(model, path, out / "images", images_per_prompt=1)
        geneval.judge(world_judge(config, inputs["judge"]), out / "images", path, out / "judged")
        found.append(geneval.score(out / "judged" / RECORDS, path))
    if "understand" in tasks:
        exact_match.generate(model, prompts / PROMPT_FILES["vqa"], out / "answers")
        found.append(exact_match.score(out / "answers" / RECORDS, prompts / ANNOTATIONS))
    return found


def plain(results: Results) -> dict[str, Any]:
    """A results object without its items."""
    metrics = {name: asdict(metric) for name, metric in results.metrics.items()}
    return {
        "benchmark": results.benchmark,
        "protocol": dict(results.protocol),
        "n_expected": results.n_expected,
        "n_scored": results.n_scored,
        "metrics": metrics,
    }
