"""The page of the papers' claims: what it says of planted results, and that it is up to date."""

import csv
from pathlib import Path

import pytest

from experiments.config import ConfigError
from experiments.planning.claims import read_claims
from experiments.planning.suite import claims_hash, load_suite
from experiments.probing.tables import asks_for, tables
from experiments.reporting.claims_page import PAGE, generated, page
from experiments.reporting.paper_claims import (
    PaperClaim,
    Results,
    answer_of,
    measures,
    read_paper_claims,
)

ENTRY = {"suite": "toy", "claim": "one"}
PROBE = {
    "table": "shape",
    "value": "slope",
    "arm": "fork",
    "against": "control",
    "expects": "above",
    "where": {"task": "understand"},
}


def claim_row(**changes: str) -> dict[str, str]:
    row = dict.fromkeys(("seeds_difference", "seeds_low", "seeds_high", "precondition"), "")
    row |= {"suite": "toy", "claim": "one", "preset": "tiny", "n_seeds": "1"}
    row |= {
        "items": "worse",
        "items_difference": "-0.1",
        "items_low": "-0.2",
        "items_high": "-0.01",
    }
    return row | {"seeds": "undecided: seeds"} | changes


def probe_results(fork: list[float], control: list[float]) -> Results:
    rows = [
        (
            "run",
            {"table": "shape", "task": task, "arm": arm, "seed": f"{seed}", "slope": f"{value}"},
        )
        for task, sign in (("understand", 1), ("generate", -1))
        for arm, values in (("fork", fork), ("control", control))
        for seed, value in enumerate(sign * one for one in values)
    ]
    return Results([], rows)


def test_a_figure_is_held_against_what_it_is_expected_to_exceed() -> None:
    results = probe_results([5.0, 5.0, 3.0, 5.0, 5.0], [])
    alone = {key: value for key, value in PROBE.items() if key != "against"}
    found = [
        measures(
            PaperClaim(text="It rises.", paper="P", measured=[{**alone, "than": one}]), results
        )
        for one in (1, 6)
    ]
    assert [one.answer for (one,) in found] == ["as claimed", "the other way"]
    assert found[0][0].difference[0] == pytest.approx(3.6)
    assert found[0][0].source.endswith("slope of fork minus 1")


def toy(**entry: object) -> PaperClaim:
    return PaperClaim(text="A claim.", paper="Paper", measured=[{**ENTRY, **entry}])


def test_a_stamped_run_answers_for_no_paper_however_many_seeds_it_has() -> None:
    real, stamped = claim_row(), claim_row(n_seeds="5", seeds="worse", stamp="toy")
    (found,) = measures(toy(), Results([("run", real), ("smoke", stamped)], []))
    assert (found.run, found.answer) == ("run (tiny)", "undecided: seeds")
    (alone,) = measures(toy(), Results([("smoke", stamped)], []))
    assert alone.answer == "not measured yet"


def test_the_probes_of_a_stamped_run_are_left_out_and_a_table_without_the_column_counts(
    tmp_path: Path,
) -> None:
    tables = {
        "smoke": "arm,stamp\nshared,toy\n",
        "run": "arm,stamp\nshared,\n",
        "old": "arm\nshared\n",
    }
    for name, text in tables.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "leaderboard.csv").write_text(text)
        (tmp_path / name / "claims.csv").write_text("claim,stamp\n")  # as a recipe, without claims
        (tmp_path / name / "probes.jsonl").write_text('{"table": "shape"}\n')
    assert [run for run, _ in Results.read(tmp_path).probes] == ["old", "run"]


def test_the_committed_page_is_what_the_generator_writes() -> None:
    assert PAGE.read_text() == generated(), "run `make claims-page`"


def test_every_claim_that_the_page_refers_to_exists_in_its_suite() -> None:
    _, claims = read_paper_claims()
    entries = [entry for claim in claims for entry in claim.measured if "suite" in entry]
    assert entries
    for entry in entries:
        ids = [one.id for one in read_claims(load_suite(entry["suite"]).claims)]
        assert entry["claim"] in ids, entry


def test_the_page_opens_with_what_this_scale_cannot_show() -> None:
    text = page(["Size. Too small."], [toy()], Results([], []))
    first = text.index("## What this scale cannot show")
    assert first < text.index("Size. Too small.") < text.index("## The claims")


def test_a_claim_without_a_run_says_so_and_how_to_measure_it() -> None:
    text = page([], [toy()], Results([], []))
    assert "| 1 | A claim. | Paper | not measured yet |" in text
    assert "`make ablation-toy SEEDS=0,1,2,3,4`" in text


def test_a_claim_that_cannot_be_tested_says_why() -> None:
    claim = PaperClaim(text="A claim.", paper="Paper", untestable="no pictures of cats.")
    text = page([], [claim], Results([], []))
    assert "| 1 | A claim. | Paper | not testable here |" in text
    assert "Not testable here: no pictures of cats." in text


@pytest.mark.parametrize(
    ("verdict", "expected", "answer"),
    [
        ("better", "better", "reproduced"),
        ("worse", "better", "contradicted"),
        ("equivalent", "better", "contradicted"),
        ("undecided", "better", "undecided"),
        ("undecided: seeds", "better", "undecided: seeds"),
        ("precondition absent", "better", "precondition absent"),
        ("equivalent", "equivalent", "reproduced"),
        ("better", "equivalent", "contradicted"),
        ("not inferior", "not inferior", "reproduced"),
        ("better", "not inferior", "reproduced"),
        ("worse", "not inferior", "contradicted"),
    ],
)
def test_the_answer_follows_from_the_verdict(verdict: str, expected: str, answer: str) -> None:
    assert answer_of(verdict, expected) == answer


def test_one_seed_shows_its_checkpoints_and_answers_nothing() -> None:
    (one,) = measures(toy(), Results([("reference", claim_row())], []))
    assert (one.answer, one.items, one.run) == ("undecided: seeds", "worse", "reference (tiny)")
    assert one.difference == (-0.1, -0.2, -0.01)


def test_a_run_of_claims_that_were_edited_since_is_marked() -> None:
    row = claim_row(suite="conflict", claim="conflict_in_generation")
    entry = {"suite": "conflict", "claim": "conflict_in_generation"}
    for recorded, is_marked in ((claims_hash("conflict"), False), ("0" * 64, True)):
        results = Results([("conflict", row | {"claims_sha256": recorded})], [])
        assert ("conflict (tiny), 1; claims edited since" in page([], [toy(**entry)], results)) == (
            is_marked
        )


def test_the_run_with_the_most_seeds_answers() -> None:
    five = claim_row(n_seeds="5", seeds="better", seeds_difference="0.2", seeds_low="0.1")
    five |= {"seeds_high": "0.3", "precondition": "0.1", "precondition_low": "0.05"}
    five["precondition_high"] = "0.15"
    (one,) = measures(toy(), Results([("more", five), ("reference", claim_row())], []))
    assert (one.answer, one.n_seeds, one.difference) == ("reproduced", 5, (0.2, 0.1, 0.3))
    assert one.precondition == (0.1, 0.05, 0.15)
    text = page([], [toy()], Results([("more", five)], []))
    assert "| +0.200 [+0.100, +0.300] | +0.100 [+0.050, +0.150] | worse | reproduced |" in text


def test_a_probes_figure_has_a_direction_over_five_seeds_and_no_verdict() -> None:
    claim = PaperClaim(text="t", paper="p", measured=[PROBE])
    up = probe_results([0.5, 0.52, 0.51, 0.5, 0.53], [0.1] * 5)
    (one,) = measures(claim, up)
    assert (one.answer, one.seeds, one.n_seeds) == ("as claimed", "", 5)
    assert one.difference[0] == pytest.approx(0.412)
    (one,) = measures(claim, probe_results([0.1] * 5, [0.5, 0.52, 0.51, 0.5, 0.53]))
    assert one.answer == "the other way"
    (one,) = measures(claim, probe_results([0.1, 0.9], [0.1, 0.1]))
    assert one.answer == "direction open: 2 seed(s), mean +0.400"
    (one,) = measures(claim, Results([], []))
    assert one.answer == "not measured yet"


def test_a_figure_that_a_probe_could_not_have_says_why() -> None:
    claim = PaperClaim(text="t", paper="p", measured=[PROBE])
    control = probe_results([], [0.1]).probes
    noted = {"table": "shape", "task": "understand", "arm": "fork", "seed": "0", "slope": ""}
    (one,) = measures(claim, Results([], [*control, ("run", {**noted, "note": "all is noise"})]))
    assert one.answer == "no figure: all is noise"
    other = {**noted, "arm": "experts", "note": "all is noise"}
    (one,) = measures(claim, Results([], [*control, ("run", other)]))
    assert one.answer == "not measured yet"


def test_of_runs_with_as_many_seeds_the_reference_answers() -> None:
    claim = PaperClaim(text="t", paper="p", measured=[PROBE])
    reference = [("reference", row) for _, row in probe_results([0.5], [0.1]).probes]
    (one,) = measures(claim, Results([], [*probe_results([0.3], [0.1]).probes, *reference]))
    assert (one.run, one.answer) == ("reference", "direction open: 1 seed(s), mean +0.400")
    (one,) = measures(
        claim, Results([], [*probe_results([0.3, 0.3], [0.1, 0.1]).probes, *reference])
    )
    assert one.run == "run"


def test_of_a_probes_tables_the_rows_that_are_asked_for_are_taken(tmp_path: Path) -> None:
    with (tmp_path / "shape.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["task", "slope"])
        writer.writeheader()
        writer.writerows([{"task": "understand", "slope": 1}, {"task": "generate", "slope": 2}])
    found = [row for name, row in tables(tmp_path) if asks_for(PROBE, name, row)]
    assert found == [{"task": "understand", "slope": "1"}]


def test_a_claim_is_either_measured_or_said_to_be_untestable() -> None:
    with pytest.raises(ConfigError, match="must be either measured or untestable"):
        PaperClaim(text="t", paper="p")
    with pytest.raises(ConfigError, match="expects must be one of above, below, got 'better'"):
        PaperClaim(text="t", paper="p", measured=[{**PROBE, "expects": "better"}])
