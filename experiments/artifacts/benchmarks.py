"""The prompts of the benchmarks, and the rows that bracket every leaderboard."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from benchmarks import mjhq_fid
from benchmarks.judges.efficientnet import EfficientNetFeatures
from benchmarks.protocol import Model
from benchmarks.records import RECORDS
from benchmarks.references import Ceiling, Floor
from benchmarks.results import Results
from benchmarks.world import ANNOTATIONS, PROMPT_FILES, write_prompts, write_references
from datamodules.world import World
from experiments.evaluate import BENCHMARKS, FULL, SMALL, plain, world_judge
from experiments.markers import write_text
from models.image_tokens import ImageTokenizer

SMALL_GENEVAL, SMALL_VQA = 12, 20
"""Prompts a tag and questions a kind, in each column, at the token counts of the curve."""


def prompts(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the folder `full` for the scores and `small` for the curve."""
    world, full = World(config.world), config.benchmark
    small = replace(
        full,
        geneval_per_tag=min(SMALL_GENEVAL, full.geneval_per_tag),
        vqa_per_kind=min(SMALL_VQA, full.vqa_per_kind),
        mjhq_images=4,
        dpg_items=1,
    )
    write_prompts(world, full, out / FULL)
    write_references(world, full, out / FULL, EfficientNetFeatures())
    write_prompts(world, small, out / SMALL)


def brackets(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes `results.jsonl`: each benchmark's results of the ceiling and of the floor."""
    codec = ImageTokenizer.load(str(inputs["tokenizer"] / "tokenizer.pt"))
    rows: dict[str, Model] = {
        "ceiling": Ceiling(inputs["prompts"] / FULL, codec.reconstruct),
        "floor": Floor(World(config.world)),
    }
    lines = [
        json.dumps({**plain(results), "row": row})
        for row, model in rows.items()
        for results in reference_results(config, inputs, model, out / row)
    ]
    write_text(out / "results.jsonl", "".join(line + "\n" for line in lines))


def reference_results(
    config: SimpleNamespace, inputs: dict[str, Path], model: Model, out: Path
) -> list[Results]:
    """One reference model through all five benchmarks."""
    found, folder = [], inputs["prompts"] / FULL
    for name, benchmark in BENCHMARKS.items():
        prompts_path, made = folder / PROMPT_FILES[name], out / name
        benchmark.generate(model, prompts_path, made)
        if name == "vqa":
            found.append(benchmark.score(made / RECORDS, folder / ANNOTATIONS))
            continue
        features = name == "mjhq_fid"
        judge = EfficientNetFeatures() if features else world_judge(config, inputs["judge"])
        benchmark.judge(judge, made, prompts_path, out / f"{name}_judged")
        records = out / f"{name}_judged" / (mjhq_fid.FEATURES if features else RECORDS)
        found.append(benchmark.score(records, prompts_path))
    return found
