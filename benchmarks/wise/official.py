"""Scores of WISE's own prompts from records of replies or of numbers, by either protocol."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.protocol import first_difference
from benchmarks.records import (
    MANIFEST,
    RECORDS,
    MissingItemsError,
    index_by,
    read_json,
    read_lines,
    require_complete,
)
from benchmarks.results import Item, Results, summarise
from benchmarks.wise.protocols import ASPECTS, HIGHEST, IDS, LEGACY, PROTOCOLS, Protocol

OVERALL = "wise.overall@"
WEIGHTED = "weighted"


def score_official(
    records: Sequence[Path],
    mode: str | None = None,
    judge_model: str | None = None,
    expected: Iterable[int] = IDS,
    allow_missing: bool = False,
) -> Results:
    """Return category means and their weighted mean, of one or more files (or their folders).

    `mode` and `judge_model` are needed for records without a manifest, as made elsewhere.
    `expected`: the ids asked for, all of WISE's unless told. A missing id leaves no overall score,
    as officially, and is listed; MissingItemsError unless it is allowed. A record without a score
    is left out of the means. ValueError for an id twice, or one that was not asked for.
    """
    paths = [path / RECORDS if path.is_dir() else path for path in records]
    manifest = _manifest(paths, mode, judge_model)
    protocol = PROTOCOLS[manifest["mode"]]
    rows = index_by([row for path in paths for row in _read_records(path)], "prompt_id")
    expected = list(expected)
    absent = require_complete("records", expected, rows, allow_missing=True)
    values = {name: protocol.value(rows[name]) for name in expected if name in rows}
    unreadable = [name for name, value in values.items() if value is None]
    _require_scores(len(expected), absent, unreadable, allow_missing)
    items = [
        _item(protocol, name, value, rows[name])
        for name, value in values.items()
        if value is not None
    ]
    label = f"{protocol.name}-{manifest['label']}"
    metrics = summarise("wise", label, items, protocol.weights)
    overall = _overall(protocol, items, rows)
    if overall != WEIGHTED:
        del metrics[f"{OVERALL}{label}"]
    stated = {
        "missing": absent,
        "unreadable": unreadable,
        "beyond_scale": [name for name in values if _is_beyond(protocol, rows[name])],
        "weights": dict(protocol.weights),
        "overall": overall,
    }
    return Results(
        benchmark="wise",
        protocol={**manifest, **stated},
        n_expected=len(expected),
        n_scored=len(items),
        metrics=metrics,
        items=items,
    )


def _read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file; ValueError for an id that is no whole number."""
    rows = read_lines(path, "prompt_id")
    for number, row in enumerate(rows, start=1):
        if type(row["prompt_id"]) is not int:
            raise ValueError(
                f"{path} line {number} prompt_id must be a whole number, got {row['prompt_id']!r}."
            )
    return rows


def _require_scores(
    expected: int, absent: Sequence[int], unreadable: Sequence[int], allow_missing: bool
) -> None:
    """MissingItemsError for a score that is missing, unless it is allowed, and for none at all."""
    if (absent or unreadable) and not allow_missing:
        raise MissingItemsError(
            f"wise must have a readable score for each of {expected} ids (or pass "
            f"--allow-missing), got {len(absent)} missing{_listed(absent)} and "
            f"{len(unreadable)} unreadable{_listed(unreadable)}."
        )
    if len(absent) + len(unreadable) == expected:
        raise MissingItemsError(f"wise must have a readable score, got none of {expected}.")


def _overall(protocol: Protocol, items: Sequence[Item], rows: Mapping[int, Any]) -> str:
    """Return WEIGHTED, or why there is no overall score: an id or a whole category is missing."""
    if lacking := [name for name in IDS if name not in rows]:
        return f"none: {len(lacking)} ids missing{_listed(lacking)}"
    scored = {item.stratum for item in items}
    if unscored := [name for name in protocol.weights if name not in scored]:
        return f"none: no readable score in {', '.join(unscored)}"
    return WEIGHTED


def _item(protocol: Protocol, name: int, value: float, row: Mapping[str, Any]) -> Item:
    category = protocol.category(name)
    detail = {key: row[key] for key in ("reply", *ASPECTS) if key in row}
    return Item(name=str(name), cluster=str(name), stratum=category, value=value, detail=detail)


def _is_beyond(protocol: Protocol, row: Mapping[str, Any]) -> bool:
    """Return whether a legacy score lies beyond the scale: counted all the same, as officially."""
    value = protocol.value(row)
    return protocol is LEGACY and value is not None and not 0 <= value <= HIGHEST / 2


def _manifest(paths: Sequence[Path], mode: str | None, judge_model: str | None) -> dict[str, Any]:
    """Return how the records came about, without what the judge used up; of files of unlike prompts
    (the legacy set has three), the prompts of each.

    ValueError if the files were made or judged unlike, or nothing says by whom or by which
    protocol.
    """
    manifests = []
    for path in paths:
        beside = path.parent / MANIFEST
        manifest = read_json(beside) if beside.exists() else {}
        if "label" not in manifest:
            if not judge_model:
                raise ValueError(
                    f"{path} must lie beside the {MANIFEST} of its judge (or name the judge by "
                    f"--judge-model), got neither."
                )
            manifest |= {"label": judge_model.rpartition("/")[2], "judge": {"model": judge_model}}
        judged_in = manifest.setdefault("mode", mode or "verified")
        if mode and judged_in != mode:
            raise ValueError(f"{path} must be judged in mode {mode}, got {judged_in}.")
        manifests.append({k: v for k, v in manifest.items() if k not in ("usage", "unreadable")})
    first = manifests[0]
    for path, manifest in zip(paths, manifests, strict=True):
        if found := first_difference(first, manifest, ignored=("prompts",)):
            raise ValueError(
                f"{path} must be made and judged as {paths[0]} is, by one judge in one mode, "
                f"got {found}."
            )
    prompts = [manifest.get("prompts") for manifest in manifests]
    return first if all(one == prompts[0] for one in prompts) else {**first, "prompts": prompts}


def _listed(names: Sequence[int]) -> str:
    """Return ids in brackets, runs of them as first-last: " (3, 401-567)"; nothing for none."""
    runs: list[list[int]] = []
    for name in sorted(names):
        if runs and name == runs[-1][1] + 1:
            runs[-1][1] = name
        else:
            runs.append([name, name])
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in runs]
    return f" ({', '.join(texts)})" if texts else ""
