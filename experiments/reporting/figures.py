"""The report's figures as inline SVG; its text is text, which matplotlib escapes.

Drawn as paths, the letters would be most of the page.
"""

import io
from collections.abc import Mapping, Sequence
from statistics import fmean

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.evidence.collect import Gathered, Row
from experiments.evidence.scores import BRACKETS, Score, Standing, axes

MARKERS = "osD^vPX*<>h8"
BRACKET_STYLES = dict(zip(BRACKETS, ("--", "-.", ":", (0, (1, 4))), strict=True))


def to_svg(figure: Figure) -> str:
    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):
        figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    text = out.getvalue()
    return text[text.index("<svg") :]


def styles(arms: Sequence[str]) -> dict[str, dict[str, object]]:
    """One colour and one marker an arm, the same in every figure."""
    return {
        arm: {"color": f"C{index % 10}", "marker": MARKERS[index % len(MARKERS)]}
        for index, arm in enumerate(arms)
    }


def pareto_plot(found: Gathered, rows: Sequence[Standing]) -> str | None:
    """Understanding against generation with intervals, or None where nothing was scored.

    An arm of one task is a line at its score.
    """
    by = axes(found)
    if not {"understand", "generate"} <= by.keys():
        return None
    across, up = by["understand"], by["generate"]
    shown = {across.metric, up.metric}
    arms = [row for row in rows if row.n_seeds is not None and shown & row.scores.keys()]
    if not arms:
        return None
    figure, axis = plt.subplots(figsize=(5.2, 3.6))
    look = styles(found.plan.arms)
    for row in arms:
        x, y = (row.scores.get(one.metric) for one in (across, up))
        draw_arm(axis, row, x, y, look[row.arm])
    axis.set_xlabel(f"understanding: {across.name}")
    axis.set_ylabel(f"generation: {up.name}")
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    axis.grid(alpha=0.3)
    return to_svg(figure)


def draw_arm(
    axis: Axes, row: Standing, x: Score | None, y: Score | None, look: Mapping[str, object]
) -> None:
    if x is not None and y is not None:
        axis.errorbar(
            x.value, y.value, xerr=half_widths(x), yerr=half_widths(y), label=row.arm, ls="", **look
        )
    elif x is not None:
        axis.axvline(x.value, color=look["color"], ls="--", label=f"{row.arm} (no drawing)")
    elif y is not None:
        axis.axhline(y.value, color=look["color"], ls="--", label=f"{row.arm} (no answers)")


def half_widths(score: Score) -> list[list[float]] | None:
    """What matplotlib wants of an interval: distances below and above."""
    if score.ci_low is None or score.ci_high is None:
        return None
    return [[max(0.0, score.value - score.ci_low)], [max(0.0, score.ci_high - score.value)]]


def curve_plots(found: Gathered) -> list[str]:
    """Each headline metric over tokens, an arm a line (mean over seeds); last, their legend."""
    look = styles(found.plan.arms)
    plots, legend = [], {}
    for row in headline_rows(found):
        figure, axis = plt.subplots(figsize=(4.2, 2.8))
        draw_curves(axis, found, row, look)
        handles, labels = axis.get_legend_handles_labels()
        legend |= dict(zip(labels, handles, strict=True))
        plots.append(to_svg(figure))
    if plots:
        figure = plt.figure(figsize=(4.2, 0.3))
        figure.legend(legend.values(), legend.keys(), loc="center", ncols=3, fontsize=8)
        plots.append(to_svg(figure))
    return plots


def headline_rows(found: Gathered) -> list[Row]:
    """One row of each headline metric that has a curve."""
    wanted = [metric for some in found.plan.suite["headline"].values() for metric in some]
    rows = {row.name: row for row in found.curve}
    return [rows[metric] for metric in wanted if metric in rows]


def draw_curves(
    axis: Axes, found: Gathered, shown: Row, look: Mapping[str, Mapping[str, object]]
) -> None:
    """The metric that `shown` is a row of."""
    curve = [row for row in found.curve if row.metric == shown.metric]
    for arm, style in look.items():
        if rows := [row for row in curve if row.arm == arm]:
            axis.plot(*mean_curve(rows), label=arm, markersize=4, **style)
    for row in found.brackets:
        if row.metric == shown.metric:
            axis.axhline(row.value, color="grey", lw=0.8, ls=BRACKET_STYLES[row.arm], label=row.arm)
    axis.set_title(shown.name, fontsize=9)
    axis.set_xlabel("tokens seen", fontsize=8)
    axis.grid(alpha=0.3)


def mean_curve(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    """The means over seeds of the k-th token counts, which differ a little, and of the values."""
    seeds: dict[int | None, list[tuple[int, float]]] = {}
    for row in rows:
        seeds.setdefault(row.seed, []).append((row.tokens_seen or 0, row.value))
    points = zip(*map(sorted, seeds.values()), strict=False)
    means = [tuple(map(fmean, zip(*point, strict=True))) for point in points]
    return [tokens for tokens, _ in means], [value for _, value in means]
