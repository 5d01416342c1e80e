"""Official question and answer files: JSON, JSON lines or tables, read with every fault named."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.records import MANIFEST, describe_prompts, read_json, whole_file

SEPARATORS = {".tsv": "\t", ".csv": ","}

Row = Mapping[str, Any]


def read_rows(path: Path, *columns: str) -> list[dict[str, Any]]:
    """Return the rows of a JSON list, of JSON lines (whatever the ending) or of a .tsv or .csv.

    ValueError for an empty file, a damaged one, a row that is no object or lacks one of `columns`.
    Cells of a table are text, empty where they are empty.
    """
    rows = _read_table(path) if path.suffix in SEPARATORS else _read_json_rows(path)
    if not rows:
        raise ValueError(f"{path} must hold at least one record, got none.")
    for number, row in enumerate(rows, start=1):
        require_columns(f"{path} row {number}", row, columns)
    return rows


def require_columns(where: str, found: object, columns: Iterable[str]) -> None:
    """Raise ValueError unless `found` is an object that has all `columns`."""
    if not isinstance(found, Mapping):
        raise ValueError(f"{where} must be an object, got {str(found)[:60]!r}.")
    if lacking := [name for name in columns if name not in found]:
        raise ValueError(f"{where} must have {lacking[0]!r}, got {sorted(found)}.")


def _read_table(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table; a cell may be as long as a whole encoded image."""
    csv.field_size_limit(1 << 30)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=SEPARATORS[path.suffix]))
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(f"{path} line {number} must have as many cells as the head.")
    return rows


def _read_json_rows(path: Path) -> list[Any]:
    """Return the rows of one JSON list, or of one JSON value a line.

    Lines end in a newline alone: a reply may hold the other separators that `splitlines` knows.
    """
    text = path.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        return read_json(path)
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            message = f"{path} line {number} must be a whole JSON object, got {line[:60]!r}."
            raise ValueError(message) from error
    return rows


def read_replies(path: Path, key: str, *fields: str) -> dict[str, str]:
    """Return the replies of a file of answers by id.

    `fields` are the names that the reply goes by; the first one of them that the first row has is
    read. A reply that is no text is left out, to be counted as unreadable. ValueError for a
    duplicate id or a row without id or reply.
    """
    rows = read_rows(path, key)
    return index_replies(path, rows, key, reply_field(path, rows[0], fields))


def reply_field(path: Path, row: Row, fields: Sequence[str]) -> str:
    """Return the first of `fields` that `row` has; ValueError if it has none."""
    for name in fields:
        if name in row:
            return name
    raise ValueError(f"{path} must have a reply as {' or '.join(fields)}, got {sorted(row)}.")


def index_replies(path: Path, rows: Sequence[Row], key: str, field: str) -> dict[str, str]:
    """Return the texts of `field` by id; ValueError for a duplicate id."""
    indexed = index_rows(path, rows, key)
    return {
        name: reply for name, row in indexed.items() if isinstance(reply := row.get(field), str)
    }


def index_rows(where: Path, rows: Sequence[Any], key: str, *columns: str) -> dict[str, Row]:
    """Return the rows of a document by id, as text.

    ValueError if there are none, for a duplicate id, or for a row that lacks one of `columns`.
    """
    if not rows:
        raise ValueError(f"{where} must hold at least one entry, got none.")
    indexed: dict[str, Row] = {}
    for number, row in enumerate(rows, start=1):
        require_columns(f"{where} entry {number}", row, (key, *columns))
        if (name := str(row[key])) in indexed:
            raise ValueError(f"{where} {key} must be unique, got {name!r} twice.")
        indexed[name] = row
    return indexed


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a .tsv or .csv with a head; all rows have the columns of the first."""
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=SEPARATORS[path.suffix])
        writer.writeheader()
        writer.writerows(rows)


def read_protocol(records: Path, prompts: Path | None, **rules: object) -> dict[str, Any]:
    """Return the protocol of a score: how the answers came about, as far as the manifest beside
    them says, and `rules`, in which a path stands for the file's name and hash.

    ValueError if the answers were made from other prompts than the given ones.
    """
    folder = records if records.is_dir() else records.parent
    manifest = read_json(folder / MANIFEST) if (folder / MANIFEST).exists() else {}
    stated = manifest.get("prompts")
    given = describe_prompts(prompts) if prompts else None
    if given and stated and stated["sha256"] != given["sha256"]:
        raise ValueError(
            f"{records} must answer {prompts} ({given['sha256'][:8]}), "
            f"got answers to {stated['file']} ({stated['sha256'][:8]})."
        )
    known = {"prompts": given or stated} if given or stated else {}
    described = {name: _described(value) for name, value in rules.items()}
    return {**manifest, **known, **described}


def read_by_id(path: Path, what: str) -> dict[str, Any]:
    """Return the object of `what` by id that a JSON file is; ValueError for another form, for none,
    or for a name that it has twice.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except ValueError as error:
        raise ValueError(f"{path} must be a whole JSON document, got: {error}.") from error
    if not isinstance(document, dict) or not document:
        raise ValueError(f"{path} must be an object of {what} by id, got none.")
    return document


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, of which a plain reader would keep the last of two equal names."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, _), *_ = (Counter(name for name, _ in pairs)).most_common(1)
        raise ValueError(f"{name!r} twice")
    return found


def _described(value: object) -> object:
    """Return a file's name and hash in place of its path."""
    if not isinstance(value, Path):
        return value
    return {"file": value.name, "sha256": hashlib.sha256(value.read_bytes()).hexdigest()}
