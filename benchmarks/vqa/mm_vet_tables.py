"""MM-Vet's official tables: one line a model, rounded percents by capability and by set of them.

The columns stand in the order of their numbers of questions, the largest first, and behind them the
total, its standard deviation over runs, and the total of each run.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.records import whole_file
from benchmarks.results import Results

DECIMALS = 1
FULL_SCORE = 100.0


def write_tables(
    results: Results, capabilities: Mapping[str, Sequence[str]], folder: Path, name: str
) -> list[Path]:
    """Write `<name>-cap-score-<n>runs.csv` and `<name>-cap-int-score-<n>runs.csv`; return them.

    `capabilities` are those of each question; a set of them is named in alphabetical order, where
    the official code leaves the order to chance.
    """
    sets = {item.name: [item.stratum] for item in results.items}
    singles = {item.name: sorted(set(capabilities[item.name])) for item in results.items}
    marks = {item.name: np.array(item.detail["marks"], float) for item in results.items}
    runs = len(next(iter(marks.values())))
    paths = []
    for kind, groups in (("cap-score", singles), ("cap-int-score", sets)):
        row = {"": name, **_columns(marks, groups)}
        path = folder / f"{name}-{kind}-{runs}runs.csv"
        with whole_file(path) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)
        paths.append(path)
    return paths


def _columns(
    marks: Mapping[str, np.ndarray], groups: Mapping[str, Sequence[str]]
) -> dict[str, object]:
    """Return the cells of a table; marks [runs] by question, and the groups of each question."""
    members: dict[str, list[np.ndarray]] = defaultdict(list)
    for name, named in groups.items():
        for group in named:
            members[group].append(marks[name])
    sizes = Counter({group: len(found) for group, found in members.items()})
    totals = _by_run(marks.values())
    return {
        **{group: _rounded(_by_run(members[group]).mean()) for group, _ in sizes.most_common()},
        "total": _rounded(totals.mean()),
        "std": _rounded(totals.std()),
        "runs": [_rounded(total) for total in totals],
    }


def _by_run(marks: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean mark of each run in percent, [runs]."""
    return np.mean(list(marks), axis=0) * FULL_SCORE


def _rounded(value: float) -> float:
    """Return a number to one place, by numpy's rounding as officially: 36.15 is 36.2."""
    return float(np.round(value, DECIMALS))
