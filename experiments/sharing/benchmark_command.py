"""`python -m experiments benchmark`: a cell's checkpoint on any prompts file, GenEval's own say.

It stands beside the steps of an ablation: the prompts are the user's, the files lie in his folder,
and an interrupted command goes on where it stopped. The images' manifest names the training whose
weights drew them, so a folder that holds another checkpoint's images is refused.
"""

import argparse
from pathlib import Path

from benchmarks import geneval
from benchmarks.flags import report
from benchmarks.geneval.prompts import read_prompts
from benchmarks.judges import ObjectJudge
from benchmarks.protocol import Model
from benchmarks.records import RECORDS, write_lines
from benchmarks.results import Results
from datamodules.world import World
from datamodules.world.prompts import official_geneval_records
from experiments.config import ConfigError
from experiments.options import cell_options
from experiments.planning.finished_runs import read_plan
from experiments.planning.plan import check_counts
from experiments.scoring.judging import world_judge
from experiments.sharing.cells import trained_cell
from experiments.store.steps import Store

CHOSEN = "prompts.jsonl"
"""The prompts of the user's file that the world can show."""


def write_shown(world: World, prompts: Path, out: Path) -> tuple[int, int]:
    """Writes those prompts that the world can show; how many they are, and how many there were."""
    records = read_prompts(prompts)
    shown = official_geneval_records(world, records)
    if not shown:
        raise ConfigError(f"{prompts} must have a prompt that the world can show, got none.")
    write_lines(out / CHOSEN, shown)
    return len(shown), len(records)


def run_geneval(model: Model, judge: ObjectJudge, out: Path, images_per_prompt: int) -> Results:
    """Draws, judges and scores the prompts in `out`; finished steps are not repeated."""
    prompts, images, records = out / CHOSEN, out / "images", out / "records"
    geneval.generate(model, prompts, images, images_per_prompt)
    geneval.judge(judge, images, prompts, records)
    return geneval.score(records / RECORDS, prompts)


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments benchmark")
    parser.add_argument("benchmark", choices=("geneval",))
    cell_options(parser)
    parser.add_argument("--prompts", type=Path, required=True, help="evaluation_metadata.jsonl")
    parser.add_argument("--images-per-prompt", type=int, default=geneval.IMAGES_PER_PROMPT)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parsed(arguments)
    check_counts(**{"images-per-prompt": options.images_per_prompt})
    plan, store = read_plan(options.runs, options.run), Store(options.runs)
    trained = trained_cell(plan, store, options.arm, options.seed, "generate")
    try:
        shown, asked = write_shown(World(trained.config.world), options.prompts, options.out)
        print(f"{shown} of {asked} prompts name what this world has")
        model, judge = trained.model(), world_judge(trained.config, trained.inputs)
        results = run_geneval(model, judge, options.out, options.images_per_prompt)
    except (ValueError, OSError) as error:
        raise ConfigError(f"benchmark {options.benchmark}: {error}") from error
    report(results, options.out)
    return 0
