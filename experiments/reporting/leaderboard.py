"""Writes leaderboard.csv, leaderboard_long.csv, leaderboard.md, leaderboard.tex, protocols.json."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from experiments.evidence.collect import PROTOCOLS, WIDE, Gathered, Row
from experiments.evidence.kinds import KindScore, kind_metrics, kind_table
from experiments.evidence.scores import (
    COSTS,
    Score,
    Standing,
    axes,
    headline_metrics,
    interval_text,
    standings,
)
from experiments.reporting.markdown import markdown_table
from experiments.store.markers import write_json, write_text

ABOUT = ("suite", "arm", "architecture", "preset", "stamp", "n_seeds", *COSTS)
PARTS = tuple(field.name for field in fields(Score))
NOT_ABOVE = "≤"
KINDS = "VQA by kind of question"
LONG_COLUMNS = (*(field.name for field in fields(Row)), "stamp")


def write_leaderboard(found: Gathered, folder: Path) -> list[Standing]:
    """Writes the tables, and the protocols that their rows name; returns the standings shown."""
    rows = standings(found)
    metrics = headline_metrics(found)
    wide = [wide_row(found, row, metrics) for row in rows]
    staged = any("stages" in one for one in wide)
    write_text(folder / WIDE, to_csv(wide_columns(metrics, staged), wide))
    long = (asdict(row) | {"stamp": found.plan.stamp} for row in found.rows)
    write_text(folder / "leaderboard_long.csv", to_csv(LONG_COLUMNS, long))
    write_json(folder / PROTOCOLS, found.protocols)
    header, body = short_table(found, rows)
    notes = [row.metric for row in axes(found).values()]
    pages = [to_markdown(header, body, found.plan.stamp, notes), *kinds_markdown(found, rows)]
    write_text(folder / "leaderboard.md", "\n".join(pages))
    write_text(folder / "leaderboard.tex", to_tex(header, body, found.plan.stamp))
    return rows


def wide_columns(metrics: Sequence[str], staged: bool = False) -> list[str]:
    """The fixed columns, then `<metric>`, `<metric>.std`, … for each headline metric; with the
    `stages` of training where an arm has any."""
    about = [*ABOUT, *(["stages"] if staged else [])]
    return [*about, *(name for metric in metrics for name in metric_columns(metric))]


def metric_columns(metric: str) -> list[str]:
    return [metric if part == "value" else f"{metric}.{part}" for part in PARTS]


def wide_row(found: Gathered, row: Standing, metrics: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "suite": found.plan.request.suite,
        "preset": found.plan.request.preset,
        "stamp": found.plan.stamp,
        "arm": row.arm,
        "architecture": row.architecture,
        "n_seeds": row.n_seeds,
        **row.costs,
    }
    if stages := stages_of(found, row.arm):
        values["stages"] = " > ".join(stages)
    for metric in metrics:
        score = row.scores.get(metric)
        columns = metric_columns(metric)
        if score is not None:
            values |= {
                name: getattr(score, part) for name, part in zip(columns, PARTS, strict=True)
            }
        elif row.problem:
            values[f"{metric}.verdict"] = stopped_at(row)
    return values


def stages_of(found: Gathered, arm: str) -> list[str]:
    """The stages of a recipe that the arm was trained in, in order; none of another arm."""
    trained = [cell.steps["train"] for cell in found.plan.cells_of(arm)]
    return found.plan.stages_behind(trained[0]) if trained else []


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV text; None and absent values are empty, never 0; seven digits of what is not whole."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: cell(value) for key, value in row.items()})
    return out.getvalue()


def cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() else f"{value:.7g}"
    return value


def short_table(found: Gathered, rows: Sequence[Standing]) -> tuple[list[str], list[list[str]]]:
    """Eight columns for people: costs, the first metric of each task, the verdicts on them."""
    shown = axes(found).values()
    names = [one.name for one in shown]
    header = ["arm", "seeds", "params (M)", "PFLOP", "minutes", *names, "verdict"]
    return header, [short_row(row, [one.metric for one in shown]) for row in rows]


def short_row(row: Standing, metrics: Sequence[str]) -> list[str]:
    costs = row.costs
    return [
        row.arm,
        "" if row.n_seeds is None else str(row.n_seeds),
        scaled(costs.get("params_total"), 1e6),
        scaled(costs.get("train_flops"), 1e15),
        scaled(costs.get("wall_time_s"), 60),
        *(with_seeds(row, row.scores.get(metric)) for metric in metrics),
        "; ".join(filter(None, (verdicts_of(row, metrics), stopped_at(row)))),
    ]


def stopped_at(row: Standing) -> str:
    """Which cells of the arm are missing and why; empty where none is."""
    return f"no result: {row.problem}" if row.problem else ""


def verdicts_of(row: Standing, metrics: Sequence[str]) -> str:
    """The verdicts on the shown metrics, once where they agree."""
    shown = [row.scores[one].verdict for one in metrics if one in row.scores]
    return " / ".join(dict.fromkeys(one for one in shown if one))


def scaled(value: float | None, unit: float) -> str:
    """Three digits of a figure in a larger unit; empty where it is missing."""
    return "" if value is None else f"{value / unit:.3g}"


def with_seeds(row: Standing, score: Score | None) -> str:
    """A score with its interval, and its seeds where they are fewer than the arm's."""
    note = row.partial(score)
    return interval_text(score) + (f" ({note})" if note else "")


def to_markdown(
    header: Sequence[str], body: Sequence[Sequence[str]], stamp: str, notes: Sequence[str] = ()
) -> str:
    """The table below its stamp, and above the full names of its metrics."""
    above = f"**{stamp}**\n\n" if stamp else ""
    below = f"\nProtocols: {', '.join(f'`{note}`' for note in notes)}.\n" if notes else ""
    return above + markdown_table(header, body) + below


def kinds_markdown(found: Gathered, rows: Sequence[Standing]) -> list[str]:
    """VQA by kind of question, or nothing where no arm answers any."""
    table, kinds = kind_table(found, rows), list(kind_metrics(found))
    if not table:
        return []
    whole = {row.arm: row for row in rows}
    body = [
        [row.arm, *(kind_cell(whole[row.arm], row.scores.get(kind)) for kind in kinds)]
        for row in table
    ]
    note = f"{KINDS}; {NOT_ABOVE} not above chance by more than its interval.\n\n"
    return [note + to_markdown(["arm", *kinds], body, "")]


def kind_cell(row: Standing, found: KindScore | None) -> str:
    """A score as `with_seeds` shows it, marked where chance could have made it."""
    if found is None:
        return ""
    return with_seeds(row, found.score) + ("" if found.above else f" {NOT_ABOVE}")


TEX_ESCAPES = str.maketrans(
    {"\\": r"\textbackslash{}", **{sign: f"\\{sign}" for sign in "&%$#_{}"}}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def to_tex(header: Sequence[str], body: Sequence[Sequence[str]], stamp: str = "") -> str:
    """The table; a stamp is its first row, across all columns."""
    lines = [r"\begin{tabular}{l" + "r" * (len(header) - 2) + "l}", r"\toprule"]
    if stamp:
        text = stamp.translate(TEX_ESCAPES)
        lines += [rf"\multicolumn{{{len(header)}}}{{l}}{{\textbf{{{text}}}}} \\", r"\midrule"]
    for row in (header, *body):
        lines.append(" & ".join(cell.translate(TEX_ESCAPES) for cell in row) + r" \\")
        lines += [r"\midrule"] if row is header else []
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"
