"""What a ladder found: its rows, its figure, and whether the difference changes with width."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import matplotlib

matplotlib.use("svg")

import numpy as np
from matplotlib import pyplot as plt

from experiments.evidence.collect import Gathered
from experiments.evidence.scores import mean_of
from experiments.evidence.statistics import (
    BETTER,
    EQUIVALENT,
    MINIMUM_SEEDS,
    TOO_FEW_SEEDS,
    WORSE,
    seeds_difference,
    verdict,
)
from experiments.evidence.verdicts import verdict_of
from experiments.planning.claims import Claim
from experiments.reporting.figures import to_svg
from experiments.reporting.leaderboard import to_csv

TREND_WORDS = {BETTER: "rises", WORSE: "falls", EQUIVALENT: "holds"}


@dataclass(frozen=True, kw_only=True)
class RungRow:
    """The columns of ladder.csv. The difference is over seeds where there are enough, and over the
    items of these checkpoints otherwise, as `basis` says; None is missing."""

    suite: str
    claim: str
    preset: str
    width: int
    tokens_share: float
    params_control: float | None
    tokens_control: float | None
    n_seeds: int
    basis: str
    difference: float | None
    low: float | None
    high: float | None
    items: str
    seeds: str
    missing: str


COLUMNS = tuple(field.name for field in fields(RungRow))


def rung_row(found: Gathered, width: int, tokens_share: float, claim: Claim) -> RungRow:
    one = verdict_of(found, claim)
    shown = one.by_seeds or one.by_items
    control = found.summaries_of(claim.against)
    return RungRow(
        suite=found.plan.request.suite,
        claim=claim.id,
        preset=found.plan.request.preset,
        width=width,
        tokens_share=tokens_share,
        params_control=mean_of(control, ("parameters", "total")),
        tokens_control=mean_of(control, ("tokens",)),
        n_seeds=len(one.differences),
        basis="seeds" if one.by_seeds else "items" if one.by_items else "",
        difference=shown.value if shown else None,
        low=shown.low if shown else None,
        high=shown.high if shown else None,
        items=one.items,
        seeds=one.seeds,
        missing="; ".join(one.missing),
    )


def slopes(by_width: Mapping[int, Mapping[int, float]]) -> list[float]:
    """For each seed that every width has, the slope of its difference on the width's logarithm to
    base 2: the change with a doubling of the width."""
    seeds = set.intersection(*(set(one) for one in by_width.values()))
    across = [math.log2(width) for width in by_width]
    return [
        float(np.polyfit(across, [one[seed] for one in by_width.values()], 1)[0])
        for seed in sorted(seeds)
    ]


def trend(by_width: Mapping[int, Mapping[int, float]], claim: Claim) -> str:
    """Whether the difference falls, rises or holds as the trunk widens, and what was expected.

    The test is the claim's own, a paired t over seeds; the margin is the claim's a doubling.
    """
    values = slopes(by_width)
    if len(values) < MINIMUM_SEEDS:
        return f"With width: {TOO_FEW_SEEDS} ({len(values)}); expected: {claim.with_width}."
    found = seeds_difference(values)
    word = verdict(found, claim.margin)
    return (
        f"With width: {TREND_WORDS.get(word, word)} ({found.value:+.3f} a doubling "
        f"[{found.low:+.3f}, {found.high:+.3f}], {len(values)} seeds); "
        f"expected: {claim.with_width}."
    )


def travels(rows: Sequence[RungRow]) -> str:
    """How often each verdict occurs over the rungs: description, without a test of its own."""
    words = [row.seeds for row in rows]
    counted = ", ".join(f"{word} at {words.count(word)}" for word in dict.fromkeys(words))
    same = "the same verdict at every rung" if len(set(words)) == 1 else "it does not travel"
    return f"Over {len(rows)} rungs: {counted} ({same})."


def ladder_csv(rows: Sequence[RungRow]) -> str:
    return to_csv(COLUMNS, (asdict(row) for row in rows))


def curve(rows: Iterable[RungRow]) -> np.ndarray:
    """Size, difference and how far its interval reaches below and above, [4, rungs] by size; rungs
    without a difference are left out."""
    found = ((row.params_control, row.difference, row.low, row.high) for row in rows)
    shown = sorted(one for one in found if None not in one)
    size, value, low, high = np.array(shown, dtype=float).reshape(-1, 4).T
    return np.stack([size, value, value - low, high - value])


def ladder_figure(rows: Sequence[RungRow], claim: Claim) -> str:
    """The difference with its interval against the control's parameters, a line a token budget, as
    SVG."""
    figure, axis = plt.subplots(figsize=(6.5, 4))
    for share in dict.fromkeys(row.tokens_share for row in rows):
        size, value, *bars = curve(row for row in rows if row.tokens_share == share)
        if len(size):
            label = f"{share:.3g} of the preset's steps"
            axis.errorbar(size, value, yerr=bars, label=label, marker="o", capsize=3)
    axis.axhline(0, color="grey", lw=0.8)
    for margin in (-claim.margin, claim.margin):
        axis.axhline(margin, color="grey", lw=0.8, ls=":")
    sizes = sorted({row.params_control for row in rows if row.params_control})
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size / 1e6:.3g}" for size in sizes])
    axis.minorticks_off()
    axis.set_xlabel(f"parameters of {claim.against} (M)")
    axis.set_ylabel(f"{claim.arm} minus {claim.against}\n{claim.metric}")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    return to_svg(figure)
