"""The figure of each probe, as an SVG whose text is text; None where there is nothing to draw."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.probes.gradients import WHOLE
from benchmarks.probes.interaction import MEAN
from benchmarks.probes.protocol import TASKS
from benchmarks.probes.routing import BOTH
from benchmarks.probes.tables import NOTE, Row, Tables, frame
from benchmarks.records import whole_file

COLOURS = {"understand": "C0", "generate": "C1", BOTH: "C2", "tasks": "C3", "random_split": "C7"}
PANEL = 3.4, 2.7
"""Width and height of a panel in inches."""
MEASURES = {
    ("mutual_knn", "all"): "mutual nearest neighbours",
    ("mutual_knn", "within_kind"): "the same within a prompt kind",
    ("linear_cka", "all"): "linear CKA",
}
EXPLAINED = "explained_by_"


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
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)


def draw_alignment(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw a row of panels for each set of pictures and a panel for each measure."""
    table = tables["alignment"]
    sets = list(dict.fromkeys(table["images"]))
    figure, axes = panels(len(sets), len(MEASURES))
    for row, images in zip(axes, sets, strict=True):
        for axis, (key, title) in zip(row, MEASURES.items(), strict=True):
            chosen = table[
                (table["images"] == images) & (table["measure"] == key[0]) & (table["scope"] == key[1])
            ]
            for task, lines in chosen.groupby("task", sort=False):
                colour = COLOURS[str(task)]
                axis.plot(lines["layer"], lines["value"], "o-", ms=3, color=colour, label=task)
                axis.plot(lines["layer"], lines["untrained"], "--", lw=1, color=colour)
                axis.plot(lines["layer"], lines["permuted_high"], ":", lw=1, color="grey")
            by_layer(axis, f"{images} images: {title}")
            axis.set_ylim(bottom=0)
    axes[0, 0].plot([], [], "--", lw=1, color="black", label="untrained")
    axes[0, 0].plot([], [], ":", lw=1, color="grey", label="permuted, 95%")
    axes[0, 0].legend(fontsize=7)
    return figure


def draw_interaction(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw both tasks' curves, and a map of layers and heads for each task."""
    table = tables["interaction"]
    tasks = [task for task in TASKS if (table["task"] == task).any()]
    figure, axes = panels(1, 1 + len(tasks))
    for task in tasks:
        mean = table[(table["task"] == task) & (table["head"] == MEAN)]
        axes[0, 0].plot(mean["layer"], mean["mass"], "o-", ms=3, color=COLOURS[task], label=task)
        axes[0, 0].plot(mean["layer"], mean["excess"], "--", lw=1, color=COLOURS[task])
    axes[0, 0].plot([], [], "--", lw=1, color="black", label="minus uniform")
    axes[0, 0].axhline(0, lw=0.8, color="grey")
    axes[0, 0].legend(fontsize=7)
    by_layer(axes[0, 0], "attention on the other modality")
    for axis, task in zip(axes[0, 1:], tasks, strict=True):
        heads = table[(table["task"] == task) & (table["head"] != MEAN)]
        grid = heads.assign(head=heads["head"].astype(int)).pivot(
            index="head", columns="layer", values="mass"
        )
        heat_map(figure, axis, grid, f"{task}: mass by head", (0.0, 1.0, "viridis"))
    return figure


def heat_map(
    figure: Figure, axis: Axes, grid: pd.DataFrame, title: str, scale: tuple[float, float, str]
) -> None:
    """Draw a table [rows, layers]; `scale` is its least and greatest value and the colours."""
    low, high, colours = scale
    shown = axis.imshow(grid.to_numpy(), aspect="auto", vmin=low, vmax=high, cmap=colours)
    axis.set_xticks(range(grid.shape[1]), [str(one) for one in grid.columns], fontsize=7)
    axis.set_yticks(range(grid.shape[0]), [str(one) for one in grid.index], fontsize=7)
    axis.set_title(title, fontsize=9)
    axis.set_xlabel("layer", fontsize=8)
    figure.colorbar(shown, ax=axis).ax.tick_params(labelsize=7)


def draw_gradients(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the cosines by layer, and of the tasks by layer and projection."""
    table = tables["gradients"]
    table = table[table["layer"] != WHOLE].assign(layer=lambda one: one["layer"].astype(int))
    figure, axes = panels(1, 2)
    whole = table[table["projection"] == WHOLE]
    for pair, lines in whole.groupby("pair", sort=False):
        look = {"color": COLOURS[str(pair)], "lw": 1.8 if pair == "tasks" else 1}
        label = str(pair).replace("_", " ")
        axes[0, 0].errorbar(lines["layer"], lines["cosine"], lines["stderr"], label=label, **look)
    axes[0, 0].axhline(0, lw=0.8, color="grey")
    axes[0, 0].legend(fontsize=7)
    by_layer(axes[0, 0], "cosine of two gradients")
    apart = table[(table["projection"] != WHOLE)]
    wide = apart.pivot(index=["projection", "layer"], columns="pair", values="cosine")
    lower = (wide["tasks"] - wide["random_split"]).unstack("layer")
    heat_map(figure, axes[0, 1], lower, "tasks minus random split", (-1.0, 1.0, "RdBu"))
    return figure


def draw_routing(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each task's load, what explains the choices, and entropy with group accuracy."""
    table = tables["routing"]
    tasks = [task for task in TASKS if (table["task"] == task).any()]
    figure, axes = panels(1, 2 + len(tasks))
    for axis, task in zip(axes[0], tasks, strict=False):
        chosen = table[(table["task"] == task) & (table["measure"] == "load")]
        grid = chosen.assign(expert=chosen["expert"].astype(int)).pivot(
            index="expert", columns="layer", values="value"
        )
        heat_map(figure, axis, grid, f"{task}: load by expert", (0.0, grid.max().max(), "viridis"))
    balance, causes = axes[0, len(tasks) :]
    for (task, name), lines in table.groupby(["task", "measure"], sort=False):
        if name in ("entropy", "group_accuracy"):
            style = "-" if name == "entropy" else "--"
            label = f"{task}: {name}".replace("_", " ")
            balance.plot(lines["layer"], lines["value"], style, color=COLOURS[task], label=label)
        elif name.startswith(EXPLAINED) and task == (BOTH if len(tasks) > 1 else tasks[0]):
            line = causes.plot(lines["layer"], lines["value"], label=name.removeprefix(EXPLAINED))
            causes.plot(lines["layer"], lines["shuffled"], ":", color=line[0].get_color())
    for axis, title in ((balance, "balance"), (causes, "share of the choice explained")):
        axis.set_ylim(-0.03, 1.03)
        axis.legend(fontsize=7)
        by_layer(axis, title)
    return figure


DRAWINGS: dict[str, Callable[[Mapping[str, pd.DataFrame]], Figure]] = {
    "alignment": draw_alignment,
    "interaction": draw_interaction,
    "gradients": draw_gradients,
    "routing": draw_routing,
}


def write_figure(probe: str, tables: Tables, folder: Path) -> None:
    """Write `<probe>.svg`; nothing where no row is an observation."""
    observed = {name: observations(rows) for name, rows in tables.items()}
    if not observed[probe]:
        return
    figure = DRAWINGS[probe]({name: frame(rows) for name, rows in observed.items() if rows})
    settings = {"svg.fonttype": "none", "svg.hashsalt": probe}
    with whole_file(folder / f"{probe}.svg") as partial, matplotlib.rc_context(settings):
        figure.savefig(partial, format="svg", metadata={"Date": None})


def observations(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that are no note."""
    return [row for row in rows if NOTE not in row]
