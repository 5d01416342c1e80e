"""The figure of each probe, as an SVG whose text is text; none where there is nothing to draw."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.probes.alignment import ALL, CKA, MUTUAL, WITHIN
from benchmarks.probes.gradients import PAIRS, WHOLE, WITHOUT_NOISE
from benchmarks.probes.interaction import MEAN
from benchmarks.probes.protocol import TASKS
from benchmarks.probes.routing import BOTH
from benchmarks.probes.tables import Row, Tables, column, observations, where
from benchmarks.records import whole_file

COLOURS = {
    "understand": "C0",
    "generate": "C1",
    BOTH: "C2",
    "tasks": "C3",
    "without_noise": "C4",
    "random_split": "C7",
}
PANEL = 3.4, 2.7
"""Width and height of a panel in inches."""
MEASURES = {
    (MUTUAL, ALL): "mutual neighbours",
    (MUTUAL, WITHIN): "within a prompt kind",
    (CKA, ALL): "linear CKA",
}
EXPLAINED = "explained_by_"
Rows = Sequence[Row]
Scale = tuple[float, float, str]
"""Least and greatest value, and the colours between them."""


def panels(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    """Return a figure and its panels, [rows, columns]."""
    size = PANEL[0] * columns, PANEL[1] * rows
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def by_layer(axis: Axes, title: str) -> None:
    """Label a panel whose horizontal axis is the layer."""
    axis.set_title(title, fontsize=9)
    axis.set_xlabel("layer", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(alpha=0.3)


def line(axis: Axes, rows: Rows, value: str, style: str, **look: Any) -> None:
    """Draw a column of rows over the layers that have it."""
    known = [row for row in rows if row[value] is not None]
    if known:
        axis.plot(column(known, "layer"), column(known, value), style, **look)


def heat_map(axis: Axes, rows: Rows, names: tuple[str, str], title: str, scale: Scale) -> None:
    """Draw cells by layer; `names` are the columns of what stands upwards and of the value."""
    layers = sorted({row["layer"] for row in rows})
    upwards = sorted({row[names[0]] for row in rows})
    cells = np.full((len(upwards), len(layers)), np.nan)
    for row in rows:
        cells[upwards.index(row[names[0]]), layers.index(row["layer"])] = row[names[1]]
    low, high, colours = scale
    shown = axis.imshow(cells, aspect="auto", vmin=low, vmax=high, cmap=colours)
    axis.set_xticks(range(len(layers)), [str(one) for one in layers], fontsize=7)
    axis.set_yticks(range(len(upwards)), [str(one) for one in upwards], fontsize=7)
    axis.set_title(title, fontsize=9)
    axis.set_xlabel("layer", fontsize=8)
    axis.set_ylabel(names[0], fontsize=8)
    assert isinstance(axis.figure, Figure)
    axis.figure.colorbar(shown, ax=axis).ax.tick_params(labelsize=7)


def draw_alignment(rows: Rows) -> Figure:
    """Draw a row of panels for each set of pictures and a panel for each measure."""
    sets = list(dict.fromkeys(column(rows, "images")))
    figure, axes = panels(len(sets), len(MEASURES))
    for row, images in zip(axes, sets, strict=True):
        for axis, ((measure, scope), title) in zip(row, MEASURES.items(), strict=True):
            chosen = where(rows, images=images, measure=measure, scope=scope)
            for task in TASKS:
                found, look = where(chosen, task=task), {"color": COLOURS[task]}
                line(axis, found, "value", "o-", ms=3, label=task, **look)
                line(axis, found, "untrained", "--", lw=1, **look)
                line(axis, found, "permuted_high", ":", lw=1, color="grey")
            by_layer(axis, f"{images} images: {title}")
            axis.set_ylim(bottom=0)
    axes[0, 0].plot([], [], "--", lw=1, color="black", label="untrained")
    axes[0, 0].plot([], [], ":", lw=1, color="grey", label="permuted, 95%")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, loc="outside lower center", ncols=len(labels))
    return figure


def draw_interaction(rows: Rows) -> Figure:
    """Draw both tasks' curves, and a map of layers and heads for each task."""
    tasks = [task for task in TASKS if where(rows, task=task)]
    figure, axes = panels(1, 1 + len(tasks))
    for task in tasks:
        mean, look = where(rows, task=task, head=MEAN), {"color": COLOURS[task]}
        line(axes[0, 0], mean, "mass", "o-", ms=3, label=task, **look)
        line(axes[0, 0], mean, "excess", "--", lw=1, **look)
    axes[0, 0].plot([], [], "--", lw=1, color="black", label="minus uniform")
    axes[0, 0].axhline(0, lw=0.8, color="grey")
    axes[0, 0].legend(fontsize=7)
    by_layer(axes[0, 0], "attention on the other modality")
    for axis, task in zip(axes[0, 1:], tasks, strict=True):
        heads = [row for row in where(rows, task=task) if row["head"] != MEAN]
        heat_map(axis, heads, ("head", "mass"), f"{task}: mass by head", (0.0, 1.0, "viridis"))
    return figure


def draw_gradients(rows: Rows) -> Figure:
    """Draw the cosines by layer, and the tasks' without noise by matrix."""
    rows = [row for row in rows if row["layer"] != WHOLE]
    figure, axes = panels(1, 2)
    for pair in (*PAIRS, WITHOUT_NOISE):
        found = where(rows, projection=WHOLE, pair=pair)
        look = {"color": COLOURS[pair], "lw": 1.8 if pair == WITHOUT_NOISE else 1.0}
        line(axes[0, 0], found, "cosine", "o-", ms=3, label=pair.replace("_", " "), **look)
    axes[0, 0].axhline(0, lw=0.8, color="grey")
    axes[0, 0].legend(fontsize=7)
    by_layer(axes[0, 0], "cosine of two gradients")
    pure = where(rows, pair=WITHOUT_NOISE)
    furthest = max((abs(row["cosine"]) for row in pure), default=1.0)
    scale = (-furthest, furthest, "RdBu")
    heat_map(axes[0, 1], pure, ("projection", "cosine"), "tasks without noise", scale)
    return figure


def draw_routing(rows: Rows) -> Figure:
    """Draw each task's load, the balance, and what explains the choices."""
    tasks = [task for task in TASKS if where(rows, task=task)]
    figure, axes = panels(1, 2 + len(tasks))
    for axis, task in zip(axes[0], tasks, strict=False):
        loads = where(rows, task=task, measure="load")
        scale = 0.0, max(column(loads, "value")), "viridis"
        heat_map(axis, loads, ("expert", "value"), f"{task}: load by expert", scale)
    balance, causes = axes[0, len(tasks) :]
    for task in tasks:
        for name, style in (("entropy", "-"), ("group_accuracy", "--")):
            found = where(rows, task=task, measure=name)
            label = f"{task}: {name}".replace("_", " ")
            line(balance, found, "value", style, color=COLOURS[task], label=label)
    whole = BOTH if len(tasks) > 1 else tasks[0]
    for number, name in enumerate(("task", "modality", "word")):
        found = where(rows, task=whole, measure=EXPLAINED + name)
        line(causes, found, "value", "o-", ms=3, color=f"C{number}", label=name)
        line(causes, found, "shuffled", ":", lw=1, color=f"C{number}")
    causes.plot([], [], ":", lw=1, color="black", label="shuffled")
    for axis, title in ((balance, "balance"), (causes, "share of the choice explained by")):
        axis.set_ylim(-0.03, 1.03)
        axis.legend(fontsize=7)
        by_layer(axis, title)
    return figure


DRAWINGS: dict[str, Callable[[Rows], Figure]] = {
    "alignment": draw_alignment,
    "interaction": draw_interaction,
    "gradients": draw_gradients,
    "routing": draw_routing,
}


def write_figure(probe: str, tables: Tables, folder: Path) -> None:
    """Write `<probe>.svg`; nothing where no row is an observation."""
    rows = observations(tables[probe])
    if not rows:
        return
    figure = DRAWINGS[probe](rows)
    with (
        whole_file(folder / f"{probe}.svg") as partial,
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": probe}),
    ):
        figure.savefig(partial, format="svg", metadata={"Date": None})
