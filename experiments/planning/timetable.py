"""When each unit of a plan would run: the order in which the runner takes them, and how long it is.

A unit starts when a process is free and its inputs are there; of several, the first in the order
(list scheduling; Graham, 1969). With the longest chain first alone, one process can be idle while
the other is busy with the last cell, so units change places while that ends the run earlier.
"""

from collections.abc import Sequence
from math import inf
from random import Random

from experiments.planning.estimate import Estimate
from experiments.planning.plan import Plan

TRIALS = 300


class Timetable:
    """`order` holds every unit of a plan; `seconds` is the end of a run in it, `jobs` at a time."""

    def __init__(self, plan: Plan, estimate: Estimate, jobs: int) -> None:
        self.jobs = jobs
        self.steps = {
            unit: {one: estimate.seconds(one) for one in folders if one in estimate.missing}
            for unit, folders in plan.units.items()
        }
        self.inputs = {unit: plan.outside(unit) & estimate.missing for unit in plan.units}
        self.chains: dict[str, float] = {}
        self.order = tuple(sorted(plan.units, key=self.chain, reverse=True))
        self.seconds = self.end(self.order)
        self.improve()

    def chain(self, unit: str) -> float:
        """Seconds of the longest chain of units that starts with this one."""
        if unit not in self.chains:
            after = [one for one, needed in self.inputs.items() if needed & self.steps[unit].keys()]
            longest = max(map(self.chain, after), default=0.0)
            self.chains[unit] = sum(self.steps[unit].values()) + longest
        return self.chains[unit]

    def improve(self) -> None:
        """Exchanges two units, drawn at random, wherever that ends the run earlier."""
        random = Random(0)  # a plan has one order
        for _ in range(TRIALS if len(self.order) > 1 else 0):
            order = list(self.order)
            one, other = random.sample(range(len(order)), 2)
            order[one], order[other] = order[other], order[one]
            if (seconds := self.end(order)) < self.seconds:
                self.order, self.seconds = tuple(order), seconds

    def end(self, order: Sequence[str]) -> float:
        """When the last step ends of those that are not done."""
        waiting = [unit for unit in order if self.steps[unit]]
        written: dict[str, float] = {}
        now, ends = 0.0, list[float]()
        while waiting:
            ends = [time for time in ends if time > now]
            ready = {unit: self.ready(unit, written) for unit in waiting}
            first = next((unit for unit in waiting if ready[unit] <= now), None)
            if first and len(ends) < self.jobs:
                waiting.remove(first)
                ends.append(self.run(first, now, written))
            else:
                now = min(time for time in (*ends, *ready.values()) if time > now)
        return max(written.values(), default=0.0)

    def ready(self, unit: str, written: dict[str, float]) -> float:
        """When the last of a unit's inputs is there."""
        return max((written.get(one, inf) for one in self.inputs[unit]), default=0.0)

    def run(self, unit: str, start: float, written: dict[str, float]) -> float:
        """Notes when each of a unit's steps ends; gives the last."""
        for folder, seconds in self.steps[unit].items():
            written[folder] = start = start + seconds
        return start
