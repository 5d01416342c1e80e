"""The views of a suite in MLflow: which charts its page shows, and in which sections.

A view is an experiment tag in MLflow's internal form (zlib and base64 of JSON); only `encode_state`
knows it, and a test reads it back.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

TAG = "mlflow.sharedViewState."
CREATED = 1_760_000_000_000
CARD_HEIGHT, IMAGES_HEIGHT = 400, 1200
BY_ARCHITECTURE = {
    "aggregateFunction": "average",
    "groupByKeys": [
        {"mode": "param", "groupByData": "arm"},  # first, as legends cut what comes after
        {"mode": "param", "groupByData": "architecture"},
        {"mode": "param", "groupByData": "run"},  # sizes and rungs are no seeds of each other
    ],
}
SAMPLES, END = "samples", 100  # by percent of training
LOSSES = ("train/understand/loss", "train/generate/loss")
COST = "cost"
COSTS = ("train_flops", "params_total", "wall_time_s", "peak_memory_bytes")

TITLES = {"understand": "Understanding", "generate": "Generation"}

Charts = list[dict[str, Any]]


def encode_state(state: Mapping[str, Any]) -> str:
    packed = zlib.compress(json.dumps(state).encode(), 9)
    return f"deflate;{base64.b64encode(packed).decode()}"


def view_tags(headline: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The experiment tags of the suite's views, by tag name."""
    tags = {}
    for key, (name, sections) in views(headline).items():
        grouping = None if key == "samples" else BY_ARCHITECTURE  # a group of runs has no images
        state = encode_state({**page_state(sections), "groupBy": grouping})
        view = {"name": name, "createdAt": CREATED, "updatedAt": CREATED, "state": state}
        tags[TAG + key] = json.dumps(view)
    return tags


def views(headline: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, dict[str, Charts]]]:
    """View id -> its name and sections: scores and costs by architecture and run, curves, samples.

    `headline` maps a task to its metrics, the most important first.
    """
    metrics = [metric for some in headline.values() for metric in some]
    firsts = [f"final/{some[0]}" for some in headline.values() if some]
    flops, *_ = costs = [f"{COST}/{name}" for name in COSTS]
    by_task = {
        TITLES.get(task, task): [bar(f"final/{metric}") for metric in some]
        for task, some in headline.items()
    }
    across = [scatter(*firsts)] if len(firsts) == 2 else []
    scores = {"Understanding against generation": across, **by_task}
    scores["Cost"] = [*map(bar, costs), *(scatter(flops, first) for first in firsts)]
    curves = {
        "Scores over tokens": [line(f"curve/{metric}") for metric in metrics],
        "Training": [line(loss) for loss in LOSSES],
    }
    grids = {"Samples": [images(SAMPLES, END)]}
    return {
        "scores": ("By architecture: understanding, generation, cost", scores),
        "curves": ("Curves over tokens", curves),
        "samples": ("Sample grids", grids),
    }


def chart(kind: str, name: str, **rest: Any) -> dict[str, Any]:
    about = {"type": kind, "uuid": f"{kind}-{name}", "runsCountToCompare": 20}
    return {**about, "deleted": False, "isGenerated": False, **rest}


def bar(metric: str) -> dict[str, Any]:
    return chart("BAR", metric, metricKey=metric)


def line(metric: str) -> dict[str, Any]:
    return chart(
        "LINE",
        metric,
        metricKey=metric,
        selectedMetricKeys=[metric],
        xAxisKey="step",
        xAxisScaleType="linear",
        scaleType="linear",
        lineSmoothness=0,
    )


def images(key: str, step: int) -> dict[str, Any]:
    """The runs' images side by side; their parameters, listed above each, would push them out."""
    return chart("IMAGE", key, imageKeys=[key], step=step, showRunParams=False)


def scatter(x: str, y: str) -> dict[str, Any]:
    keys = {"xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}
    return chart("SCATTER", f"{x}-{y}", **keys)


def page_state(sections: Mapping[str, Charts]) -> dict[str, Any]:
    """A page of charts in sections, before MLflow's own.

    Ordered by anything but time, MLflow lists children flat; it would fold them under their parent
    and draw nothing.
    """
    shown = {title: charts for title, charts in sections.items() if charts}
    return {
        "searchFilter": "",
        "orderByKey": "params.`arm`",
        "orderByAsc": True,
        "runsHiddenMode": "SHOWALL",
        "selectedColumns": ["params.`arm`", "params.`architecture`", "params.`run`"],
        "compareRunSections": [section(title, charts) for title, charts in shown.items()],
        "compareRunCharts": [
            {**one, "metricSectionId": title} for title, charts in shown.items() for one in charts
        ],
        "isAccordionReordered": True,
    }


def section(title: str, charts: Charts) -> dict[str, Any]:
    """Two charts a row; images take a whole row, high enough for those of several arms."""
    pictures = all(one["type"] == "IMAGE" for one in charts)
    about = {"uuid": title, "name": title, "display": True, "isReordered": False}
    size = {"columns": 1 if pictures else 2}
    size["cardHeight"] = IMAGES_HEIGHT if pictures else CARD_HEIGHT
    return {**about, **size, "deleted": False, "isGenerated": False}
