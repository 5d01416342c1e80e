"""A claim over sizes: what a rung changes, what the rows say, and whether a trend is found."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.campaigns import ladder
from experiments.campaigns.ladder import Rung, answer, rungs, write_ladder
from experiments.campaigns.ladder_results import curve, rung_row, slopes, travels, trend
from experiments.config import ConfigError
from experiments.evidence.collect import Gathered
from experiments.executors.choice import Machines
from experiments.executors.local import LocalExecutor
from experiments.planning.claims import Claim
from experiments.planning.plan import Cell, Request
from experiments.running.ablate import INTERRUPTED
from experiments.store.steps import StepError
from tests.experiments.planted_scores import CLAIM, VALUES, gathered

ONE = Claim(**CLAIM, with_width="falls")
CONFIG = SimpleNamespace(
    model=SimpleNamespace(trunk=SimpleNamespace(width=128, heads=4, kv_heads=2, feed_forward=384)),
    train=SimpleNamespace(steps=1500),
)


def rung_found(effect: float, width: int) -> Gathered:
    """Five seeds with this difference and a control of `1000 * width` parameters."""
    fork = [value + effect + 0.002 * i for i, value in enumerate(VALUES["control"])]
    found = gathered({"control": VALUES["control"], "fork": fork})
    summary = {"parameters": {"total": 1000 * width}, "tokens": 5_000_000}
    found.summaries = {("control", seed): summary for seed in range(5)}
    return found


def test_a_rung_keeps_the_width_of_a_head_and_the_ratio_of_the_feed_forward() -> None:
    assert Rung(96, 0.5).overrides(CONFIG) == (
        "model.trunk.width=96",
        "model.trunk.heads=3",
        "model.trunk.kv_heads=1",
        "model.trunk.feed_forward=288",
        "train.steps=750",
    )
    with pytest.raises(ConfigError, match="width must be a multiple of a head's, 32, got 80"):
        Rung(80, 1.0).overrides(CONFIG)


@pytest.mark.parametrize(
    ("widths", "tokens", "message"),
    [
        ("64,96", "0.5,1", "--widths must be at least 3, got 2"),
        ("64,96,96", "0.5,1", "--widths must be at least 3, got 2"),
        ("64,96,128", "1", "--tokens must be at least 2 finite shares above 0, got '1'"),
        ("64,96,128", "0,1", "--tokens must be at least 2 finite shares above 0, got '0,1'"),
        ("64,96,128", "1,inf", "--tokens must be at least 2 finite shares above 0, got '1,inf'"),
        ("64,96,128", "nan,1", "--tokens must be at least 2 finite shares above 0, got 'nan,1'"),
        ("64,96,wide", "0.5,1", "--widths must be numbers with commas between, got '64,96,wide'"),
    ],
)
def test_a_ladder_with_too_few_rungs_is_refused(widths: str, tokens: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rungs(widths, tokens)


def test_the_rungs_are_every_width_at_every_budget() -> None:
    found = [(rung.width, rung.tokens) for rung in rungs("128,64,96", "1,0.5")]
    assert found == [(64, 0.5), (96, 0.5), (128, 0.5), (64, 1.0), (96, 1.0), (128, 1.0)]


HERE = Machines(LocalExecutor(), track=False)


class FakeAblation:
    """Keeps its request, and ends as it is told to."""

    def __init__(self, request: Request, ended: int) -> None:
        self.request, self.ended, self.folder, self.store = request, ended, Path("run"), None
        self.ran = False
        steps = {"train-0": None}
        cells = tuple(
            Cell(arm, 0, arm, (), (), "", {"train": "train-0"}) for arm in ("fork", "control")
        )
        self.plan = SimpleNamespace(
            cells_of=lambda arm: [one for one in cells if one.arm == arm], steps=steps
        )

    def run(self, jobs: int, machines: Machines) -> int:
        self.ran = True
        return self.ended


@pytest.fixture
def climbing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "cell_config", lambda plan, step: CONFIG)
    monkeypatch.setattr(ladder, "gather", lambda plan, store: plan)


def test_every_rung_is_a_run_of_its_own_with_its_own_sizes(climbing: None) -> None:
    made: list[FakeAblation] = []

    def make(request: Request) -> FakeAblation:
        made.append(FakeAblation(request, 0))
        return made[-1]

    asked, steps = Request("toy", "tiny"), rungs("64,96,128", "0.5,1")[:2]
    found = list(ladder.climb(asked, ONE, steps, make, 1, HERE))
    assert [rung for rung, _ in found] == steps
    ran = [one.request for one in made if one.ran]
    assert [one.label for one in ran] == ["ladder-64-0.5", "ladder-96-0.5"]
    assert [one.overrides[0] for one in ran] == ["model.trunk.width=64", "model.trunk.width=96"]


def test_a_width_that_heads_do_not_divide_is_refused_before_the_first_rung_runs(
    climbing: None,
) -> None:
    made: list[FakeAblation] = []

    def make(request: Request) -> FakeAblation:
        made.append(FakeAblation(request, 0))
        return made[-1]

    steps = rungs("64,96,100,128", "0.5,1")
    with pytest.raises(ConfigError, match="width must be a multiple of a head's, 32, got 100"):
        next(ladder.climb(Request("toy", "tiny"), ONE, steps, make, 1, HERE))
    assert not any(one.ran for one in made)


def test_a_rung_that_no_plan_can_be_made_of_is_refused_before_the_first_rung_runs(
    climbing: None,
) -> None:
    made: list[FakeAblation] = []

    def make(request: Request) -> FakeAblation:
        if "model.trunk.width=128" in request.overrides:
            raise ConfigError("no arm of this width matches its control.")
        made.append(FakeAblation(request, 0))
        return made[-1]

    with pytest.raises(ConfigError, match="no arm of this width"):
        next(ladder.climb(Request("toy", "tiny"), ONE, rungs("64,96,128", "1,2"), make, 1, HERE))
    assert not any(one.ran for one in made)


def test_a_rung_that_failed_ends_the_climb(climbing: None) -> None:
    steps = rungs("64,96,128", "0.5,1")
    climb = ladder.climb(
        Request("toy", "tiny"), ONE, steps, lambda request: FakeAblation(request, 1), 1, HERE
    )
    with pytest.raises(StepError, match="run must have every cell finished"):
        next(climb)


def test_ctrl_c_ends_the_ladder_as_an_interruption_and_not_as_a_failure(
    climbing: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    monkeypatch.setattr(ladder, "split_claim", lambda name, root: ("toy", ONE))
    monkeypatch.setattr(
        ladder, "Ablation", lambda project, request, *place: FakeAblation(request, INTERRUPTED)
    )
    command = ["--claim", "toy/one", "--jobs", "1", "--device", "cpu", "--runs", str(tmp_path)]
    assert ladder.main(command) == INTERRUPTED
    assert "0 of 6 rungs are finished; run it again to go on." in capsys.readouterr().out


def test_a_row_says_by_what_its_difference_was_measured() -> None:
    row = rung_row(rung_found(0.2, 64), 64, 0.5, ONE)
    assert (row.basis, row.seeds, row.n_seeds, row.params_control) == ("seeds", "better", 5, 64_000)
    # 0.2 and on average 0.004 of luck
    assert row.difference == pytest.approx(0.204)
    assert (row.tokens_control, row.tokens_share) == (5_000_000, 0.5)
    nothing = rung_row(gathered({"control": [0.5]}), 64, 0.5, ONE)
    assert (nothing.basis, nothing.difference, nothing.seeds) == ("", None, "not run")


def test_the_slope_is_the_change_with_a_doubling_of_the_width() -> None:
    by_width = {64: {0: 0.3, 1: 0.1}, 128: {0: 0.2, 1: 0.1}, 256: {0: 0.1, 1: 0.1, 2: 0.9}}
    assert slopes(by_width) == pytest.approx([-0.1, 0.0])


def test_a_difference_that_falls_with_width_is_found_and_a_level_one_holds() -> None:
    falling = {
        width: {seed: start + 0.01 * seed for seed in range(5)}
        for width, start in ((64, 0.3), (128, 0.2), (256, 0.11))
    }
    assert trend(falling, ONE).startswith("With width: falls (-0.095 a doubling")
    assert trend(falling, ONE).endswith("expected: falls.")
    level = {width: {seed: 0.2 + 0.001 * seed for seed in range(5)} for width in falling}
    assert trend(level, ONE).startswith("With width: holds")


def test_a_trend_needs_as_many_seeds_as_any_verdict() -> None:
    by_width = {width: {0: 0.3, 1: 0.2} for width in (64, 96, 128)}
    assert trend(by_width, ONE) == "With width: undecided: seeds (2); expected: falls."


def test_a_ladder_leaves_a_table_and_a_figure_and_says_whether_the_verdict_travels(
    tmp_path,
) -> None:
    effects = {(64, 0.5): 0.3, (96, 0.5): 0.2, (128, 0.5): 0.001}
    effects |= {(64, 1.0): 0.3, (96, 1.0): 0.2, (128, 1.0): 0.001}
    found = [
        (Rung(width, share), rung_found(effect, width))
        for (width, share), effect in effects.items()
    ]
    write_ladder(tmp_path, ONE, found)
    assert len((tmp_path / "ladder.csv").read_text().splitlines()) == 7
    figure = (tmp_path / "ladder.svg").read_text()
    for text in ("parameters of control", "0.5 of the preset", "fork minus control"):
        assert text in figure
    said = answer(ONE, found)
    assert "Over 6 rungs: better at 4, equivalent at 2 (it does not travel)." in said
    assert "With width: falls" in said


def test_a_rung_is_drawn_with_its_intervals_reach_and_one_without_is_left_out() -> None:
    row = rung_row(rung_found(0.2, 96), 96, 1.0, ONE)
    wide = replace(row, difference=0.5, low=0.25, high=0.625)
    small = replace(row, params_control=10.0, difference=0.5, low=0.0, high=1.0)
    drawn = curve([wide, replace(row, difference=None), small])
    assert drawn.T.tolist() == [[10, 0.5, 0.5, 0.5], [96_000, 0.5, 0.25, 0.125]]
    assert curve([]).shape == (4, 0)


def test_the_trend_is_that_of_the_largest_budget() -> None:
    found = [
        (Rung(width, share), rung_found(effect if share == 1.0 else 0.2, width))
        for width, effect in ((64, 0.3), (96, 0.2), (128, 0.001))
        for share in (0.5, 1.0)
    ]
    assert "With width: falls" in answer(ONE, found)


def test_the_same_verdict_everywhere_travels() -> None:
    rows = [rung_row(rung_found(0.2, width), width, 1.0, ONE) for width in (64, 96)]
    assert travels(rows) == "Over 2 rungs: better at 2 (the same verdict at every rung)."
