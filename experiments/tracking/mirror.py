"""Mirrors an ablation into MLflow: the only file that knows it.

An ablation is a parent run, a cell a child. What a cell's files say is the truth; this process
reads them while the cells run, so a crash of either loses nothing: a run is found again by its tag
and goes on where its own tags say that it stopped.

    mlflow_runs.json    {"experiment", "parent", "cells": {label: run id}} for those without MLflow
"""

import argparse
import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.entities import Metric, Param, Run, RunStatus, RunTag
from PIL import Image

from benchmarks.images import batched
from experiments.config import digest, flatten
from experiments.evidence.collect import OUTPUTS, RUN_IDS, read_lines
from experiments.evidence.scores import COSTS, mean_of
from experiments.planning.plan import Cell, Plan, plan_from_json
from experiments.store.markers import write_json
from experiments.store.steps import Store
from experiments.tracking.views import COST, SAMPLES, view_tags

POLL_SECONDS = 10.0
BATCH = 500
PARAMETER_CHARACTERS = 250
IDENTITY, LINES, MIRRORED = "forkroad.identity", "forkroad.lines", "forkroad.mirrored"
PARENT, CELL = "mlflow.parentRunId", "forkroad.cell"


def tracking_uri(runs: Path) -> str:
    return f"sqlite:///{runs.resolve()}/mlflow.db"


class Mirror:
    """The MLflow runs of one plan: on `server` if there is one, otherwise in a file of `runs`."""

    def __init__(self, plan: Plan, store: Store, server: str = "") -> None:
        self.plan, self.store, self.server = plan, store, server
        self.folder = store.runs / plan.request.run
        self.client = mlflow.MlflowClient(server or tracking_uri(store.runs))
        self.experiment = self.open_experiment()
        self.parent = self.open_run(plan.request.run, plan.request.run, {})
        self.share_views()
        self.runs = {cell.label: self.open_cell(cell) for cell in plan.cells}
        cells = {label: run.info.run_id for label, run in self.runs.items()}
        about = {"experiment": self.experiment, "parent": self.parent.info.run_id, "cells": cells}
        write_json(self.folder / RUN_IDS, about)

    def open_experiment(self) -> str:
        """The suite's experiment; a server knows itself where the files go."""
        name = self.plan.request.suite
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            experiment = found.experiment_id
        else:
            artifacts = (self.store.runs / "mlflow" / name).resolve().as_uri()
            place = None if self.server else artifacts
            experiment = self.client.create_experiment(name, place)
        self.client.set_experiment_tag(
            experiment, "mlflow.note.content", str(self.plan.suite["question"])
        )
        return experiment

    def share_views(self) -> None:
        """Gives the experiment the dashboard's views."""
        for key, value in view_tags(self.plan.suite["headline"]).items():
            self.client.set_experiment_tag(self.experiment, key, value)

    def open_run(self, identity: str, name: str, tags: Mapping[str, str]) -> Run:
        """The run with this identity, reopened if an earlier process left it."""
        filters = f"tags.`{IDENTITY}` = '{identity}'"
        found = self.client.search_runs([self.experiment], filters, max_results=1)
        if found:
            self.client.update_run(found[0].info.run_id, status="RUNNING")
            return found[0]
        tags = {IDENTITY: identity, **tags}
        return self.client.create_run(self.experiment, run_name=name, tags=tags)

    def open_cell(self, cell: Cell) -> Run:
        name = f"{self.plan.request.run} {cell.label}"
        made = digest([cell.config, *cell.steps.values()])  # scored otherwise, it is another run
        tags = {PARENT: self.parent.info.run_id, CELL: name, "seed": str(cell.seed)}
        run = self.open_run(f"{name} {made}", cell.label, tags)
        self.retire_others(name, run)
        config = self.plan.configs[cell.config]
        request = self.plan.request
        about = {"arm": cell.arm, "architecture": cell.architecture}
        about |= {"preset": request.preset, "run": request.run}
        values = {**about, **dict(flatten(config))}
        params = [Param(key, str(one)[:PARAMETER_CHARACTERS]) for key, one in values.items()]
        for some in batched(params, 100):
            self.client.log_batch(run.info.run_id, params=some)
        if not run.data.tags.get(LINES):
            self.client.log_dict(run.info.run_id, dict(config), "config.json")
        return run

    def retire_others(self, name: str, run: Run) -> None:
        """Deletes, as MLflow does so that it can be restored, what the cell was before it was
        trained or scored otherwise: a chart would average the two. On a server it may be someone
        else's."""
        if self.server:
            return
        for other in self.client.search_runs([self.experiment], f"tags.`{CELL}` = '{name}'"):
            if other.info.run_id != run.info.run_id:
                self.client.delete_run(other.info.run_id)

    def update(self) -> None:
        """Brings every cell's run up to what its files say."""
        for cell in self.plan.cells:
            run_id = self.runs[cell.label].info.run_id
            run = self.client.get_run(run_id)
            self.mirror_metrics(cell, run)
            done = set(json.loads(run.data.tags.get(MIRRORED, "[]")))
            fresh = {n for n, one in cell.steps.items() if n not in done and self.store.exists(one)}
            for name in sorted(fresh):
                self.mirror_step(name, self.store.path(cell.steps[name]), run_id)
                done.add(name)
                self.client.set_tag(run_id, MIRRORED, json.dumps(sorted(done)))

    def mirror_metrics(self, cell: Cell, run: Run) -> None:
        """New lines of metrics.jsonl, finished or not. A half-written last line waits, and so does
        a training whose folder is renamed between the two looks."""
        training = cell.steps["train"]
        for place in (self.store.path(training), self.store.partial(training)):
            try:
                file = (place / "metrics.jsonl").open()
            except FileNotFoundError:
                continue
            with file:
                time = int(os.fstat(file.fileno()).st_mtime * 1000)
                whole = file.read().rpartition("\n")[0].splitlines()
            break
        else:
            return
        seen = int(run.data.tags.get(LINES, 0))
        for lines in batched(whole[seen:], BATCH):
            metrics = [metric(json.loads(line), time) for line in lines]
            seen += len(lines)
            tags = [RunTag(LINES, str(seen))]
            self.client.log_batch(run.info.run_id, metrics=metrics, tags=tags)

    def mirror_step(self, name: str, folder: Path, run_id: str) -> None:
        """A finished step's scores and small files."""
        if name == "train":
            self.client.log_artifact(run_id, str(folder / "summary.json"))
            self.log_costs(json.loads((folder / "summary.json").read_text()), run_id)
        elif name == "curve":
            self.log_samples(folder / "samples", run_id)
            for results in read_lines(folder / "results.jsonl"):
                self.log_scores(run_id, results, "curve", results["tokens_seen"])
        elif name.startswith("score_"):
            results = json.loads((folder / "results.json").read_text())
            self.log_scores(run_id, results, "final", 0)
            for file in ("results.json", results["items"]):
                self.client.log_artifact(run_id, str(folder / file), name)

    def log_costs(self, summary: Mapping[str, Any], run_id: str) -> None:
        found = {name: mean_of([summary], path) for name, path in COSTS.items()}
        metrics = [Metric(f"{COST}/{k}", one, 0, 0) for k, one in found.items() if one is not None]
        self.client.log_batch(run_id, metrics=metrics)

    def log_samples(self, folder: Path, run_id: str) -> None:
        """The sample grids by percent of training, so that arms of other lengths stand together."""
        paths = {int("".join(filter(str.isdigit, one.stem))): one for one in folder.glob("*.png")}
        for number, step in enumerate(sorted(paths), 1):
            image = np.asarray(Image.open(paths[step]).convert("RGB"))
            percent = round(100 * number / len(paths))
            self.client.log_image(run_id, image, key=SAMPLES, step=percent)

    def log_scores(self, run_id: str, results: dict[str, Any], kind: str, step: int) -> None:
        metrics = [
            Metric(f"{kind}/{name.partition('@')[0]}", one["value"], 0, step)
            for name, one in results["metrics"].items()
        ]
        for some in batched(metrics, BATCH):
            self.client.log_batch(run_id, metrics=some)

    def close(self) -> None:
        """Ends the runs: finished where every step is, failed elsewhere; adds the report."""
        self.update()
        whole = []
        for cell in self.plan.cells:
            whole.append(all(self.store.exists(folder) for folder in cell.steps.values()))
            status = RunStatus.to_string(RunStatus.FINISHED if whole[-1] else RunStatus.FAILED)
            self.client.set_terminated(self.runs[cell.label].info.run_id, status)
        parent = self.parent.info.run_id
        for name in OUTPUTS:
            if (self.folder / name).exists():
                self.client.log_artifact(parent, str(self.folder / name))
        self.client.set_terminated(parent, "FINISHED" if all(whole) else "FAILED")


def metric(line: Mapping[str, Any], time: int) -> Metric:
    return Metric(line["name"], line["value"], time, line["step"])


def main(arguments: list[str]) -> int:
    """Mirrors until standard input closes, then ends the runs."""
    parser = argparse.ArgumentParser(prog="python -m experiments mirror")
    parser.add_argument("plan", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--server", default="", help="address (default: a file below RUNS)")
    options = parser.parse_args(arguments)
    plan = plan_from_json(json.loads(options.plan.read_text()))
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    mirror = Mirror(plan, Store(options.runs), options.server)
    while not closed.wait(POLL_SECONDS):
        mirror.update()
    mirror.close()
    return 0
