"""The rows of a leaderboard, for people and for programs, from planted standings."""

import pytest

from experiments.evidence.scores import Score, Standing
from experiments.reporting.leaderboard import (
    cell,
    short_row,
    to_tex,
    verdicts_of,
    wide_row,
)
from tests.experiments.test_verdicts import NAME, gathered

READS = "vqa.overall@world"
COSTS = {"params_total": 2_512_000, "train_flops": 1.25e14, "wall_time_s": 390.0}
SURE = Score(0.75, ci_low=0.5, ci_high=0.875, delta=0.125, p_value=0.04, verdict="better")
OPEN = Score(0.25, verdict="undecided")


def test_people_read_millions_petaflops_and_minutes_and_an_interval_from_low_to_high() -> None:
    row = Standing("fork", "unifork", 5, COSTS, {READS: SURE, NAME: OPEN})
    assert short_row(row, [READS, NAME]) == [
        "fork",
        "5",
        "2.51",
        "0.125",
        "6.5",
        "0.750 [0.500, 0.875]",
        "0.250",
        "better / undecided",
    ]


def test_what_is_missing_is_empty_and_what_kept_it_is_named() -> None:
    row = Standing("fork", n_seeds=1, scores={READS: SURE}, problem="train: no memory")
    assert short_row(row, [READS, NAME])[1:] == [
        "1",
        "",
        "",
        "",
        "0.750 [0.500, 0.875]",
        "",
        "better; no result: train: no memory",
    ]
    wide = wide_row(gathered({"control": [0.5]}), row, [READS, NAME])
    assert wide[f"{NAME}.verdict"] == "no result: train: no memory"
    assert NAME not in wide
    assert [wide[f"{READS}{part}"] for part in ("", ".ci_low", ".delta", ".p_value")] == [
        0.75,
        0.5,
        0.125,
        0.04,
    ]


def test_verdicts_that_agree_are_told_once() -> None:
    assert verdicts_of(Standing("fork", scores={READS: SURE, NAME: SURE}), [READS, NAME]) == (
        "better"
    )
    assert verdicts_of(Standing("fork"), [READS]) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.0, 0), (1512240.0, 1512240), (0.123456789, "0.1234568")]
)
def test_numbers_keep_seven_digits_and_whole_ones_all(value: float | None, text: object) -> None:
    assert cell(value) == text


def test_a_tex_table_has_a_column_for_each_of_its_heads() -> None:
    assert to_tex(["arm", "seeds", "verdict"], []).startswith(r"\begin{tabular}{lrl}")
