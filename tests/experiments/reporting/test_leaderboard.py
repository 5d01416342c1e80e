"""The rows of a leaderboard, for people and for programs, from planted standings."""

from dataclasses import replace

import pytest

from experiments.evidence.scores import Score, Standing, standings
from experiments.reporting.leaderboard import (
    cell,
    short_row,
    to_tex,
    verdicts_of,
    wide_row,
)
from experiments.reporting.report import render
from experiments.reporting.side_tables import JUDGES, SideRow
from tests.experiments.planted_scores import NAME, VALUES, gathered
from tests.experiments.reporting.planted_report import blank_page

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


def test_a_score_of_fewer_seeds_than_its_arm_says_of_how_many_in_every_table() -> None:
    found = gathered({"control": VALUES["control"], "fork": VALUES["fork"][:2]})
    found.summaries = {("fork", seed): {} for seed in range(3)}
    (row,) = (one for one in standings(found) if one.arm == "fork")
    assert (row.n_seeds, row.scores[NAME].n_seeds) == (3, 2)
    assert short_row(row, [NAME])[-2].endswith("] (2 seeds)")
    assert wide_row(gathered({"control": [0.5]}), row, [NAME])[f"{NAME}.n_seeds"] == 2
    one = replace(row, n_seeds=2)
    assert short_row(one, [NAME])[-2].endswith("]")


def test_the_page_says_what_an_arm_lacks_also_where_it_has_scores() -> None:
    problem = "train: not run (seed 2)"
    some = Standing("fork", n_seeds=2, scores={NAME: Score(0.5, n_seeds=1)}, problem=problem)
    rows = [some, Standing("whole", n_seeds=5, scores={NAME: Score(0.5, n_seeds=5)})]
    rows += [Standing("none", n_seeds=0, problem=problem), Standing("floor")]
    values = {"rows": rows, "metrics": [NAME], "seeds": [0, 1, 2, 3, 4]}
    page = render({**blank_page(), **values})
    table = page.partition("<h2>Scores</h2>")[2].partition("</table>")[0]
    _, _, fork, missing, whole, none, floor = table.split("<tr")
    assert "2 of 5 seeds" in fork
    assert "0.500<br>" in fork
    assert "1 seed<" in fork
    assert f"no result: {problem}" in missing
    assert "seeds" not in whole + floor
    assert "0 of 5 seeds" in none
    assert f"no result: {problem}" in none


def test_a_side_table_of_the_page_says_of_how_many_seeds_a_score_is() -> None:
    scores = (Score(0.5, n_seeds=2), Score(0.25, n_seeds=3), None)
    values = {"side_tables": [(JUDGES, [SideRow("fork", scores)])], "seeds": [0, 1, 2]}
    page = render({**blank_page(), **values})
    table = page.partition(JUDGES.title)[2].partition("</table>")[0]
    some = '<td>0.500<br><span class="small">2 of 3 seeds</span></td>'
    assert f"<td>fork</td>{some}<td>0.250</td><td></td></tr>" in table


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


def test_a_stamp_is_the_first_row_of_a_tex_table() -> None:
    lines = to_tex(["arm", "seeds", "verdict"], [["a", "1", "b"]], "toy & more").splitlines()
    assert lines[2] == r"\multicolumn{3}{l}{\textbf{toy \& more}} \\"
    assert "multicolumn" not in to_tex(["arm", "seeds", "verdict"], [])
