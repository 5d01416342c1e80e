"""Files between the steps of a benchmark: written whole or not at all, read with every fault named.

A step's folder holds its output and a `manifest.json` that says how it came about; the manifest of
a later step contains that of the step before, so the last one is the whole protocol.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.judges import Judge

MANIFEST = "manifest.json"
UNFINISHED = "unfinished.json"
"""The manifest of a step that is still under way."""
RECORDS = "records.jsonl"
NAMED = 5
"""How many of the missing items an error names."""


class MissingItemsError(ValueError):
    """Images, records or readable replies are missing that the prompts ask for."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` that takes its place on success and vanishes on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as one JSON document."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Return the JSON document of `path`; ValueError if it is not one."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} must be a whole JSON document, got: {error}.") from error


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line."""
    with whole_file(path) as partial, partial.open("w") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def read_lines(path: Path, *fields: str) -> list[dict[str, Any]]:
    """Return the JSON objects of `path`.

    ValueError names the line that is not one (half written, say) or lacks one of `fields`, or an
    empty file.
    """
    rows = []
    for number, line in enumerate(_lines(path.read_text()), start=1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise ValueError(
                f"{path} line {number} must be a whole JSON object, got {line[:60]!r}."
            )
        if lacking := [name for name in fields if name not in row]:
            raise ValueError(f"{path} line {number} must have {lacking[0]!r}, got {sorted(row)}.")
        rows.append(row)
    if not rows:
        raise ValueError(f"{path} must hold at least one record, got none.")
    return rows


def _lines(text: str) -> list[str]:
    """Return the lines of a file, which end in a newline alone: text in JSON may hold the other
    separators that `splitlines` knows.
    """
    return text.removesuffix("\n").split("\n") if text else []


def index_by(
    rows: Sequence[Mapping[str, Any]], key: str, *more: str
) -> dict[Any, Mapping[str, Any]]:
    """Return rows by the value of `key` (a tuple if there are more); ValueError on a duplicate, or
    for a value that is a list or an object.
    """
    indexed: dict[Any, Mapping[str, Any]] = {}
    for row in rows:
        name = (row[key], *(row[other] for other in more)) if more else row[key]
        if any(isinstance(row[part], list | dict) for part in (key, *more)):
            raise ValueError(f"{'+'.join((key, *more))} must be texts or numbers, got {name!r}.")
        if name in indexed:
            raise ValueError(f"{'+'.join((key, *more))} must be unique, got {name!r} twice.")
        indexed[name] = row
    return indexed


def require_complete(
    what: str, expected: Iterable[Any], found: Iterable[Any], allow_missing: bool
) -> list[Any]:
    """Return what is expected and not found, in order.

    Raises MissingItemsError if there is any, unless `allow_missing`; ValueError for what was found
    unasked.
    """
    expected, found = list(expected), set(found)
    if unasked := found.difference(expected):
        raise ValueError(
            f"{what} must belong to the prompts, got {_name(sorted(unasked, key=str))}."
        )
    missing = [item for item in expected if item not in found]
    if missing and not allow_missing:
        raise MissingItemsError(
            f"{what} must be complete (or pass --allow-missing), "
            f"got {len(missing)} of {len(expected)} missing or unreadable: {_name(missing)}."
        )
    if missing and len(missing) == len(expected):
        raise MissingItemsError(f"{what} must not all be missing, got 0 of {len(expected)}.")
    return missing


def _name(items: Sequence[Any]) -> str:
    return ", ".join(map(str, items[:NAMED])) + (", ..." if len(items) > NAMED else "")


def write_generated(
    folder: Path, prompts_path: Path, settings: Mapping[str, object], **protocol: object
) -> None:
    """Write the manifest of a `generate` step: prompts, model settings, what else is given."""
    write_json(folder / MANIFEST, generated_manifest(prompts_path, settings, **protocol))


def generated_manifest(
    prompts_path: Path, settings: Mapping[str, object], **protocol: object
) -> dict[str, Any]:
    """Return what `write_generated` writes."""
    return {"prompts": describe_prompts(prompts_path), "model": dict(settings), **protocol}


def write_judged(folder: Path, generated: Mapping[str, Any], judge: Judge) -> None:
    """Write the manifest of a `judge` step: that of the images, and who judged them."""
    write_json(folder / MANIFEST, judged_manifest(generated, judge))


def judged_manifest(generated: Mapping[str, Any], judge: Judge) -> dict[str, Any]:
    """Return what `write_judged` writes."""
    return {**generated, "judge": dict(judge.protocol), "label": judge.label}


def describe_prompts(path: Path) -> dict[str, Any]:
    """Return name and hash of a prompt file, and that the model is given its texts as they are."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest, "rewritten": False}


def read_manifest(folder: Path, prompts_path: Path) -> dict[str, Any]:
    """Return the manifest of `folder`, finished or not; an empty one if it was made elsewhere.

    Raises ValueError if it was made from other prompts than `prompts_path`, or is ill-formed.
    """
    manifest = _stated(folder)
    prompts = describe_prompts(prompts_path)
    _require_form(folder, manifest)
    given = manifest.get("prompts", prompts)
    if given["sha256"] != prompts["sha256"]:
        raise ValueError(
            f"{folder} must be made from {prompts_path} ({prompts['sha256'][:8]}), "
            f"got {given['file']} ({given['sha256'][:8]})."
        )
    return {"prompts": prompts, **manifest}


def _require_form(folder: Path, manifest: Any) -> None:
    """ValueError that names what a manifest must be and is not."""
    if not isinstance(manifest, dict):
        raise ValueError(f"the manifest of {folder} must be an object, got {manifest!r:.60}.")
    prompts, count = manifest.get("prompts"), manifest.get("images_per_prompt", 1)
    is_whole = isinstance(prompts, dict) and {"file", "sha256"} <= set(prompts)
    if "prompts" in manifest and not is_whole:
        raise ValueError(f"prompts of {folder} must have file and sha256, got {prompts!r}.")
    if type(count) is not int or count < 1:
        raise ValueError(f"images_per_prompt of {folder} must be at least 1, got {count!r}.")


def _stated(folder: Path) -> dict[str, Any]:
    """Return what a folder says of itself; a step that ends meanwhile has its manifest by then."""
    for name in (MANIFEST, UNFINISHED, MANIFEST):
        if (folder / name).exists():
            try:
                return read_json(folder / name)
            except FileNotFoundError:
                continue
    return {}


def read_judged(
    records_path: Path, prompts_path: Path, judge_name: str | None = None
) -> dict[str, Any]:
    """Return the manifest beside a file of judged records.

    Records made elsewhere have none; `judge_name` then says who judged them. ValueError if nothing
    does.
    """
    manifest = read_manifest(records_path.parent, prompts_path)
    if "label" in manifest:
        return manifest
    if judge_name is None:
        raise ValueError(f"{records_path} must lie beside the {MANIFEST} of its judge, got none.")
    return {**manifest, "judge": {"judge": judge_name}, "label": judge_name}
