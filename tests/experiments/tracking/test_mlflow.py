"""The mirror in MLflow, and the views of the dashboard."""

import base64
import json
import os
import re
import socket
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest

from experiments.config import ConfigError
from experiments.evidence.scores import COSTS as LOGGED
from experiments.running.ablate import Ablation
from experiments.store.markers import write_text
from experiments.store.steps import Store
from experiments.tracking import dashboard
from experiments.tracking.dashboard import links
from experiments.tracking.mirror import Mirror, tracking_uri
from experiments.tracking.views import BY_ARCHITECTURE, TAG, view_tags
from experiments.tracking.views import COSTS as CHARTED

HEADLINE = {"understand": ["vqa.overall"], "generate": ["geneval.overall"]}


def state(tags: dict[str, str], key: str) -> dict:
    """A view's state, read back from MLflow's form."""
    kind, _, packed = json.loads(tags[TAG + key])["state"].partition(";")
    assert kind == "deflate"
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def test_a_view_decodes_to_the_charts_that_it_was_made_of() -> None:
    tags = view_tags(HEADLINE)
    scores, curves, samples = (state(tags, key) for key in ("scores", "curves", "samples"))
    titles = ["Understanding against generation", "Understanding", "Generation", "Cost"]
    assert [one["name"] for one in scores["compareRunSections"]] == titles
    kinds = [
        (one["metricSectionId"], one["type"], one.get("metricKey"))
        for one in scores["compareRunCharts"]
    ]
    assert kinds[:4] == [
        (titles[0], "SCATTER", None),
        (titles[1], "BAR", "final/vqa.overall"),
        (titles[2], "BAR", "final/geneval.overall"),
        (titles[3], "BAR", "cost/train_flops"),
    ]
    assert [kind for _, kind, _ in kinds[-2:]] == ["SCATTER", "SCATTER"]  # cost against each task
    assert scores["groupBy"] == BY_ARCHITECTURE
    assert curves["compareRunCharts"][0]["metricKey"] == "curve/vqa.overall"
    assert samples["groupBy"] is None
    assert [(one["imageKeys"], one["step"]) for one in samples["compareRunCharts"]] == [
        (["samples"], 100)
    ]
    assert all(one["orderByKey"] == "params.`arm`" for one in (scores, curves, samples))


def test_every_metric_of_a_cost_chart_is_one_that_is_logged() -> None:
    assert set(CHARTED) <= set(LOGGED)


def test_a_mirror_that_was_cut_off_goes_on_in_the_same_runs(
    ablation: Callable[..., Ablation],
) -> None:
    run = ablation(arms=("control",))
    assert run.run(jobs=2, track=False) == 0
    first = Mirror(run.plan, run.store)
    first.update()  # and then it is killed: nothing is closed
    again = Mirror(run.plan, run.store)
    again.close()
    check_runs(run, first, again)
    check_cell(run, again)
    assert len(links(run.runs, "http://127.0.0.1:1")) == 3


def test_a_cell_that_is_scored_under_other_settings_is_a_run_of_its_own(
    ablation: Callable[..., Ablation],
) -> None:
    found = []
    for overrides in ((), ("benchmark.geneval_per_tag=5",)):
        run = ablation(arms=("control",), overrides=overrides)
        assert run.run(jobs=2, track=False) == 0
        mirror = Mirror(run.plan, run.store)
        mirror.close()
        cell = mirror.runs["control, seed 0"].info.run_id
        data = mirror.client.get_run(cell).data
        score = run.store.path(run.plan.cells[0].steps["score_geneval"]) / "results.json"
        metrics = json.loads(score.read_text())["metrics"].items()
        overall = next(one["value"] for name, one in metrics if name.startswith("geneval.overall@"))
        assert data.metrics["final/geneval.overall"] == overall
        found.append((cell, data.params["benchmark.geneval_per_tag"]))
    assert found[0][0] != found[1][0]
    assert [prompts for _, prompts in found] == ["2", "5"]
    shown = mirror.client.search_runs([mirror.experiment], "params.arm = 'control'")
    assert [one.info.run_id for one in shown] == [found[1][0]]  # no bar averages the two


def test_runs_of_other_sizes_do_not_share_a_bar(ablation: Callable[..., Ablation]) -> None:
    smoke = {"label": "ladder-64", "overrides": ("train.quality=0.1",)}
    for changes in ({}, smoke):
        run = ablation(arms=("control",), seeds=(0, 1), **changes)
        assert run.run(jobs=2, track=False) == 0
        mirror = Mirror(run.plan, run.store)
        mirror.close()
    names = [one["groupByData"] for one in BY_ARCHITECTURE["groupByKeys"]]
    bars = defaultdict(set)
    for one in mirror.client.search_runs([mirror.experiment]):
        if "arm" in one.data.params:
            score = one.data.metrics["final/geneval.overall"]
            bars[tuple(one.data.params[name] for name in names)].add(score)
    assert set(bars) == {
        ("control", "shared", "toy-tiny"),
        ("control", "shared", "toy-tiny-ladder-64"),
    }
    assert [len(scores) for scores in bars.values()] == [1, 1]  # of both seeds


def test_a_training_that_is_renamed_while_it_is_looked_for_is_logged_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, logged = Store(tmp_path), []
    final, partial = store.path("train-0"), store.partial("train-0")
    write_text(partial / "metrics.jsonl", '{"name": "train/loss", "value": 0.5, "step": 0}\n')
    client = SimpleNamespace(log_batch=lambda run, metrics, tags: logged.extend(metrics))
    mirror: Any = SimpleNamespace(store=store, client=client)
    cell: Any = SimpleNamespace(steps={"train": "train-0"})
    run: Any = SimpleNamespace(info=SimpleNamespace(run_id=""), data=SimpleNamespace(tags={}))
    opened = Path.open

    def renamed_behind(path: Path) -> Any:
        try:
            return opened(path)
        finally:
            if partial.exists():
                partial.rename(final)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", renamed_behind)
        Mirror.mirror_metrics(mirror, cell, run)
    assert logged == []
    Mirror.mirror_metrics(mirror, cell, run)
    assert [one.value for one in logged] == [0.5]


def check_runs(run: Ablation, first: Mirror, again: Mirror) -> None:
    client = mlflow.MlflowClient(tracking_uri(run.runs))
    runs = client.search_runs([again.experiment])
    assert len(runs) == 2
    assert {one.info.status for one in runs} == {"FINISHED"}
    cell = again.runs["control, seed 0"].info.run_id
    assert cell == first.runs["control, seed 0"].info.run_id
    tags = client.get_run(cell).data.tags
    assert tags["mlflow.parentRunId"] == again.parent.info.run_id
    artifacts = client.get_experiment(again.experiment).artifact_location
    assert artifacts.startswith(f"file://{run.runs}{os.sep}")


def check_cell(run: Ablation, mirror: Mirror) -> None:
    client, cell = mirror.client, mirror.runs["control, seed 0"].info.run_id
    data = client.get_run(cell).data
    losses = client.get_metric_history(cell, "train/loss")
    assert [(one.step, one.value) for one in losses] == [(i, 1 / (1 + i)) for i in range(10)]
    assert len(client.get_metric_history(cell, "curve/vqa.overall")) == 5
    assert 0 <= data.metrics["final/geneval.overall"] <= 1
    assert data.metrics["cost/train_flops"] == 1e12
    stored = client.get_experiment(mirror.experiment).tags
    assert state(stored, "curves")["compareRunCharts"][0]["metricKey"] == "curve/vqa.overall"
    assert (data.params["model.name"], data.params["arm"]) == ("shared", "control")
    names = {one.path for one in client.list_artifacts(cell)}
    assert {"config.json", "summary.json", "score_vqa", "images"} <= names
    images = [one.path for one in client.list_artifacts(cell, "images")]
    steps = {found[1] for one in images if (found := re.match(r"images/samples\Wstep\W(\d+)", one))}
    assert steps == {"50", "100"}  # percent of the training of which steps 10 and 20 were drawn


def test_a_port_that_another_server_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.db").touch()
    monkeypatch.setattr(dashboard, "server", lambda command: pytest.fail("MLflow was started"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"--port must be free on 127\.0\.0\.1, got {port}"):
            dashboard.main(["--runs", str(tmp_path), "--port", str(port)])
