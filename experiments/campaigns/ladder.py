"""`make ladder CLAIM=suite/claim` repeats a claim over widths and token budgets.

Does a verdict travel with size? Each rung is an ordinary run of the claim's arms with a wider trunk
or more training steps, everything else as in the preset, and has its own verdict. What the claim
expects as the trunk widens (`with_width`) is itself tested: per seed, the slope of the difference
on the width's logarithm, at the largest token budget.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from experiments.campaigns.claim_runs import claim_request, complete, split_claim
from experiments.campaigns.ladder_results import (
    ladder_csv,
    ladder_figure,
    rung_row,
    travels,
    trend,
)
from experiments.config import CellConfig, ConfigError
from experiments.evidence.collect import Gathered, gather
from experiments.evidence.comparisons import seed_differences
from experiments.executors.choice import Machines, executor_options, open_machines
from experiments.options import machine_options, runs_option
from experiments.planning.claims import Claim
from experiments.planning.plan import Plan, Request, cell_config, check_counts, read_seeds
from experiments.planning.planner import Project
from experiments.running.ablate import INTERRUPTED, Ablation
from experiments.store.markers import write_text

WIDTHS, TOKENS = "64,96,128", "0.5,1"
Number = TypeVar("Number", int, float)
FEWEST_WIDTHS, FEWEST_BUDGETS = 3, 2


@dataclass(frozen=True)
class Rung:
    """A width of the trunk, and a share of the preset's training steps."""

    width: int
    tokens: float

    @property
    def label(self) -> str:
        return f"ladder-{self.width}-{self.tokens:g}"

    def overrides(self, config: CellConfig) -> tuple[str, ...]:
        """What to change in the preset, whose control has `config`: heads keep their width and the
        feed-forward its ratio. Raises ConfigError for a width that heads do not divide."""
        trunk, steps = config.model.trunk, config.train.steps
        head = trunk.width // trunk.heads
        if self.width < head or self.width % head:
            raise ConfigError(f"width must be a multiple of a head's, {head}, got {self.width}.")
        heads = self.width // head
        sizes = {
            "width": self.width,
            "heads": heads,
            "kv_heads": max(1, heads * trunk.kv_heads // trunk.heads),
            "feed_forward": round(trunk.feed_forward * self.width / trunk.width),
        }
        changed = tuple(f"model.trunk.{name}={value}" for name, value in sizes.items())
        return (*changed, f"train.steps={max(1, round(self.tokens * steps))}")


def numbers(name: str, text: str, kind: type[Number]) -> list[Number]:
    """`"64,96"` as numbers, each once; raises ConfigError that names the option."""
    try:
        return list(dict.fromkeys(kind(one) for one in text.split(",")))
    except ValueError:
        raise ConfigError(f"{name} must be numbers with commas between, got {text!r}.") from None


def rungs(widths: str, tokens: str) -> list[Rung]:
    """Raises ConfigError for too few widths or token budgets, or what is no number."""
    wide = sorted(numbers("--widths", widths, int))
    long = sorted(numbers("--tokens", tokens, float))
    if len(wide) < FEWEST_WIDTHS:
        raise ConfigError(f"--widths must be at least {FEWEST_WIDTHS}, got {len(wide)}.")
    if len(long) < FEWEST_BUDGETS or not all(0 < share < math.inf for share in long):
        raise ConfigError(
            f"--tokens must be at least {FEWEST_BUDGETS} finite shares above 0, got {tokens!r}."
        )
    return [Rung(width, share) for share, width in product(long, wide)]


def control_config(plan: Plan, arm: str) -> CellConfig:
    return cell_config(plan, plan.steps[plan.cells_of(arm)[0].steps["train"]])


def climb(
    request: Request,
    claim: Claim,
    steps: Sequence[Rung],
    make: Callable[[Request], Ablation],
    jobs: int,
    machines: Machines,
) -> Iterator[tuple[Rung, Gathered]]:
    """Runs the rungs one by one and gives what each left; raises as `complete` does."""
    config = control_config(make(request).plan, claim.against)
    asked = [replace(request, overrides=one.overrides(config), label=one.label) for one in steps]
    for one in asked:
        make(one)  # a size that cannot be is refused before the first rung has cost hours
    for rung, one in zip(steps, asked, strict=True):
        ablation = make(one)
        complete(ablation, jobs, machines)
        yield rung, gather(ablation.plan, ablation.store)


def write_ladder(folder: Path, claim: Claim, found: Sequence[tuple[Rung, Gathered]]) -> None:
    """Writes `ladder.csv` and `ladder.svg` of the rungs so far."""
    rows = [rung_row(one, rung.width, rung.tokens, claim) for rung, one in found]
    write_text(folder / "ladder.csv", ladder_csv(rows))
    write_text(folder / "ladder.svg", ladder_figure(rows, claim))


def answer(claim: Claim, found: Sequence[tuple[Rung, Gathered]]) -> str:
    """What all rungs say, in two sentences."""
    rows = [rung_row(one, rung.width, rung.tokens, claim) for rung, one in found]
    longest = max(rung.tokens for rung, _ in found)
    by_width = {
        rung.width: seed_differences(one, claim) for rung, one in found if rung.tokens == longest
    }
    return f"{travels(rows)} {trend(by_width, claim)}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments ladder")
    parser.add_argument("--claim", required=True, help="suite/claim")
    parser.add_argument("--preset", default="cpu")
    parser.add_argument("--widths", default=WIDTHS)
    parser.add_argument("--tokens", default=TOKENS, help="shares of the preset's steps")
    parser.add_argument("--seeds", default="0")
    machine_options(parser)
    runs_option(parser)
    executor_options(parser)
    options = parser.parse_args(arguments)
    check_counts(jobs=options.jobs)
    steps, project, console = rungs(options.widths, options.tokens), Project(), Console()
    suite, claim = split_claim(options.claim, project.root)
    seeds = read_seeds(options.seeds)
    base = claim_request(suite, claim, options.preset, "ladder", device=options.device)
    request = replace(base, seeds=seeds)
    machines = open_machines(options.executor, options.tracking)
    folder = options.runs / f"{request.run}-{claim.id}"
    found: list[tuple[Rung, Gathered]] = []

    def make(asked: Request) -> Ablation:
        return Ablation(project, asked, options.runs, console)

    try:
        for one in climb(request, claim, steps, make, options.jobs, machines):
            found.append(one)
            write_ladder(folder, claim, found)
    except KeyboardInterrupt:
        console.print(f"{len(found)} of {len(steps)} rungs are finished; run it again to go on.")
        return INTERRUPTED
    console.print(answer(claim, found), highlight=False, soft_wrap=True)
    console.print(str(folder / "ladder.svg"), highlight=False, soft_wrap=True)
    return 0
