"""The sweep that chooses world and base: whom it looks at, and which way its conflict points."""

import pytest

from experiments.__main__ import main
from experiments.campaigns.calibrate import SEED, SWEEP, Outcome, table
from experiments.config import dotlist_layer
from experiments.planning.suite import load_preset, load_suite, resolve_arm
from experiments.schema import load_schema

SCORES = {
    ("shared", "vqa.overall.seen"): 0.5,
    ("understand_only", "vqa.overall.seen"): 0.75,
    ("generate_only", "vqa.overall.seen"): 0.125,
    ("shared", "geneval.overall.seen"): 0.5,
    ("generate_only", "geneval.overall.seen"): 0.25,
    ("generate_only", "geneval.overall.unseen"): 0.125,
}


def test_the_conflict_is_what_the_tasks_own_control_is_above_shared() -> None:
    found = Outcome("base", SCORES, 31.5)
    assert found.conflict("understand", "vqa.overall.seen") == 0.25
    assert found.conflict("generate", "geneval.overall.seen") == -0.25
    assert found.conflict("generate", "geneval.overall.unseen") is None  # no `shared`


def test_a_row_has_each_score_of_shared_with_its_conflict_and_the_open_bits() -> None:
    head, line, row = table([Outcome("base", SCORES, 31.5)]).splitlines()
    assert head.count("conflict") == 4
    assert head.count("|") == line.count("|") == row.count("|") == 11
    assert row == "| base | 0.500 | +0.250 |  |  | 0.500 | -0.250 |  |  | 31.5 |"


@pytest.mark.parametrize("name", SWEEP)
def test_every_setting_of_the_sweep_changes_the_preset(name: str) -> None:
    suite, preset = load_suite("architectures"), load_preset("cpu")
    plain, changed = (
        repr(resolve_arm(load_schema(), suite, preset, "shared", dotlist_layer(overrides)))
        for overrides in ((), SWEEP[name])
    )
    assert (plain == changed) == (name == "base")


def test_the_seed_is_none_that_a_suite_reports_and_unknown_settings_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert SEED >= 1000
    with pytest.raises(SystemExit):
        main(["calibrate", "--only", "bigger"])
    assert "--only must name settings of base, " in capsys.readouterr().err
