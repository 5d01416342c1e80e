"""Planted scores of a suite of arms by seed, and the items behind them."""

import json
from pathlib import Path

from experiments.evidence.collect import Gathered, Row
from experiments.planning.plan import Cell, Plan, Request

METRIC = "geneval.overall"
NAME = f"{METRIC}@world"
CLAIM = {"id": "one", "text": "The fork draws better.", "arm": "fork", "against": "control"}
CLAIM |= {"metric": METRIC}
VALUES = {"control": [0.50, 0.51, 0.49, 0.50, 0.52], "fork": [0.70, 0.72, 0.69, 0.70, 0.73]}


def row(arm: str, seed: int, value: float, tokens: int = 500, name: str = NAME) -> Row:
    about = dict.fromkeys(("judge", "config_hash", "data_hash", "git_commit", "mlflow_run_id"), "")
    return Row(
        suite="toy",
        arm=arm,
        seed=seed,
        tokens_seen=tokens,
        benchmark=name.partition(".")[0],
        metric=name,
        value=value,
        stderr=None,
        ci_low=None,
        ci_high=None,
        n=10,
        higher_is_better=True,
        protocol="{}",
        source="measured",
        **about,
    )


def gathered(values: dict[str, list[float]], *claims: dict, inherits: tuple = ()) -> Gathered:
    """A suite whose arms have these scores, one a seed."""
    seeds = tuple(range(max(map(len, values.values()))))
    cells = tuple(
        Cell(arm, seed, arm, ("generate",), inherits if arm == "fork" else (), "", {})
        for arm in values
        for seed in seeds
    )
    suite = {"control": "control", "headline": {"generate": [METRIC]}, "match": "none"}
    request = Request("toy", "tiny", seeds=seeds)
    plan = Plan(request, suite, claims or (CLAIM,), "hash", "", {}, "", cells, {}, {}, {})
    found = Gathered(plan)
    found.final = [row(a, seed, v) for a, some in values.items() for seed, v in enumerate(some)]
    return found


def add_items(found: Gathered, folder: Path, arm: str, right: list[float]) -> None:
    """Scored items of the arm's first seed, two to a cluster."""
    path = folder / f"{arm}.jsonl"
    lines = [
        {"name": f"{i}", "cluster": f"{i // 2}", "stratum": "s", "column": None, "value": value}
        for i, value in enumerate(right)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found.items[arm, 0, "geneval"] = path
