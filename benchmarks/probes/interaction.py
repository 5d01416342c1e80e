"""How much attention goes from one modality to the other, by layer, head and task.

The mass on the other modality's keys, mean over queries, heads and samples, is the interaction
intensity of Attention Interaction Alignment (arXiv 2511.22663). A long prompt takes a larger share
by its length alone, so the mass stands beside what is left of it once uniform attention is taken
off. The paper says that the tasks' curves are negatively correlated, and that they come nearer to
those of single-task models the more an architecture decouples: `correlation` and `distance`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks.probes.protocol import (
    TASKS,
    Inspectable,
    Masses,
    NotApplicableError,
    Sample,
    Task,
)
from benchmarks.probes.tables import NOTE, Row, where

RESAMPLES = 1000
INTERVAL = (2.5, 97.5)
MEAN = "mean"
"""The head that stands for the mean over all."""


def layer_rows(masses: Masses) -> list[Row]:
    """Return a row a layer and head, and one for the mean over heads.

    `deviation` is the standard deviation over samples.
    """
    heads: dict[int | str, np.ndarray] = {MEAN: masses.found.mean(2)}
    heads |= {head + 1: masses.found[:, :, head] for head in range(masses.found.shape[2])}
    uniform = float(masses.uniform.mean())
    return [
        {
            "layer": layer + 1,
            "head": head,
            "mass": found[layer].mean(),
            "excess": found[layer].mean() - uniform,
            "uniform": uniform,
            "deviation": found[layer].std(),
        }
        for head, found in heads.items()
        for layer in range(len(found))
    ]


def correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Return Pearson's correlation of two curves over the layers; None for a flat one."""
    if not (np.ptp(first) and np.ptp(second)):
        return None
    spread = first.std() * second.std()
    return float(np.mean((first - first.mean()) * (second - second.mean())) / spread)


def distance(curve: np.ndarray, control: np.ndarray) -> float:
    """Return the mean absolute difference of two curves, the control's at the relative depths of
    the curve's layers.
    """
    depth = (np.arange(len(curve)) + 1) / len(curve)
    known = (np.arange(len(control)) + 1) / len(control)
    return float(np.abs(curve - np.interp(depth, known, control)).mean())


def task_correlation(found: Mapping[Task, Masses]) -> list[Row]:
    """Return the correlation of the two tasks' curves with a 95% interval; no row for one task.

    The samples, which both tasks see, are drawn anew RESAMPLES times. Uniform attention is alike in
    all layers: it changes no correlation.
    """
    if not all(task in found for task in TASKS):
        return []
    random = np.random.default_rng(0)
    first, second = (found[task].found.mean(2) for task in TASKS)
    value = correlation(first.mean(1), second.mean(1))
    picks = random.integers(first.shape[1], size=(RESAMPLES, first.shape[1]))
    drawn = (correlation(first[:, pick].mean(1), second[:, pick].mean(1)) for pick in picks)
    known = [one for one in drawn if one is not None]
    low, high = np.percentile(known, INTERVAL) if known else (None, None)
    return [{"correlation": value, "low": low, "high": high}]


def interaction(model: Inspectable, samples: Sequence[Sample]) -> dict[str, list[Row]]:
    """Return the tables `interaction` (by layer and head) and `interaction_correlation`."""
    rows: list[Row] = []
    found: dict[Task, Masses] = {}
    for task in TASKS:
        about = {"task": task, "samples": len(samples)}
        try:
            found[task] = model.masses(samples, task)
        except NotApplicableError as error:
            rows.append({**about, NOTE: str(error)})
            continue
        rows += [{**about, **row} for row in layer_rows(found[task])]
    return {"interaction": rows, "interaction_correlation": task_correlation(found)}


def mean_curve(rows: Iterable[Row], task: Task) -> np.ndarray | None:
    """Return the mass by layer of a written table `interaction`; None where the task has none."""
    chosen = where(rows, task=task, head=MEAN)
    return np.array([float(row["mass"]) for row in chosen]) if chosen else None


def control_distances(arms: Mapping[str, Sequence[Row]], controls: Mapping[Task, str]) -> list[Row]:
    """Return the distance of every arm's curves from those of the task's control.

    `arms` holds the written tables `interaction`; `controls` names the arm that trains one task
    alone. An arm or a control without a curve has no row.
    """
    rows = []
    for arm, table in arms.items():
        for task, control in controls.items():
            curve, aim = mean_curve(table, task), mean_curve(arms.get(control, ()), task)
            if arm != control and curve is not None and aim is not None:
                about = {"arm": arm, "task": task, "control": control}
                rows.append({**about, "distance": distance(curve, aim)})
    return rows
