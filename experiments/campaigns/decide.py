"""`make decide CLAIM=suite/claim MAX_HOURS=8` adds seeds until a claim's verdict or the budget.

The looks and the error rate that each may spend stand beforehand (evidence/sequential.py), so
stopping at the first verdict is no way to find one in noise. Only the arms that the claim names are
run. Results go to a folder of their own, `runs/<suite>-<preset>-decide-<claim>`; cells are shared
with every other run by their keys, and asking again goes on where the budget ended.
"""

import argparse
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from rich.console import Console

from experiments.campaigns.claim_runs import claim_request, complete, split_claim
from experiments.config import ConfigError
from experiments.evidence.collect import Gathered, gather
from experiments.evidence.comparisons import best_difference
from experiments.evidence.room import AT_CEILING, AT_FLOOR
from experiments.evidence.sequential import looks, share
from experiments.evidence.statistics import ALPHA, DECIDED, TOO_FEW_SEEDS
from experiments.evidence.verdicts import (
    INHERITED,
    NO_PRECONDITION,
    NOT_RUN,
    ONE_MODEL,
    Verdict,
    verdict_of,
)
from experiments.executors.choice import Machines, executor_options, open_machines
from experiments.options import machine_options, runs_option
from experiments.planning.claims import Claim
from experiments.planning.estimate import Estimate
from experiments.planning.plan import Request, check_counts
from experiments.planning.planner import Project
from experiments.planning.timetable import Timetable
from experiments.running.ablate import INTERRUPTED, Ablation

FINAL = (*DECIDED, INHERITED, ONE_MODEL)
LARGEST = 400
"""Seeds beyond which no look is planned."""
LONGEST_HOURS = 10 * 365 * 24
"""A budget that the system's timer can hold."""

Run = Callable[[Request, float], Gathered | None]
"""Runs a request in so many seconds; None where they do not suffice."""


@dataclass(frozen=True)
class Look:
    """What the claim looked like at a number of seeds; `hopeless` where more bring no verdict."""

    number: int
    seeds: int
    verdict: Verdict
    hopeless: bool

    @property
    def text(self) -> str:
        level = f"{ALPHA * share(self.number):.4f} of {ALPHA}"
        effect = self.verdict.by_seeds.text if self.verdict.by_seeds else "none"
        return (
            f"look {self.number}, {self.seeds} seeds, spends {level}: "
            f"difference {effect}, {self.verdict.seeds}"
        )


def decide(
    base: Request, claim: Claim, run: Run, max_hours: float, clock: Callable[[], float]
) -> Iterator[Look]:
    """Looks until one is final or the hours are spent."""
    deadline = clock() + 3600 * max_hours
    for number, seeds in looks():
        if seeds > LARGEST:
            return
        request = replace(base, seeds=tuple(range(seeds)), look=number)
        found = run(request, deadline - clock())
        if found is None:
            return
        verdict = verdict_of(found, claim)
        look = Look(number, seeds, verdict, is_hopeless(found, verdict))
        yield look
        if verdict.seeds in FINAL or look.hopeless:
            return


def is_hopeless(found: Gathered, verdict: Verdict) -> bool:
    """Whether no seed can be expected to bring a verdict: no seed has both arms on the metric, both
    lie at the floor or the ceiling, or the precondition is surely not met."""
    if verdict.seeds in (NOT_RUN, AT_FLOOR, AT_CEILING):
        return True
    condition = verdict.claim.precondition
    if verdict.seeds != NO_PRECONDITION or condition is None:
        return False
    difference = best_difference(found, condition)
    return difference is not None and difference.high <= 0


class Limit:
    """Ends what is inside as Ctrl-C does once the time is `over`, which tells the two apart."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.over = seconds, False

    def __enter__(self) -> None:
        self.before = signal.signal(signal.SIGALRM, self.interrupt)
        signal.setitimer(signal.ITIMER_REAL, max(self.seconds, 1e-3))

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)

    def interrupt(self, signum: int, frame: FrameType | None) -> None:
        self.over = True
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Runner:
    """Runs the cells of a request by the ordinary ablation, on `machines`."""

    project: Project
    runs: Path
    console: Console
    jobs: int
    machines: Machines

    def __call__(self, request: Request, seconds: float) -> Gathered | None:
        ablation = Ablation(self.project, request, self.runs, self.console)
        estimate = Estimate(ablation.plan, ablation.store)
        expected = Timetable(ablation.plan, estimate, self.jobs).seconds
        if expected > seconds:
            self.console.print(
                f"{len(request.seeds)} seeds need about {expected / 3600:.1f} h, "
                f"{max(0.0, seconds) / 3600:.1f} h are left."
            )
            return None
        limit = Limit(seconds)
        try:
            with limit:
                complete(ablation, self.jobs, self.machines)
        except KeyboardInterrupt:
            if limit.over:
                return None
            raise
        return gather(ablation.plan, ablation.store)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments decide")
    parser.add_argument("--claim", required=True, help="suite/claim")
    parser.add_argument("--max-hours", type=float, required=True)
    parser.add_argument("--preset", default="cpu")
    machine_options(parser)
    parser.add_argument("--threads", type=int, default=1)
    runs_option(parser)
    executor_options(parser)
    options = parser.parse_args(arguments)
    check_counts(jobs=options.jobs, threads=options.threads)
    check_hours(options.max_hours)
    project, console = Project(), Console()
    suite, claim = split_claim(options.claim, project.root)
    place = (options.threads, options.device)
    base = claim_request(suite, claim, options.preset, f"decide-{claim.id}", *place)
    machines = open_machines(options.executor, options.tracking)
    runner = Runner(project, options.runs, console, options.jobs, machines)
    last = None
    try:
        for last in decide(base, claim, runner, options.max_hours, time.monotonic):
            console.print(last.text, highlight=False, soft_wrap=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    console.print(f"{claim.text} {ending(last)}.", highlight=False, soft_wrap=True)
    return 0


def check_hours(hours: float) -> None:
    if not 0 < hours <= LONGEST_HOURS:
        raise ConfigError(
            f"--max-hours must be above 0 and at most {LONGEST_HOURS}, got {hours:g}."
        )


def ending(last: Look | None) -> str:
    """The verdict of the last look, and whether it can change."""
    verdict = last.verdict.seeds if last else TOO_FEW_SEEDS
    if last and verdict in FINAL:
        return verdict
    if last and last.hopeless:
        return f"{verdict}; more seeds would not decide it"
    return f"{verdict} when the looks ended; more hours go on from here"
