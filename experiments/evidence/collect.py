"""Gathers what the finished steps of a plan have left: the rows of leaderboard_long.csv.

train/summary.json          {"parameters": {"total", "trainable", "active_understand",
                            "active_generate"}, "flops", "tokens", "sequences", "wall_seconds",
                            "peak_bytes"}; "active_generate" is missing where the task is
score_<b>/results.json      one benchmark's metrics (benchmarks/results.py)
curve/results.jsonl         the same object a line, with "tokens_seen"
brackets/results.jsonl      the same object a line, with "row": ceiling, floor, chance or copy
                            (conditioned_brackets too, where prompts hold pictures)
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from experiments.config import digest
from experiments.planning.plan import Cell, Plan
from experiments.store.markers import MARKER
from experiments.store.steps import StepError, Store

PROTOCOLS = "protocols.json"
WIDE, LONG = "leaderboard.csv", "leaderboard_long.csv"
OUTPUTS = (WIDE, LONG, "leaderboard.md", "report.html")
RUN_IDS = "mlflow_runs.json"
COMMIT_DIGITS = 12
NORMAL_95 = 1.959964


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell, metric and token count; None is missing. The fields are columns of the CSV."""

    suite: str
    arm: str
    seed: int | None
    tokens_seen: int | None
    benchmark: str
    metric: str
    value: float
    stderr: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    higher_is_better: bool
    protocol: str
    judge: str
    config_hash: str
    data_hash: str
    git_commit: str
    mlflow_run_id: str
    source: str

    @property
    def name(self) -> str:
        """The metric without its protocol."""
        return self.metric.partition("@")[0]

    @property
    def sign(self) -> int:
        """What makes more of the metric better: -1 where less is."""
        return 1 if self.higher_is_better else -1


@dataclass
class Gathered:
    """Everything that the leaderboard, the statistics and the report need.

    `final` holds the scores at the end of training, `curve` those on the way, `brackets` the rows
    ceiling, floor and chance; `items` maps (arm, seed, benchmark) to the file of scored items;
    `problems` maps an arm to what kept its cells from finishing; `protocols` maps what a row
    calls its protocol to the protocol.
    """

    plan: Plan
    final: list[Row] = field(default_factory=list)
    curve: list[Row] = field(default_factory=list)
    brackets: list[Row] = field(default_factory=list)
    summaries: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    items: dict[tuple[str, int, str], Path] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    protocols: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        return [*self.brackets, *self.curve, *self.final]

    def full_name(self, metric: str) -> str | None:
        """The metric with its protocol: `geneval.overall` as `geneval.overall@world-16x8-32px`."""
        rows = [*self.final, *self.brackets]
        return next((one.metric for one in rows if one.name == metric), None)

    def value(self, arm: str, seed: int, metric: str) -> Row | None:
        """A cell's final score, under the protocol of `full_name`."""
        wanted = (arm, seed, self.full_name(metric))
        return next((one for one in self.final if (one.arm, one.seed, one.metric) == wanted), None)

    def summaries_of(self, arm: str) -> list[dict[str, Any]]:
        """What training left of each of an arm's cells that has finished it."""
        return [summary for (name, _), summary in self.summaries.items() if name == arm]

    def right(self, arm: str, seed: int, benchmark: str) -> dict[str, bool]:
        """A cell's scored items, by name: whether each counted; none where nothing was scored."""
        path = self.items.get((arm, seed, benchmark))
        return {one["name"]: one["value"] > 0 for one in read_items(path)} if path else {}


def gather(plan: Plan, store: Store, problems: Mapping[str, str] | None = None) -> Gathered:
    """Reads the finished steps of every cell; `problems` maps a unit to why it failed."""
    found = Gathered(plan)
    runs = read_run_ids(store.runs / plan.request.run)
    for cell in plan.cells:
        note_problem(found, cell, (problems or {}).get(cell.label))
        gather_cell(found, cell, store, runs.get(cell.label, ""))
        if not found.brackets:
            found.brackets = bracket_rows(found, cell, store)
    return found


def note_problem(found: Gathered, cell: Cell, problem: str | None) -> None:
    """Adds what kept a cell from finishing to its arm's problems, with the seed."""
    if problem is not None:
        before = found.problems.get(cell.arm)
        text = f"{problem} (seed {cell.seed})"
        found.problems[cell.arm] = f"{before}; {text}" if before else text


def unfinished(plan: Plan, store: Store) -> dict[str, str]:
    """The first step that is missing of each cell, by the cell's label."""
    missing = {}
    for cell in plan.cells:
        for name, folder in cell.steps.items():
            if not store.exists(folder):
                missing.setdefault(cell.label, f"{name}: not run")
    return missing


def read_run_ids(folder: Path) -> Mapping[str, str]:
    """MLflow's run ids by cell, as the mirror noted them; none where its note cannot be read."""
    try:
        return json.loads((folder / RUN_IDS).read_text())["cells"]
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return {}


def gather_cell(found: Gathered, cell: Cell, store: Store, run_id: str) -> None:
    """Adds nothing of a cell whose training is missing: its scores were of weights now gone."""
    train = cell.steps["train"]
    if not store.exists(train):
        return
    summary = json.loads((store.path(train) / "summary.json").read_text())
    found.summaries[cell.arm, cell.seed] = summary
    for name, folder in cell.steps.items():
        if not store.exists(folder):
            continue
        origin = Origin(found, store, folder, cell, run_id)
        if name.startswith("score_"):
            (results,) = read_results(store.path(folder) / "results.json")
            found.final += origin.rows(results, summary["tokens"])
            found.items[cell.arm, cell.seed, results["benchmark"]] = (
                store.path(folder) / results["items"]
            )
        elif name == "curve":
            for results in read_results(store.path(folder) / "results.jsonl"):
                found.curve += origin.rows(results, results["tokens_seen"])


def bracket_rows(found: Gathered, cell: Cell, store: Store) -> list[Row]:
    """The rows of every step of brackets that has finished."""
    return [
        row
        for name, folder in cell.steps.items()
        if name.endswith("brackets") and store.exists(folder)
        for results in read_results(store.path(folder) / "results.jsonl")
        for row in Origin(found, store, folder, cell).rows(results, None, results["row"])
    ]


@dataclass(frozen=True)
class Origin:
    """Where a results object came from; makes its rows and notes its protocol."""

    found: Gathered
    store: Store
    folder: str
    cell: Cell
    run_id: str = ""

    def rows(self, results: dict[str, Any], tokens: int | None, bracket: str = "") -> Iterator[Row]:
        about = json.loads((self.store.path(self.folder) / MARKER).read_text())
        data = self.cell.steps["data"].rpartition("-")[2]
        protocol = f"{results['benchmark']}-{digest(results['protocol'])[:8]}"
        self.found.protocols[protocol] = results["protocol"]
        for name, metric in results["metrics"].items():
            low, high = metric.get("ci_low"), metric.get("ci_high")
            yield Row(
                suite=self.found.plan.request.suite,
                arm=bracket or self.cell.arm,
                seed=None if bracket else self.cell.seed,
                tokens_seen=tokens,
                benchmark=results["benchmark"],
                metric=name,
                value=metric["value"],
                stderr=None if None in (low, high) else (high - low) / (2 * NORMAL_95),
                ci_low=low,
                ci_high=high,
                n=metric["n"],
                higher_is_better=metric["higher_is_better"],
                protocol=protocol,
                judge=judge_name(results["protocol"]),
                config_hash="" if bracket else self.cell.config,
                data_hash="" if bracket else data,
                git_commit=short_commit(about.get("commit", "")),
                mlflow_run_id=self.run_id,
                source="measured",
            )


def short_commit(commit: str) -> str:
    """The first digits, with the mark of a tree that differs from it; the step has all of them."""
    name, dash, mark = commit.partition("-")
    return name[:COMMIT_DIGITS] + dash + mark


def judge_name(protocol: Mapping[str, Any]) -> str:
    """The judge's name, or that of what extracts features, or nothing where scoring needs none."""
    judge = protocol.get("judge", "")
    if isinstance(judge, Mapping):
        return str(judge.get("judge") or judge.get("extractor", ""))
    return str(judge)


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results of a .json file, or of each line of a .jsonl file; raises StepError that names
    the metric whose value is not finite."""
    lines = path.suffix == ".jsonl"
    found = read_lines(path) if lines else [json.loads(path.read_text())]
    for results in found:
        for name, metric in results["metrics"].items():
            require_finite(path, name, metric["value"])
    return found


def read_items(path: Path) -> list[dict[str, Any]]:
    """The scored items of a .jsonl file; raises StepError that names one that is not finite."""
    items = read_lines(path)
    for one in items:
        require_finite(path, f"item {one['name']}", one["value"])
    return items


def require_finite(path: Path, name: str, value: float) -> None:
    if not isfinite(value):
        raise StepError(f"{path} must hold finite values, got {value} of {name}.")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a .jsonl file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line]
