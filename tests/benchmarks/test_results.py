"""Metrics with intervals that resample clusters, and the files they are kept in."""

import json

import numpy as np
import pytest

from benchmarks.results import Item, Results, estimate, summarise


def items(values, clusters=None, strata=None):
    clusters = clusters or [str(number) for number in range(len(values))]
    strata = strata or ["all"] * len(values)
    return [
        Item(name=str(number), cluster=cluster, stratum=stratum, value=value)
        for number, (value, cluster, stratum) in enumerate(
            zip(values, clusters, strata, strict=True)
        )
    ]


def width(metric):
    return metric.ci_high - metric.ci_low


def test_the_interval_of_a_mean_is_the_normal_one_for_many_independent_items():
    values = [float(number % 2) for number in range(400)]
    metric = estimate(items(values))
    assert metric.value == 0.5
    # 2 * 1.96 * sqrt(0.25 / 400) = 0.098
    assert width(metric) == pytest.approx(0.098, rel=0.1)


def test_four_equal_items_a_cluster_widen_the_interval_twofold():
    values = [float(number // 4 % 2) for number in range(400)]
    clusters = [str(number // 4) for number in range(400)]
    # 100 clusters instead of 400 items: sqrt(4) = 2
    ratio = width(estimate(items(values, clusters))) / width(estimate(items(values)))
    assert ratio == pytest.approx(2, rel=0.1)


def test_strata_are_resampled_apart():
    # all of the spread lies between the strata, so that nothing is left to resample
    metric = estimate(
        items([1.0] * 5 + [0.0] * 20, strata=["a"] * 5 + ["b"] * 20), {"a": 3, "b": 1}
    )
    assert (metric.value, metric.ci_low, metric.ci_high) == (0.75, 0.75, 0.75)


def test_one_cluster_has_no_interval_nor_have_strata_of_one_each():
    assert width_or_none(estimate(items([1.0, 0.0, 1.0], ["a", "a", "a"]))) is None
    weights = {"x": 1, "y": 1}
    assert width_or_none(estimate(items([1.0, 0.0], strata=["x", "y"]), weights)) is None
    assert width_or_none(estimate(items([1.0, 0.0, 0.5], strata=["x", "y", "y"]), weights)) > 0


def width_or_none(metric):
    assert (metric.ci_low is None) == (metric.ci_high is None)
    return None if metric.ci_low is None else width(metric)


@pytest.mark.parametrize("count", [5, 10])
def test_intervals_of_few_clusters_cover_the_truth_at_their_nominal_rate(count):
    random = np.random.default_rng(count)
    clusters = [str(number // 4) for number in range(4 * count)]
    hits = 0
    for _ in range(400):  # without the widening, 85% of five clusters and 89% of ten
        values = random.normal(size=(count, 1)) + 0.3 * random.normal(size=(count, 4))
        metric = estimate(items(values.flatten().tolist(), clusters))
        hits += metric.ci_low <= 0 <= metric.ci_high
    assert hits / 400 == pytest.approx(0.95, abs=0.035)


def test_a_summary_names_metrics_by_stratum_column_and_label():
    rows = [
        Item(name="1", cluster="1", stratum="count", column="seen", value=1.0),
        Item(name="2", cluster="2", stratum="place", column="unseen", value=0.0),
    ]
    metrics = summarise("vqa", "label", rows)
    assert {name: metric.value for name, metric in metrics.items()} == {
        "vqa.overall@label": 0.5,
        "vqa.count@label": 1.0,
        "vqa.place@label": 0.0,
        "vqa.overall.seen@label": 1.0,
        "vqa.count.seen@label": 1.0,
        "vqa.overall.unseen@label": 0.0,
        "vqa.place.unseen@label": 0.0,
    }


def test_results_are_read_as_they_were_written(tmp_path):
    rows = items(np.linspace(0, 1, 5).tolist())
    results = Results(
        benchmark="vqa",
        protocol={"judge": "none"},
        n_expected=6,
        n_scored=5,
        metrics={"vqa.overall@test": estimate(rows)},
        items=rows,
    )
    results.write(tmp_path)
    assert Results.read(tmp_path) == results
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["items"] == "items.jsonl"
    assert set(document["metrics"]["vqa.overall@test"]) == {
        "value",
        "ci_low",
        "ci_high",
        "n",
        "higher_is_better",
    }


def test_a_half_written_result_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "results.json").write_text('{"benchmark": "vq')
    with pytest.raises(ValueError, match=r"results.json must be a whole JSON document"):
        Results.read(tmp_path)


METRIC = {"value": 1.0, "ci_low": None, "ci_high": None, "n": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"items": None}, "must have the keys"),
        ({"benchmark": None}, "must have the keys"),
        ({"metrics": None}, "must have the keys"),
        ({"extra": 1}, "must have the keys .* got .*'extra'"),
        ({"metrics": []}, "must have objects as metrics and protocol"),
        ({"protocol": []}, "must have objects as metrics and protocol"),
        (
            {"metrics": {"a": {**METRIC, "value": None}}},
            "must have a number as value of 'a', got None",
        ),
        ({"metrics": {"a": {"value": 1.0}}}, "must have a whole 'a', got: .*ci_low"),
        ({"metrics": {"a": {**METRIC, "odd": 1}}}, "must have a whole 'a', got: .*odd"),
        ({"metrics": {"a": 1.0}}, "must have a whole 'a'"),
    ],
)
def test_a_result_of_another_form_is_an_error_that_names_the_file(tmp_path, change, message):
    rows, path = items([1.0]), tmp_path / "results.json"
    Results(benchmark="b", protocol={}, n_expected=1, n_scored=1, metrics={}, items=rows).write(
        tmp_path
    )
    document = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({k: v for k, v in document.items() if v is not None}))
    with pytest.raises(ValueError, match=rf"results\.json {message}"):
        Results.read(tmp_path)
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"results\.json must have the keys .* got \[\]"):
        Results.read(tmp_path)


def test_an_item_of_another_form_is_an_error_that_names_it(tmp_path):
    Results(
        benchmark="b", protocol={}, n_expected=1, n_scored=1, metrics={}, items=items([1.0])
    ).write(tmp_path)
    row = json.loads((tmp_path / "items.jsonl").read_text())
    for broken, message in (
        ({**row, "value": None}, "a number as value of '0', got None"),
        ({"name": "0", "value": 1.0}, "a whole '0', got: .*cluster"),
    ):
        (tmp_path / "items.jsonl").write_text(json.dumps(broken))
        with pytest.raises(ValueError, match=rf"items\.jsonl must have {message}"):
            Results.read(tmp_path)


def test_resampling_in_blocks_draws_what_one_block_draws(monkeypatch: pytest.MonkeyPatch):
    rows = items([0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    whole = estimate(rows)
    monkeypatch.setattr("benchmarks.results.DRAWN_AT_ONCE", 10)  # one draw of seven clusters
    assert estimate(rows) == whole
