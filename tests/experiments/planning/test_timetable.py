"""The order of units: who waits for whom, and how long a run is."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any, cast

from experiments.planning.estimate import Estimate
from experiments.planning.plan import Plan
from experiments.planning.timetable import Timetable

ARTIFACTS, STAGE_0 = "artifacts", "stage 0"
SUITE = {
    ARTIFACTS: {"tokenizer": 90.0, "data": 160.0},
    STAGE_0: {"stage0": 145.0},
    "experts": {"experts": 1230.0},
    "reader": {"reader": 630.0},
    "bridge": {"bridge": 550.0},
    "fork": {"fork": 980.0},
    "control": {"control": 960.0},
    "drawer": {"drawer": 400.0},
}
"""Seconds of the six arms of `architectures`, about as measured."""
NEEDS = {STAGE_0: {"tokenizer"}, "bridge": {"data", "stage0", "reader"}}
NEEDS |= {arm: {"data", "stage0"} for arm in ("experts", "reader", "fork", "control", "drawer")}


@dataclass
class Planned:
    """A plan and its estimate: all that a timetable asks of either."""

    units: Mapping[str, Mapping[str, float]]
    needs: Mapping[str, set[str]]
    done: frozenset[str] = frozenset()

    @property
    def missing(self) -> set[str]:
        return {one for folders in self.units.values() for one in folders} - self.done

    def outside(self, unit: str) -> set[str]:
        return self.needs.get(unit, set())

    def seconds(self, folder: str) -> float:
        return next(folders[folder] for folders in self.units.values() if folder in folders)


def timetable(planned: Any, jobs: int) -> Timetable:
    return Timetable(cast(Plan, planned), cast(Estimate, planned), jobs)


def test_no_order_of_one_seeds_cells_ends_earlier() -> None:
    cells = {arm: steps for arm, steps in SUITE.items() if arm not in (ARTIFACTS, STAGE_0)}
    table = timetable(Planned(cells, {"bridge": {"reader"}}), jobs=2)
    assert sorted(table.order) == sorted(cells)
    assert table.seconds == table.end(table.order)
    assert table.seconds == min(table.end(order) for order in permutations(cells))


def test_the_longest_chain_first_alone_would_leave_a_process_idle_at_the_end() -> None:
    table = timetable(Planned(SUITE, NEEDS), jobs=2)
    longest_first = sorted(SUITE, key=table.chain, reverse=True)
    assert longest_first[0] == ARTIFACTS
    assert table.seconds < table.end(longest_first) - 60
    half = sum(table.chain(one) for one in ("experts", "fork", "control", "drawer", "reader")) / 2
    assert table.seconds > 250 + half


def test_a_unit_starts_when_its_input_is_there_though_the_unit_that_makes_it_goes_on() -> None:
    units = {arm: SUITE[arm] for arm in (ARTIFACTS, STAGE_0)}
    assert timetable(Planned(units, NEEDS), jobs=2).seconds == 250  # 90 + 145 is earlier
    assert timetable(Planned(units, NEEDS), jobs=1).seconds == 250 + 145


def test_a_unit_waits_for_its_input_though_a_process_is_free() -> None:
    units = {one: SUITE[one] for one in ("reader", "bridge")}
    assert timetable(Planned(units, {"bridge": {"reader"}}), jobs=2).seconds == 630 + 550


def test_what_is_done_takes_no_time_and_keeps_nobody_waiting() -> None:
    done = frozenset({"tokenizer", "data", "stage0", "reader"})
    assert timetable(Planned(SUITE, NEEDS, done), jobs=9).seconds == 1230
    everything = frozenset(one for folders in SUITE.values() for one in folders)
    table = timetable(Planned(SUITE, NEEDS, everything), jobs=2)
    assert table.seconds == 0
    assert set(table.order) == set(SUITE)


def test_a_unit_with_no_second_left_keeps_no_process_from_the_next() -> None:
    units = {STAGE_0: dict.fromkeys(SUITE[STAGE_0], 0.0)}
    units |= {one: SUITE[one] for one in ("reader", "control")}
    reader, control = (sum(SUITE[one].values()) for one in ("reader", "control"))
    assert timetable(Planned(units, {}), jobs=1).seconds == reader + control
