"""The steps of the benchmarks whose prompts hold images: prompts, generate, judge, score.

The names below are those of the steps (experiments/planning/graph_variants.py).
"""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

from benchmarks import conditioned
from benchmarks.conditioned import in_context
from benchmarks.conditioned.prompts import PROMPTS, write_benchmark
from benchmarks.records import RECORDS
from datamodules.world import World
from experiments.conditioned.model import ImagePromptedModel
from experiments.scoring.judging import world_judge
from experiments.scoring.tune import tuned_sampling

Inputs = dict[str, Path]


def picture_prompt_file(inputs: Inputs, benchmark: str) -> Path:
    return inputs[f"prompts_{benchmark}"] / PROMPTS


def prompts(benchmark: str, config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    write_benchmark(World(config.world), benchmark, config.conditioned.per_kind, out)


def generate(benchmark: str, config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Draws with the cell's final weights, under the sampling settings that `tune` chose."""
    model = ImagePromptedModel.of_cell(config, inputs, tuned_sampling(inputs))
    conditioned.generate(model, picture_prompt_file(inputs, benchmark), out)


def judge(benchmark: str, config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    images, asked_for = inputs[f"generate_{benchmark}"], picture_prompt_file(inputs, benchmark)
    conditioned.judge(world_judge(config, inputs), images, asked_for, out)


def score(benchmark: str, config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    records = inputs[f"judge_{benchmark}"] / RECORDS
    conditioned.score(records, picture_prompt_file(inputs, benchmark)).write(out)


def prompts_in_context(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    in_context.write(World(config.world), out)


def score_in_context(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    records = inputs["judge_in_context"] / RECORDS
    in_context.score(records, picture_prompt_file(inputs, "in_context")).write(out)


prompts_reconstruction = partial(prompts, "reconstruction")
generate_reconstruction = partial(generate, "reconstruction")
judge_reconstruction = partial(judge, "reconstruction")
score_reconstruction = partial(score, "reconstruction")

prompts_editing = partial(prompts, "editing")
generate_editing = partial(generate, "editing")
judge_editing = partial(judge, "editing")
score_editing = partial(score, "editing")

prompts_interleaved = partial(prompts, "interleaved")
generate_interleaved = partial(generate, "interleaved")
judge_interleaved = partial(judge, "interleaved")
score_interleaved = partial(score, "interleaved")

generate_in_context = partial(generate, "in_context")
judge_in_context = partial(judge, "in_context")
