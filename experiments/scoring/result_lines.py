"""Results of several models or token counts in one file: a results object a line, without items."""

import json
from dataclasses import asdict

from benchmarks.results import Results


def result_line(results: Results, **about: object) -> str:
    """One line of `results.jsonl`, with what `about` adds, such as the tokens seen."""
    metrics = {name: asdict(metric) for name, metric in results.metrics.items()}
    document = {
        "benchmark": results.benchmark,
        "protocol": dict(results.protocol),
        "n_expected": results.n_expected,
        "n_scored": results.n_scored,
        "metrics": metrics,
        **about,
    }
    return json.dumps(document) + "\n"
