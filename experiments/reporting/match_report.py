"""What each arm cost, beside its scores: whether the arms were matched, and in what."""

from collections.abc import Sequence

from experiments.evidence.collect import Gathered
from experiments.evidence.scores import Standing, mean_of
from experiments.reporting.leaderboard import scaled

COLUMNS = {
    "params_total": ("parameters (M)", 1e6),
    "params_active_understand": ("active, understand (M)", 1e6),
    "params_active_generate": ("active, generate (M)", 1e6),
    "params_trainable": ("trainable (M)", 1e6),
    "train_flops": ("training PFLOP", 1e15),
    "tokens_seen": ("tokens (M)", 1e6),
    "sequences_understand": ("sequences, understand (k)", 1e3),
    "sequences_generate": ("sequences, generate (k)", 1e3),
    "wall_time_s": ("minutes", 60),
    "peak_memory_bytes": ("peak memory (GiB)", 2**30),
}
"""A column's title and unit."""


def match_table(found: Gathered, rows: Sequence[Standing]) -> list[tuple[str, list[str]]]:
    """An arm and its costs as text, each with its ratio to the control's."""
    costs = {row.arm: arm_costs(found, row) for row in rows if row.n_seeds is not None}
    control = costs.get(found.plan.suite["control"], {})
    return [
        (arm, [shown(own[name], control.get(name), unit) for name, (_, unit) in COLUMNS.items()])
        for arm, own in costs.items()
    ]


def arm_costs(found: Gathered, row: Standing) -> dict[str, float | None]:
    """Sequences are counted by task; None is missing."""
    summaries = found.summaries_of(row.arm)
    sequences = {
        f"sequences_{task}": mean_of(summaries, ("sequences", task))
        for task in ("understand", "generate")
    }
    return {**row.costs, **sequences}


def shown(value: float | None, control: float | None, unit: float) -> str:
    text = scaled(value, unit)
    return f"{text} ({value / control:.2f}x)" if value is not None and control else text
