"""Which tokens meet which experts, by layer.

`load` is an expert's share of the choices; `entropy` is the load's, over the most that it can be;
`dead` counts the experts with less than DEAD_SHARE of an even load; `group_accuracy` is the share
of choices inside the task's own group. Specialisation is how much of the choice a token's task,
modality or word explains: the information that they share, over the most that any label could have,
from 0 (the router does not look) to 1 (it looks at nothing else). Of the choice's entropy no label
explains which of its own k experts a choice of a token is: log k. Many words explain something by
chance: `shuffled` is what they explain once they have changed places.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.probes.protocol import (
    TASKS,
    Choices,
    Inspectable,
    NotApplicableError,
    Sample,
    Task,
)
from benchmarks.probes.tables import NOTE, Row

DEAD_SHARE = 0.01
NOTHING = 1e-9
"""An entropy in nats that rounding alone may leave."""
BOTH = "both"
"""Stands for the tokens of all tasks together."""


def load(chosen: np.ndarray, experts: int) -> np.ndarray:
    """Return each expert's share of the choices, [experts]."""
    return np.bincount(chosen.ravel(), minlength=experts) / chosen.size


def entropy(shares: np.ndarray) -> float:
    """Return the entropy of shares in nats."""
    used = shares[shares > 0]
    return float(-(used * np.log(used)).sum())


def dead(shares: np.ndarray) -> int:
    """Return how many experts hardly a token chooses."""
    return int((shares < DEAD_SHARE / len(shares)).sum())


def explained(chosen: np.ndarray, labels: np.ndarray) -> float | None:
    """Return how much of the choices [tokens, k] the labels [tokens] explain, in [0, 1], a token's
    choices being distinct.

    None where all tokens choose alike: there is nothing to explain.
    """
    _, codes = np.unique(labels, return_inverse=True)
    experts = int(chosen.max()) + 1
    cells = codes[:, None] * experts + chosen
    counts = np.bincount(cells.ravel(), minlength=(codes.max() + 1) * experts)
    joint = counts.reshape(-1, experts) / cells.size
    free = entropy(joint.sum(0))
    explainable = free - np.log(chosen.shape[1])
    if explainable < NOTHING:
        return None
    bound = entropy(joint.ravel()) - entropy(joint.sum(1))
    return float(np.clip((free - bound) / explainable, 0, 1))


def balance_rows(choices: Choices, task: str) -> list[Row]:
    """Return load, entropy and dead experts of every layer, and group accuracy within a task."""
    count = len(choices.group)
    own = np.array([group == task for group in choices.group])
    rows: list[Row] = []
    for layer, chosen in enumerate(choices.experts, start=1):
        shares = load(chosen, count)
        found = {
            "entropy": entropy(shares) / np.log(count) if count > 1 else None,
            "dead": dead(shares),
        }
        if task in TASKS:
            found["group_accuracy"] = own[chosen].mean()
        rows += [
            {"layer": layer, "measure": "load", "expert": expert + 1, "value": share}
            for expert, share in enumerate(shares)
        ]
        rows += [{"layer": layer, "measure": name, "value": v} for name, v in found.items()]
    return rows


def special_rows(experts: np.ndarray, labels: Mapping[str, np.ndarray]) -> list[Row]:
    """Return how much each of the labels explains in every layer, `experts` as in Choices."""
    random = np.random.default_rng(0)
    rows: list[Row] = []
    for name, words in labels.items():
        shuffled = random.permutation(words)
        for layer, chosen in enumerate(experts, start=1):
            value, chance = explained(chosen, words), explained(chosen, shuffled)
            about = {"layer": layer, "measure": f"explained_by_{name}"}
            rows.append({**about, "value": value, "shuffled": chance})
    return rows


def together(found: Mapping[Task, Choices]) -> Choices:
    """Return the choices of both tasks' tokens, one task after the other."""
    return Choices(
        np.concatenate([one.experts for one in found.values()], axis=1),
        np.concatenate([one.modality for one in found.values()]),
        np.concatenate([one.word for one in found.values()]),
        next(iter(found.values())).group,
    )


def task_rows(choices: Choices, task: str, labels: Mapping[str, np.ndarray]) -> list[Row]:
    """Return all that is to be said of a task's tokens, or of BOTH's."""
    labels = {**labels, "modality": choices.modality, "word": choices.word}
    rows = balance_rows(choices, task) + special_rows(choices.experts, labels)
    return [{"task": task, **row} for row in rows]


def routing(model: Inspectable, samples: Sequence[Sample]) -> dict[str, list[Row]]:
    """Return the table `routing`; one row says so where nothing is routed."""
    rows: list[Row] = []
    found: dict[Task, Choices] = {}
    for task in TASKS:
        try:
            found[task] = model.choices(samples, task)
        except NotApplicableError as error:
            rows.append({"task": task, NOTE: str(error)})
            continue
        rows += task_rows(found[task], task, {})
    if len(found) == len(TASKS):
        owners = [np.full(len(one.word), task) for task, one in found.items()]
        rows += task_rows(together(found), BOTH, {"task": np.concatenate(owners)})
    return {"routing": rows}
