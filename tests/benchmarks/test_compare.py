"""Two results against each other: the paired test, and what may not be compared."""

import json
from dataclasses import replace

import pytest

from benchmarks.__main__ import main
from benchmarks.compare import compare
from benchmarks.protocol import first_difference
from benchmarks.results import Item, Results, estimate

PROTOCOL = {"prompts": {"sha256": "ab"}, "judge": {"judge": "x", "threshold": 0.3}}


def results(values: list[float], strata: str = "", clusters: str = "", **protocol) -> Results:
    items = [
        Item(
            name=str(number),
            cluster=(clusters or "abcdefghijklmnopqrst")[number],
            stratum=strata[number] if strata else "all",
            value=value,
        )
        for number, value in enumerate(values)
    ]
    metrics = {"geneval.overall@x": estimate(items, protocol.get("weights"))}
    return Results(
        benchmark="geneval",
        protocol={**PROTOCOL, "model": {"name": str(values)}, **protocol},
        n_expected=len(items),
        n_scored=len(items),
        metrics=metrics,
        items=items,
    )


def test_equal_results_do_not_differ():
    (row,) = compare(results([1, 0, 1, 0]), results([1, 0, 1, 0]))
    assert (row.name, row.first, row.second, row.difference) == ("overall", 0.5, 0.5, 0.0)
    assert (row.ci_low, row.ci_high, row.p_value) == (0.0, 0.0, 1.0)


def test_the_p_value_is_that_of_the_sign_test_where_all_differ_alike():
    (row,) = compare(results([0.0] * 10), results([1.0] * 10))
    assert row.difference == 1.0
    # all ten signs alike: 2 / 2^10 = 0.00195, of 10,000 draws
    assert row.p_value == pytest.approx(0.00195, abs=0.0015)


def test_the_p_value_is_never_zero():
    (row,) = compare(results([0.0] * 20), results([1.0] * 20))
    assert row.p_value == pytest.approx(
        1 / 10_001
    )  # none of 10,000 draws, and the one that was seen


def test_one_cluster_has_neither_interval_nor_p_value(tmp_path, capsys):
    for name, value in (("a", 0.0), ("b", 1.0)):
        results([value] * 3, clusters="aaa").write(tmp_path / name)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["overall", "0", "1", "1", "3"]


def test_distances_are_set_side_by_side_and_not_averaged():
    def distances(**values: float) -> Results:
        names = {name: f"mjhq.{name}@x-n60" for name in values}
        items = [
            Item(name=names[name], cluster=names[name], stratum=f"mjhq.{name}", value=value)
            for name, value in values.items()
        ]
        metrics = {names[name]: estimate(items[:1]) for name in values}
        return replace(results([1.0]), benchmark="mjhq_fid", items=items, metrics=metrics)

    rows = compare(distances(fid=9.0, kid=0.1), distances(fid=8.0, kid=0.3))
    assert [(row.name, row.difference) for row in rows] == [
        ("mjhq.fid", -1.0),
        ("mjhq.kid", pytest.approx(0.2)),
    ]
    assert {(row.ci_low, row.ci_high, row.p_value) for row in rows} == {(None, None, None)}
    (alone,) = compare(distances(fid=9.0), distances(fid=8.0))
    assert (alone.name, alone.p_value) == ("mjhq.fid", None)


def test_a_cluster_counts_once():
    (row,) = compare(
        results([0.0] * 8, clusters="aaaabbbb"), results([1.0] * 8, clusters="aaaabbbb")
    )
    # two clusters: both signs alike in half of the draws
    assert row.p_value == pytest.approx(0.5, abs=0.02)


def test_a_cluster_counts_once_where_its_items_are_of_several_strata():
    first = results([0.0] * 8, strata="stststst", clusters="aabbccdd")
    second = results([1.0] * 4 + [0.0] * 4, strata="stststst", clusters="aabbccdd")
    rows = {row.name: row for row in compare(first, second)}
    differences = results([1.0] * 4 + [0.0] * 4, clusters="aabbccdd")
    alone = estimate(differences.items)
    assert (rows["overall"].ci_low, rows["overall"].ci_high) == (alone.ci_low, alone.ci_high)
    # two of four clusters differ: both signs alike in half of the draws
    assert rows["overall"].p_value == pytest.approx(0.5, abs=0.02)


def test_the_interval_of_few_clusters_is_as_wide_as_that_of_t():
    (row,) = compare(
        results([0.0] * 8, clusters="aaaabbbb"), results([1.0] * 4 + [0.0] * 4, clusters="aaaabbbb")
    )
    # resampled 0 to 1; t of one degree is 12.706, so half of it times 12.706 / 1.960 * sqrt(2 / 1)
    assert row.ci_low == pytest.approx(0.5 - 4.584, abs=0.001)
    assert row.ci_high == pytest.approx(0.5 + 4.584, abs=0.001)


def test_strata_count_by_the_protocols_weights():
    weights = {"s": 1.0, "t": 1.0, "unused": 1.0}
    first = results([0, 0, 0, 0], strata="ssst", weights=weights)
    second = results([1, 0, 0, 1], strata="ssst", weights=weights)
    rows = {row.name: row for row in compare(first, second)}
    named = {**PROTOCOL, "group_weights": weights}  # as in WISE's protocol
    grouped = [replace(one, protocol=named) for one in (first, second)]
    assert compare(*grouped)[0] == rows["overall"]
    assert rows["overall"].second == pytest.approx((1 / 3 + 1) / 2)
    assert rows["s"].second == pytest.approx(1 / 3)
    assert rows["t"].second == 1.0


def test_strata_are_resampled_apart_where_the_protocol_weighs_them():
    # all of the spread lies between the strata, so that nothing is left to resample
    weights = {"s": 1.0, "t": 1.0}
    sides = (
        results([0] * 6, "ssstts", weights=weights),
        results([1, 1, 1, 0, 0, 1], "ssstts", weights=weights),
    )
    overall = compare(*sides)[0]
    assert (overall.difference, overall.ci_low, overall.ci_high) == (0.5, 0.5, 0.5)


def test_a_score_that_is_no_mean_of_items_is_not_called_overall():
    first, second = results([1, 0]), results([1, 1])
    metric = estimate([Item(name="0", cluster="0", stratum="0", value=7.0)])
    odd = Results(**{**vars(first), "metrics": {"mme.overall@x": metric}})
    assert compare(odd, second)[0].name == "mean of items"


def test_the_first_difference_of_protocols_is_named():
    other = {**PROTOCOL, "judge": {"judge": "x", "threshold": 0.5}}
    assert first_difference(PROTOCOL, other) == "judge.threshold: 0.3 against 0.5"
    assert first_difference(PROTOCOL, {**PROTOCOL, "seeds": 42}) == "seeds: 'nothing' against 42"
    assert first_difference(PROTOCOL, {**PROTOCOL, "model": 1}, ("model",)) is None


@pytest.mark.parametrize(
    "outcome", ["model", "images", "missing", "dropped", "unreadable", "beyond_scale", "usage"]
)
def test_outcomes_may_differ_between_protocols(outcome):
    rows = compare(results([1, 0], **{outcome: [1]}), results([1, 1], **{outcome: []}))
    assert rows[0].difference == 0.5


@pytest.mark.parametrize("name", ["baseline.json", "absent.json", "none/results.json"])
def test_a_file_is_not_read_in_place_of_another(tmp_path, capsys, name):
    results([1, 0]).write(tmp_path)
    right = tmp_path / "results.json"
    (tmp_path / "baseline.json").write_text(right.read_text())
    assert main(["compare", str(tmp_path / name), str(right)]) == 2
    error = capsys.readouterr().err
    assert f"must be a folder or the results.json in it, got {tmp_path / name}." in error


def test_values_that_are_not_finite_are_refused(tmp_path, capsys):
    nan, good = float("nan"), results([1, 0])
    good.write(tmp_path / "good")
    replace(results([1, nan]), metrics=good.metrics).write(tmp_path / "item")
    replace(good, metrics=results([1, nan]).metrics).write(tmp_path / "metric")
    for name, said in (
        ("item", "items.jsonl must hold finite values, got nan of item 1."),
        ("metric", "results.json must hold finite values, got nan of geneval.overall@x."),
    ):
        assert main(["compare", str(tmp_path / "good"), str(tmp_path / name)]) == 2
        assert f"{tmp_path / name / said}" in capsys.readouterr().err


def test_unlike_protocols_and_unlike_items_are_refused(tmp_path, capsys):
    results([1, 0]).write(tmp_path / "a")
    results([1, 0], seeds="running").write(tmp_path / "b")
    results([1, 0, 1]).write(tmp_path / "c")
    results([1, 1]).write(tmp_path / "d")
    run = ["compare", str(tmp_path / "a" / "results.json")]
    assert main([*run, str(tmp_path / "b" / "results.json")]) == 2
    assert "one protocol, got seeds: 'nothing' against 'running'" in capsys.readouterr().err
    assert main([*run, str(tmp_path / "c")]) == 2
    assert "same items, got 2 and 3, of which 1 in one alone: 2" in capsys.readouterr().err
    assert main([*run, str(tmp_path / "d")]) == 0
    printed = capsys.readouterr().out
    assert "protocol judge.threshold: 0.3" in printed
    assert "overall" in printed
    document = json.loads((tmp_path / "d" / "results.json").read_text())
    (tmp_path / "d" / "results.json").write_text(json.dumps({**document, "benchmark": "dpg"}))
    assert main([*run, str(tmp_path / "d")]) == 2
    assert "one benchmark, got geneval and dpg" in capsys.readouterr().err
