"""Opens MLflow on this machine with views made for a suite.

A view is an experiment tag in MLflow's internal form (zlib and base64 of JSON); only `encode_state`
knows it, and a test reads it back.
"""

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError

from experiments.config import ConfigError
from experiments.evidence.collect import RUN_IDS

TAG = "mlflow.sharedViewState."
CREATED = 1_760_000_000_000
START_SECONDS = 120
CARD_HEIGHT = 400
BY_ARCHITECTURE = {
    "aggregateFunction": "average",
    "groupByKeys": [
        {"mode": "param", "groupByData": "architecture"},
        {"mode": "param", "groupByData": "arm"},  # the controls are one architecture too
    ],
}
FINAL_SAMPLES, SAMPLES = "final_samples", "samples"
LOSSES = ("train/understand/loss", "train/generate/loss")
COST = "cost"
COSTS = ("train_flops", "params_total", "wall_time_s", "peak_memory_bytes")

TITLES = {"understand": "Understanding", "generate": "Generation"}

Charts = list[dict[str, Any]]


def encode_state(state: Mapping[str, Any]) -> str:
    packed = zlib.compress(json.dumps(state).encode(), 9)
    return f"deflate;{base64.b64encode(packed).decode()}"


def decode_state(text: str) -> dict[str, Any]:
    kind, _, packed = text.partition(";")
    if kind != "deflate":
        raise ValueError(f"a view's state must start with deflate;, got {kind!r}.")
    return json.loads(zlib.decompress(base64.b64decode(packed)))


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
    """View id -> its name and sections: scores and costs by architecture, curves, samples.

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
    grids = {"Samples": [images(FINAL_SAMPLES), images(SAMPLES)]}
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


def images(key: str) -> dict[str, Any]:
    """A run's images side by side; its parameters, listed above each, would push them out."""
    return chart("IMAGE", key, imageKeys=[key], step=0, showRunParams=False)


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
        "selectedColumns": ["params.`arm`", "params.`architecture`"],
        "compareRunSections": [section(title, charts) for title, charts in shown.items()],
        "compareRunCharts": [
            {**one, "metricSectionId": title} for title, charts in shown.items() for one in charts
        ],
        "isAccordionReordered": True,
    }


def section(title: str, charts: Charts) -> dict[str, Any]:
    """Two charts a row; images take a whole row."""
    columns = 1 if all(one["type"] == "IMAGE" for one in charts) else 2
    about = {"uuid": title, "name": title, "display": True, "isReordered": False}
    size = {"columns": columns, "cardHeight": CARD_HEIGHT}
    return {**about, **size, "deleted": False, "isGenerated": False}


def links(runs: Path, address: str) -> list[str]:
    """The address of each view of every suite that has runs."""
    found = {}
    for path in sorted(runs.glob(f"*/{RUN_IDS}")):
        experiment = json.loads(path.read_text())["experiment"]
        for key, (name, _) in views({}).items():
            query = f"viewStateShareKey={key}&compareRunsMode=CHART"
            url = f"{address}/#/experiments/{experiment}/runs?{query}"
            found[url] = f"{path.parent.name}: {name}: {url}"
    return list(found.values())


def wait_until_healthy(address: str, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the server answers within START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return True
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(1)
    return False


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments dashboard")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--port", type=int, default=5000)
    options = parser.parse_args(arguments)
    runs = options.runs.resolve()
    if not (runs / "mlflow.db").exists():
        raise ConfigError(
            f"{runs} must hold an ablation's MLflow store; `make ablation` makes one."
        )
    address = f"http://127.0.0.1:{options.port}"
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1"]
    store = ["--backend-store-uri", f"sqlite:///{runs}/mlflow.db", "--port", str(options.port)]
    with server([*command, *store]) as process:
        if wait_until_healthy(address, process):
            print("\n".join(links(runs, address)), flush=True)
        return process.wait()


@contextmanager
def server(command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs MLflow and ends it with all its workers, on Ctrl-C and on a plain kill too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield process
    except KeyboardInterrupt:
        sys.exit(0)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
