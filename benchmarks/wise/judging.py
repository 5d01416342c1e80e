"""A folder of images, `<prompt_id>.png`, asked about one by one: records hold the replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.images import read_image
from benchmarks.judges.asking import NAMED, Asker, ask_all
from benchmarks.records import (
    RECORDS,
    MissingItemsError,
    index_by,
    read_json,
    read_manifest,
    require_complete,
    write_json,
    write_judged,
    write_lines,
)
from benchmarks.sharding import current, joined
from benchmarks.wise.protocols import IDS, Protocol
from benchmarks.wise.wordings import Wording

FIELDS = ("Prompt", "Explanation", "prompt_id")
TRIES = 3
"""How often a judge is asked until its reply can be read, as officially."""


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How a folder is judged."""

    protocol: Protocol
    wording: Wording
    workers: int = 1
    allow_missing: bool = False


def read_prompts(path: Path) -> dict[int, Mapping[str, Any]]:
    """Return the records of an official JSON by id; ValueError names a fault or a second id."""
    rows = read_json(path)
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path} must hold a list of prompts, got {str(rows)[:60]}.")
    for number, row in enumerate(rows):
        where = f"{path} prompt {number}"
        if not isinstance(row, dict):
            raise ValueError(f"{where} must be an object, got {str(row)[:60]}.")
        if lacking := [name for name in FIELDS if name not in row]:
            raise ValueError(f"{where} must have {lacking[0]!r}, got {list(row)}.")
        if type(row["prompt_id"]) is not int:
            raise ValueError(f"{where} prompt_id must be a whole number, got {row['prompt_id']!r}.")
    return dict(index_by(rows, "prompt_id"))


def join_prompts(paths: Sequence[Path], folder: Path) -> Path:
    """Return the one file, or a file in `folder` with the prompts of all: the legacy set has three.

    ValueError if an id stands in two of them.
    """
    if len(paths) == 1:
        return paths[0]
    rows = [row for path in paths for row in read_prompts(path).values()]
    index_by(rows, "prompt_id")
    write_json(folder / "prompts.json", rows)
    return folder / "prompts.json"


def judge_folder(
    asker: Asker, images_dir: Path, prompts_path: Path, out_dir: Path, judging: Judging
) -> None:
    """Write one record a prompt: `prompt_id`, the last `reply`, how often it was `asked` for.

    Absent, damaged and unknown images are named before the judge is asked anything. JudgeError if
    it does not answer. A reply without a score is kept, named in the manifest, and fails `score`.
    """
    prompts = read_prompts(prompts_path)
    manifest = read_manifest(images_dir, prompts_path)
    own = [name for number, name in enumerate(prompts) if current().has(number)]
    records = _ask(asker, images_dir, prompts, own, judging)
    stated = {"mode": judging.protocol.name, "wording": judging.wording.protocol}
    with joined(out_dir, {**manifest, **stated, "judge": asker.label}):
        if len(own) < len(prompts):  # the others' replies are on disk
            asker.refresh()
            records = _ask(asker, images_dir, prompts, list(prompts), judging)
        write_lines(out_dir / RECORDS, records)
        value = judging.protocol.value
        unreadable = [row["prompt_id"] for row in records if value(row) is None]
        outcome = {"unreadable": unreadable, "usage": dict(asker.usage)}
        write_judged(out_dir, {**manifest, **stated, **outcome}, asker)


def _ask(
    asker: Asker,
    folder: Path,
    prompts: Mapping[int, Mapping[str, Any]],
    asked: Sequence[int],
    judging: Judging,
) -> list[dict[str, Any]]:
    """Return the records of the prompts `asked`, in their order."""
    names = _readable_images(folder, prompts, asked, judging.allow_missing)

    def ask(prompt: Mapping[str, Any]) -> dict[str, Any]:
        image = read_image(folder / f"{prompt['prompt_id']}.png")
        text, record = judging.wording.fill(prompt), {}
        for attempt in range(TRIES):
            reply = asker.ask([image], text, attempt)
            record = {"prompt_id": prompt["prompt_id"], "reply": reply, "asked": attempt + 1}
            if judging.protocol.value(record) is not None:
                break
        return record

    questions = {str(name): prompts[name] for name in asked if str(name) in names}
    return list(ask_all(ask, questions, judging.workers).values())


def _readable_images(
    folder: Path, prompts: Mapping[int, Any], wanted: Sequence[int], allow_missing: bool
) -> Sequence[str]:
    """Return the ids, as in the names, of the images `wanted` that can be judged.

    Raises for images of no prompt, then for absent ones, then for damaged ones. Images of WISE's
    other ids may lie there: the official run takes one category at a time.
    """
    names = {path.stem: path for path in folder.glob("*.png") if not path.name.startswith(".")}
    known = {str(number) for number in [*IDS, *prompts]}
    if extra := [f"{name}.png" for name in sorted(set(names) - known)]:
        raise ValueError(
            f"images must be named <prompt_id>.png, got {len(extra)} of no prompt: "
            f"{', '.join(extra[:NAMED])}."
        )
    asked = [str(number) for number in wanted]
    present = [name for name in asked if name in names]
    require_complete("images", asked, present, allow_missing)
    damaged = [f"{name}.png" for name in present if not _is_whole(names[name])]
    if damaged and not allow_missing:
        raise MissingItemsError(
            f"images must be readable (or pass --allow-missing), got {len(damaged)} of "
            f"{len(asked)} damaged: {', '.join(damaged[:NAMED])}."
        )
    return [name for name in present if f"{name}.png" not in damaged]


def _is_whole(path: Path) -> bool:
    try:
        read_image(path)
    except OSError:
        return False
    return True
