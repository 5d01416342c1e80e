"""Results of other harnesses, in and out, so that old runs can be scored again and compared.

lmms-eval (Zhang et al. 2024, arXiv 2407.12772) writes `<time>_results.json` (metrics by task) and
`<time>_samples_<task>.jsonl` (replies). What it computes differs from the official rules for
several benchmarks, so its metrics keep its name after the "@", and never meet ours; its replies can
be scored here.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.records import read_json, write_json, write_lines
from benchmarks.results import Metric, Results
from benchmarks.vqa.official_files import index_rows, read_rows, require_columns

LMMS_EVAL = "lmms-eval"
Z_95 = 1.959963984540054
"""Half the width of a 95% interval in standard errors."""
NUMBER = re.compile("0|[1-9][0-9]*")
_IDS = ("question_id", "questionId", "index", "id")
_NOT_METRICS = ("alias", "samples", "name", "sample_len")
_LOWER_IS_BETTER = ("fid", "loss", "perplexity", "wer", "cer")

Row = Mapping[str, Any]


def read_samples(path: Path) -> list[dict[str, Any]]:
    """Return lmms-eval's samples with `reply` beside what they hold, in the order of `doc_id`.

    ValueError names a sample without a reply, or a `doc_id` that is no number or occurs twice.
    """
    rows = read_rows(path, "doc_id")
    if odd := [row["doc_id"] for row in rows if not isinstance(row["doc_id"], int)]:
        raise ValueError(f"{path} must have whole numbers as doc_id, got {odd[0]!r}.")
    index_rows(path, rows, "doc_id")
    read = [{**row, "reply": _reply(path, row)} for row in rows]
    return sorted(read, key=lambda row: row["doc_id"])


def _reply(path: Path, row: Row) -> str:
    """Return a sample's reply after its filters, the first where there are several."""
    reply = row.get("filtered_resps", row.get("resps"))
    while isinstance(reply, list) and reply:
        reply = reply[0]
    if not isinstance(reply, str):
        raise ValueError(
            f"{path} doc_id {row['doc_id']} must have filtered_resps or resps, got {sorted(row)}."
        )
    return reply


def replies_by_id(samples: Sequence[Row], ids: Sequence[str] | None = None) -> dict[str, str]:
    """Return the replies of `read_samples` by the benchmark's own id.

    The id is looked for in what the task stored of a sample (`doc`, or a metric's object); `ids`
    are the ids of the whole data set, in its order, for tasks that store none. ValueError if
    neither tells an id, or tells one twice.
    """
    found: dict[str, str] = {}
    for row in samples:
        name = _listed_id(row, ids) if ids else _stored_id(row)
        if name in found:
            raise ValueError(f"samples must have each id once, got {name!r} twice.")
        found[name] = row["reply"]
    return found


def _listed_id(row: Row, ids: Sequence[str]) -> str:
    """Return the id at a sample's place in the data set."""
    if not 0 <= row["doc_id"] < len(ids):
        raise ValueError(f"doc_id must lie below {len(ids)}, got {row['doc_id']}.")
    return str(ids[row["doc_id"]])


def _stored_id(row: Row) -> str:
    """Return the id in a sample's `doc`, or in the objects that its metrics are made from."""
    for held in (row.get("doc"), *row.values()):
        if isinstance(held, Mapping):
            for key in _IDS:
                if key in held:
                    return str(held[key])
    raise ValueError(
        f"sample {row['doc_id']} must hold one of {', '.join(_IDS)}, or the ids be given, "
        f"got {sorted(row)}."
    )


def write_answers(path: Path, replies: Mapping[str, str], key: str, field: str) -> None:
    """Write replies by id as a file of answers that the scorers here and the official ones read: a
    JSON list, or JSON lines if `path` ends in .jsonl. An id of digits is a number, as in VQAv2,
    unless it begins with a zero, as some of GQA's do.
    """
    rows = [
        {key: int(name) if NUMBER.fullmatch(name) else name, field: reply}
        for name, reply in replies.items()
    ]
    if path.suffix == ".jsonl":
        write_lines(path, rows)
    else:
        write_json(path, rows)


def write_samples(path: Path, task: str, results: Results, replies: Mapping[str, str]) -> None:
    """Write replies by item name as lmms-eval's samples, each with its item's value under `task`.

    ValueError if an item has no reply.
    """
    require_columns("replies", replies, [item.name for item in results.items])
    write_lines(
        path,
        (
            {
                "doc_id": number,
                "target": str(item.detail.get("expected", "")),
                "filtered_resps": [replies[item.name]],
                task: {"question_id": item.name, "score": item.value},
            }
            for number, item in enumerate(results.items)
        ),
    )


def read_results(path: Path) -> dict[str, Results]:
    """Return lmms-eval's aggregated results by task, without items.

    A metric is `<task>.<metric>@lmms-eval`, the filter's name before the "@" where there is one.
    Its interval comes from the standard error, where that is a number. ValueError unless
    metrics and numbers of samples are objects by task.
    """
    document = read_json(path)
    require_columns(f"{path}", document, ("results",))
    sizes = document.get("n-samples", {})
    for name, given in (("results", document["results"]), ("n-samples", sizes)):
        if not isinstance(given, dict) or not all(isinstance(row, dict) for row in given.values()):
            raise ValueError(f"{path} must have an object a task in {name}, got {given!r:.80}.")
    found = {}
    for task, row in document["results"].items():
        n = sizes.get(task, {})
        scored = int(n.get("effective", 0))
        found[task] = Results(
            benchmark=task,
            protocol={
                "harness": LMMS_EVAL,
                "version": document.get("versions", {}).get(task),
                "config": document.get("configs", {}).get(task),
                "model": {
                    "name": document.get("model_name"),
                    "settings": document.get("config", {}).get("model_args"),
                },
            },
            n_expected=int(n.get("original", scored)),
            n_scored=scored,
            metrics=_metrics(task, row, scored),
        )
    return found


def _metrics(task: str, row: Row, n: int) -> dict[str, Metric]:
    metrics = {}
    for key, value in row.items():
        name, _, kept = key.partition(",")
        if name in _NOT_METRICS or name.endswith("_stderr") or not _is_number(value):
            continue
        error = row.get(f"{name}_stderr,{kept}" if kept else f"{name}_stderr")
        half = Z_95 * error if isinstance(error, int | float) else None
        part = f"{name}.{kept}" if kept not in ("", "none") else name
        metrics[f"{task}.{part}@{LMMS_EVAL}"] = Metric(
            value=float(value),
            ci_low=None if half is None else value - half,
            ci_high=None if half is None else value + half,
            n=n,
            higher_is_better=name not in _LOWER_IS_BETTER,
        )
    return metrics


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def write_results(path: Path, results: Iterable[Results]) -> None:
    """Write results as lmms-eval's aggregated file, each benchmark as a task.

    The part of a metric's name after the "@" becomes its filter, so that nothing of it is lost; the
    standard error is the interval's width over that of a standard normal one. ValueError for two
    results of one benchmark: the file has room for one.
    """
    results = list(results)
    for name, count in Counter(each.benchmark for each in results).items():
        if count > 1:
            raise ValueError(
                f"a results file must have each benchmark once, got {count} of {name}."
            )
    document: dict[str, Any] = {
        "results": {each.benchmark: _task(each) for each in results},
        "configs": {each.benchmark: dict(each.protocol) for each in results},
        "n-samples": {
            each.benchmark: {"original": each.n_expected, "effective": each.n_scored}
            for each in results
        },
    }
    write_json(path, json.loads(json.dumps(document, default=str)))


def _task(results: Results) -> dict[str, object]:
    row: dict[str, object] = {"alias": results.benchmark}
    for full, metric in results.metrics.items():
        name, _, label = full.removeprefix(f"{results.benchmark}.").partition("@")
        row[f"{name},{label}"] = metric.value
        row[f"{name}_stderr,{label}"] = _error(metric)
    return row


def _error(metric: Metric) -> float | str:
    """Return the standard error that a metric's interval stands for."""
    if metric.ci_low is None or metric.ci_high is None:
        return "N/A"
    return (metric.ci_high - metric.ci_low) / (2 * Z_95)


def write_vqa_accuracy(path: Path, results: Results) -> None:
    """Write VQAv2's official accuracy file: percent to two places, overall and by type."""
    official: dict[str, Any] = {"overall": None, "perQuestionType": {}, "perAnswerType": {}}
    for full, metric in results.metrics.items():
        name = full.removeprefix("vqav2.").rpartition("@")[0]
        value = round(metric.value, 2)
        if name == "overall":
            official["overall"] = value
        elif name.startswith("question_type."):
            official["perQuestionType"][name.removeprefix("question_type.")] = value
        else:
            official["perAnswerType"][name.removeprefix("answer_type.")] = value
    if official["overall"] is None:
        raise ValueError(f"an accuracy file must come from vqav2, got {results.benchmark!r}.")
    write_json(path, official)


def read_vqa_accuracy(path: Path, label: str) -> Results:
    """Return VQAv2's official accuracy file as results under `label`, without items or intervals;
    the numbers of questions are not in it, and 0. ValueError for a part that is no object of
    numbers.
    """
    document = read_json(path)
    require_columns(f"{path}", document, ("overall", "perQuestionType", "perAnswerType"))
    values = {"overall": document["overall"]}
    for kind, part in (("answer_type", "perAnswerType"), ("question_type", "perQuestionType")):
        require_columns(f"{path} {part}", document[part], ())
        values |= {f"{kind}.{name}": value for name, value in document[part].items()}
    for name, value in values.items():
        if not _is_number(value):
            raise ValueError(f"{path} must have a number as {name}, got {value!r}.")
    metrics = {
        f"vqav2.{name}@{label}": Metric(value=value, ci_low=None, ci_high=None, n=0)
        for name, value in values.items()
    }
    protocol = {"harness": "GT-Vision-Lab/VQA", "rounded": 2}
    return Results(benchmark="vqav2", protocol=protocol, n_expected=0, n_scored=0, metrics=metrics)
