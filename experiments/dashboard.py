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

from experiments.collect import RUN_IDS
from experiments.config import ConfigError

TAG = "mlflow.sharedViewState."
CREATED = 1_760_000_000_000
START_SECONDS = 120
CARD_HEIGHT = 400
BY_ARM = {
    "aggregateFunction": "average",
    "groupByKeys": [{"mode": "param", "groupByData": "arm"}],
}
FINAL_SAMPLES, SAMPLES = "final_samples", "samples"

LOSSES = ("train/understand/loss", "train/generate/loss")


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
    for key, (name, charts) in views(headline).items():
        grouping = None if key == "samples" else BY_ARM  # a group of runs has no images
        state = encode_state({**page_state(charts), "groupBy": grouping})
        view = {"name": name, "createdAt": CREATED, "updatedAt": CREATED, "state": state}
        tags[TAG + key] = json.dumps(view)
    return tags


def views(headline: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    """View id -> its name and charts: scores by arm, curves over tokens, samples."""
    metrics = [metric for some in headline.values() for metric in some]
    firsts = [some[0] for some in headline.values() if some]
    scores = [bar(f"final/{metric}") for metric in metrics]
    if len(firsts) == 2:
        scores.insert(0, scatter(f"final/{firsts[0]}", f"final/{firsts[1]}"))
    curves = [line(f"curve/{metric}") for metric in metrics] + [line(loss) for loss in LOSSES]
    return {
        "scores": ("Scores by arm", scores),
        "curves": ("Curves over tokens", curves),
        "samples": ("Samples", [images(FINAL_SAMPLES), images(SAMPLES)]),
    }


def chart(kind: str, name: str, **rest: Any) -> dict[str, Any]:
    about = {"type": kind, "uuid": f"{kind}-{name}", "metricSectionId": "all"}
    return {**about, "runsCountToCompare": 20, "deleted": False, "isGenerated": False, **rest}


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
    return chart("IMAGE", key, imageKeys=[key], step=0)


def scatter(x: str, y: str) -> dict[str, Any]:
    keys = {"xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}
    return chart("SCATTER", f"{x}-{y}", **keys)


def page_state(charts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A page of charts in one section, before MLflow's own.

    Ordered by anything but time, MLflow lists children flat; it would fold them under their parent
    and draw nothing.
    """
    section = {"uuid": "all", "name": "Forkroad", "display": True, "isReordered": False}
    size = {"columns": 2, "cardHeight": CARD_HEIGHT}
    return {
        "searchFilter": "",
        "orderByKey": "params.`arm`",
        "orderByAsc": True,
        "runsHiddenMode": "SHOWALL",
        "selectedColumns": ["params.`arm`", "params.`architecture`"],
        "compareRunSections": [{**section, **size, "deleted": False, "isGenerated": False}],
        "compareRunCharts": list(charts),
        "isAccordionReordered": True,
    }


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
