"""Adding seeds until a verdict, on planted scores and a clock of its own."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.campaigns import decide as decide_module
from experiments.campaigns.claim_runs import claim_request, split_claim
from experiments.campaigns.decide import Limit, Runner, decide, ending
from experiments.config import ConfigError
from experiments.evidence.collect import Gathered
from experiments.executors.choice import Machines
from experiments.executors.local import LocalExecutor
from experiments.planning.claims import Claim, Comparison
from experiments.planning.plan import Request
from experiments.running.ablate import INTERRUPTED, Ablation
from tests.experiments.planted_scores import CLAIM, METRIC, gathered, row

ONE = Claim(**CLAIM)
BASE = Request("toy", "tiny")
HOUR = 3600.0
UNTRACKED = Machines(LocalExecutor(), track=False)


def planted(fork: list[float], alone: float | None = None) -> Callable[..., Gathered | None]:
    """Runs that give the first so many of these scores, against a control at 0.5."""

    def run(request: Request, seconds: float) -> Gathered | None:
        seeds = len(request.seeds)
        if seeds > len(fork):
            return None
        values = {"control": [0.5] * seeds, "fork": fork[:seeds]}
        claim = dict(CLAIM)
        if alone is not None:
            values["alone"] = [alone + 0.001 * index for index in range(seeds)]
            claim["precondition"] = {"arm": "alone", "against": "control", "metric": METRIC}
        found = gathered(values, claim)
        return replace(found, plan=replace(found.plan, request=request))

    return run


def words(fork: list[float], alone: float | None = None) -> list[tuple[int, str]]:
    condition = {"arm": "alone", "against": "control", "metric": METRIC}
    claim = replace(ONE, precondition=condition) if alone is not None else ONE
    looks = decide(BASE, claim, planted(fork, alone), 1.0, lambda: 0.0)
    return [(one.seeds, one.verdict.seeds) for one in looks]


def test_a_clear_difference_is_decided_at_the_first_look() -> None:
    assert words([0.70, 0.71, 0.69, 0.70, 0.72] * 4) == [(5, "better")]


def test_any_clear_answer_ends_the_search_and_not_a_good_one_alone() -> None:
    assert words([0.3, 0.31, 0.29, 0.3, 0.32] * 4) == [(5, "worse")]
    assert words([0.5, 0.501, 0.499, 0.5, 0.502] * 4) == [(5, "equivalent")]


def test_no_look_is_planned_beyond_the_largest_number_of_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decide_module, "LARGEST", 7)
    assert [seeds for seeds, _ in words([0.3, 0.7] * 20)] == [5, 7]


def test_a_difference_that_one_test_would_call_clear_waits_for_more_seeds() -> None:
    # mean 0.1, deviation 0.0696: t = 3.21, p = 0.033, not below the first look's 0.025
    fork = [0.5 + one for one in (0.01, 0.06, 0.10, 0.14, 0.19, 0.1, 0.1)]
    assert words(fork) == [(5, "undecided"), (7, "better")]


def test_seeds_are_added_until_the_budget_ends() -> None:
    looks = list(decide(BASE, ONE, planted([0.3, 0.7] * 5), 1.0, lambda: 0.0))
    assert [(one.seeds, one.verdict.seeds) for one in looks] == [
        (5, "undecided"),
        (7, "undecided"),
        (10, "undecided"),
    ]
    assert ending(looks[-1]) == "undecided when the looks ended; more hours go on from here"
    assert ending(None).startswith("undecided: seeds when the looks ended")


def test_scores_that_leave_no_room_end_the_search() -> None:
    run = planted([0.5, 0.501, 0.52, 0.48] * 5)

    def at_the_floor(request: Request, seconds: float) -> Gathered | None:
        found = run(request, seconds)
        assert found is not None
        found.brackets = [row("floor", 0, 0.5)]
        return found

    looks = list(decide(BASE, ONE, at_the_floor, 1.0, lambda: 0.0))
    assert [(one.seeds, one.verdict.seeds) for one in looks] == [(5, "at the floor")]
    assert ending(looks[-1]) == "at the floor; more seeds would not decide it"


def test_a_metric_that_no_seed_is_scored_on_ends_the_search() -> None:
    run = planted([0.7] * 20)

    def scored_on_another(request: Request, seconds: float) -> Gathered | None:
        found = run(request, seconds)
        assert found is not None
        found.final = [replace(one, metric="geneval.colors@world") for one in found.final]
        return found

    looks = list(decide(BASE, ONE, scored_on_another, 1.0, lambda: 0.0))
    assert [(one.seeds, one.verdict.seeds) for one in looks] == [(5, "not run")]
    assert ending(looks[-1]) == "not run; more seeds would not decide it"


def test_a_precondition_that_surely_fails_ends_the_search() -> None:
    assert words([0.7] * 20, alone=0.4) == [(5, "precondition absent")]


def test_a_precondition_that_is_open_gets_more_seeds() -> None:
    assert words([0.7] * 7, alone=0.498) == [
        (5, "precondition absent"),
        (7, "precondition absent"),
    ]


def test_what_is_left_of_the_budget_shrinks_with_the_time() -> None:
    left, clock = [], count(step=1800.0)

    def run(request: Request, seconds: float) -> Gathered | None:
        left.append(seconds)
        return planted([0.3, 0.7] * 5)(request, seconds) if seconds > 0 else None

    looks = list(decide(BASE, ONE, run, 1.0, lambda: next(clock)))
    assert left == [HOUR / 2, 0.0]
    assert looks[0].text.startswith("look 1, 5 seeds, spends 0.0250 of 0.05: difference -0.040")


def test_only_the_arms_that_the_claim_names_are_run() -> None:
    condition = Comparison(arm="alone", against="control", metric=METRIC)
    asked = claim_request("toy", replace(ONE, precondition=condition), "cpu", "decide-one")
    assert asked.arms == ("control", "fork", "alone")
    assert asked.run == "toy-cpu-decide-one"


def test_a_limit_in_time_ends_as_ctrl_c_does() -> None:
    short, long = Limit(0.01), Limit(5)
    with pytest.raises(KeyboardInterrupt), short:
        time.sleep(5)
    with long:
        pass
    assert (short.over, long.over) == (True, False)


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_budget_ends_a_run_and_ctrl_c_the_command(
    ablation: Callable[..., Ablation], project, monkeypatch: pytest.MonkeyPatch, by_hand: bool
) -> None:
    def interrupted(*_: object) -> None:
        if by_hand:
            raise KeyboardInterrupt
        time.sleep(5)

    monkeypatch.setattr(decide_module, "complete", interrupted)
    monkeypatch.setattr(decide_module, "Timetable", lambda *_: SimpleNamespace(seconds=0.0))
    made = ablation()
    runner = Runner(project, made.runs, made.console, 1, UNTRACKED)
    with pytest.raises(KeyboardInterrupt) if by_hand else nullcontext():
        assert runner(Request("toy", "tiny", arms=("control",)), 0.01 + 60 * by_hand) is None


def test_ctrl_c_is_told_by_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Runner, request: Request, seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Runner, "__call__", interrupted)
    asked = ["--claim", "conflict/conflict_in_generation", "--max-hours", "1"]
    assert decide_module.main([*asked, "--runs", str(tmp_path)]) == INTERRUPTED


def test_a_run_that_does_not_fit_the_budget_is_not_begun(
    ablation: Callable[..., Ablation], project
) -> None:
    made = ablation()
    runner = Runner(project, made.runs, made.console, 1, UNTRACKED)
    assert runner(Request("toy", "tiny", arms=("control",)), seconds=1.0) is None
    assert "seeds need about" in made.console.file.getvalue()
    assert not made.store.steps.exists()


def test_an_unknown_claim_is_told_what_there_is(suites: Path) -> None:
    assert split_claim("toy/fork_draws", suites)[1].arm == "fork"
    with pytest.raises(ConfigError, match="claim must be one of fork_draws, got 'forks'"):
        split_claim("toy/forks", suites)
    with pytest.raises(ConfigError, match="--claim must read suite/claim, got 'forks'"):
        split_claim("forks", suites)


@pytest.mark.slow
def test_seeds_are_added_by_the_ordinary_ablation_in_a_folder_of_their_own(
    ablation: Callable[..., Ablation], project, suites: Path
) -> None:
    made = ablation()
    suite, claim = split_claim("toy/fork_draws", suites)
    runner = Runner(project, made.runs, made.console, 2, UNTRACKED)
    base = claim_request(suite, claim, "tiny", "decide-fork_draws")
    looks = list(decide(base, claim, runner, 1.0, time.monotonic))
    assert [(one.seeds, one.verdict.seeds) for one in looks] == [(5, "better")]
    assert (made.runs / "toy-tiny-decide-fork_draws" / "claims.csv").exists()
    assert not (made.folder / "leaderboard.csv").exists()
