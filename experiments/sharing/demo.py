"""`python -m experiments demo RUN`: type a prompt, show a picture, and compare two arms."""

import argparse
from functools import cache, partial
from pathlib import Path

from experiments.config import ConfigError
from experiments.options import runs_option, seed_option
from experiments.planning.finished_runs import read_plan
from experiments.planning.plan import Cell
from experiments.scoring.model import TrainedModel
from experiments.sharing.cells import trained_cell
from experiments.store.steps import Store

try:
    from experiments.sharing.local_server import serve
    from experiments.sharing.page import Arm, comparison_page
except ModuleNotFoundError as error:
    raise ConfigError(f"demo must have the package gradio, got none: {error}.") from None


def arms_of(runs: Path, run: str, seed: int) -> dict[str, Arm]:
    """The run's arms by name; ConfigError where it has none of this seed."""
    plan, store = read_plan(runs, run), Store(runs)
    cells = [cell for cell in plan.cells if cell.seed == seed]
    if not cells:
        seeds = ", ".join(str(one) for one in plan.request.seeds)
        raise ConfigError(f"--seed must be one of {seeds}, got {seed}.")

    @cache
    def opened(arm: str) -> TrainedModel:
        return trained_cell(plan, store, arm, seed).model()

    def described(cell: Cell) -> Arm:
        pixels = plan.configs[cell.config]["tokenizer"]["pixels"]
        return Arm(cell.tasks, pixels, partial(opened, cell.arm))

    return {cell.arm: described(cell) for cell in cells}


def main(arguments: list[str]) -> int:
    """Serves the page until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m experiments demo")
    parser.add_argument("run", help="folder of the run below RUNS, such as architectures-cpu")
    seed_option(parser)
    parser.add_argument("--port", type=int, default=7860)
    runs_option(parser)
    options = parser.parse_args(arguments)
    arms = arms_of(options.runs, options.run, options.seed)
    page, look = comparison_page(arms, f"{options.run}, seed {options.seed}")
    serve(page, look, options.port)
    print(f"{page.local_url}  (Ctrl-C ends)", flush=True)
    page.block_thread()
    return 0
