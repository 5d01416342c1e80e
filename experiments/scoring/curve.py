"""The step `curve`: GenEval and VQA on few prompts at every token count that training kept.

It also leaves a grid of the drawings at each, `samples/step-<step>.png`.
"""

import json
from pathlib import Path
from types import SimpleNamespace

from benchmarks import geneval
from benchmarks.protocol import Model
from benchmarks.records import RECORDS
from benchmarks.results import Results
from benchmarks.vqa import exact_match
from experiments.parallel.workers import shared_out
from experiments.scoring.grid import write_grid
from experiments.scoring.judging import world_judge
from experiments.scoring.model import TrainedModel
from experiments.scoring.prompt_folders import SMALL, annotation_file, prompt_file
from experiments.scoring.result_lines import result_line
from experiments.scoring.tune import tuned_sampling
from experiments.store.markers import write_text

Inputs = dict[str, Path]
SAMPLES = "samples"


def curve(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Writes `results.jsonl`, a line a benchmark and token count."""
    lines = []
    for mark in sorted((inputs["train"] / "checkpoints").glob("step-*.json")):
        about = json.loads(mark.read_text())
        weights = f"checkpoints/{mark.stem}.pt"
        settings = (config, inputs, tuned_sampling(inputs), weights)
        model = shared_out(config.execution.devices, TrainedModel.of_cell, *settings)
        for results in curve_point(config, inputs, model, out / mark.stem):
            lines.append(result_line(results, tokens_seen=about["tokens"]))
            if results.benchmark == "geneval":
                grid_path = out / SAMPLES / f"{mark.stem}.png"
                write_grid(out / mark.stem / "images", results.n_expected, grid_path)
    write_text(out / "results.jsonl", "".join(lines))


def curve_point(config: SimpleNamespace, inputs: Inputs, model: Model, out: Path) -> list[Results]:
    """The results of one checkpoint on the tasks that the cell trains."""
    found, tasks = [], config.train.tasks
    if "generate" in tasks:
        path = prompt_file(inputs, "geneval", SMALL)
        geneval.generate(model, path, out / "images", images_per_prompt=1)
        geneval.judge(world_judge(config, inputs), out / "images", path, out / "judged")
        found.append(geneval.score(out / "judged" / RECORDS, path))
    if "understand" in tasks:
        exact_match.generate(model, prompt_file(inputs, "vqa", SMALL), out / "answers")
        found.append(exact_match.score(out / "answers" / RECORDS, annotation_file(inputs, SMALL)))
    return found
