"""DINO, CLIP-I and CLIP-T from records of cosines.

DINO and CLIP-I of an image are its mean cosine with all pictures of its subject, as DreamBooth has
it; `dino_given` and `clip_i_given` its cosine with the picture that the model was given, as
Kosmos-G's code has it; `dino_real` and `clip_i_real` are the mean cosine of the pictures with one
another, which no model is in. CLIP-T is the cosine with the prompt. Each measure is the mean over
images: each subject has as many, so each counts alike, however many pictures it has.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.dreambench.steps import BENCHMARK, IMAGES_PER_PROMPT, REAL
from benchmarks.dreambench.subjects import PROMPTS_FILE, Slot, Subject, read_subjects, slots
from benchmarks.image_judging import FILE
from benchmarks.likeness_records import cosine, read_named
from benchmarks.records import read_judged, require_complete
from benchmarks.results import Item, Metric, Results, estimate

MEASURES = ("dino", "clip_i", "clip_t", "dino_given", "clip_i_given")


def score(
    records_path: Path,
    data_dir: Path,
    allow_missing: bool = False,
    judge_name: str | None = None,
) -> Results:
    """Return each measure over all images, and over those of objects and of live subjects.

    Intervals resample subjects. MissingItemsError names images without a record, unless they may be
    missing; ValueError a record of no image, a second one of an image, one of other pictures than
    the subject's, or what is no cosine.
    """
    subjects = read_subjects(data_dir)
    manifest = read_judged(records_path, data_dir / PROMPTS_FILE, judge_name)
    places = slots(subjects, manifest.get("images_per_prompt", IMAGES_PER_PROMPT))
    rows = read_named(records_path, *MEASURES[:3])
    for row in rows.values():
        _require_cosines(records_path, row)
    missing = require_complete("records", [slot.name for slot in places], rows, allow_missing)
    scored = [slot for slot in places if slot.name in rows]
    items = [item for slot in scored for item in _items(slot, rows[slot.name])]
    return Results(
        benchmark=BENCHMARK,
        protocol={**manifest, "missing": missing, "subjects": len(subjects)},
        n_expected=len(places),
        n_scored=len(scored),
        metrics=_metrics(items, manifest["label"]),
        items=items,
    )


def _require_cosines(path: Path, row: Mapping[str, Any]) -> None:
    """ValueError that names file and image unless a record's values are cosines."""
    for name in ("dino", "clip_i"):
        if not isinstance(row[name], dict):
            raise ValueError(
                f"{path} must give {row[FILE]} its {name} by picture, got {row[name]!r}."
            )
    real = {name: value for name, value in row.get(REAL, {}).items() if value is not None}
    values = [*row["dino"].values(), *row["clip_i"].values(), row["clip_t"], *real.values()]
    for value in values:
        cosine(path, row[FILE], value)


def measures(subject: Subject, row: Mapping[str, Any]) -> dict[str, float]:
    """Return the measures of one image; ValueError unless it was compared with each picture."""
    for name in ("dino", "clip_i"):
        if set(row[name]) != {path.name for path in subject.pictures}:
            raise ValueError(
                f"{name} of {row[FILE]} must be of the subject's {len(subject.pictures)} pictures, "
                f"got {', '.join(row[name]) or 'none'}."
            )
    given = subject.given.name
    values = (
        fmean(row["dino"].values()),
        fmean(row["clip_i"].values()),
        float(row["clip_t"]),
        float(row["dino"][given]),
        float(row["clip_i"][given]),
    )
    real = {
        f"{name}_{REAL}": value for name, value in row.get(REAL, {}).items() if value is not None
    }
    return dict(zip(MEASURES, values, strict=True)) | real


def _items(slot: Slot, row: Mapping[str, Any]) -> list[Item]:
    """Return one item a measure."""
    return [
        Item(
            name=f"{slot.name}.{measure}",
            cluster=slot.subject.name,
            stratum=measure,
            value=value,
            detail={"kind": slot.subject.kind, "prompt": slot.text},
        )
        for measure, value in measures(slot.subject, row).items()
    ]


def _metrics(items: Iterable[Item], label: str) -> dict[str, Metric]:
    """Return `dreambench.<measure>@label`, and the same by kind of subject."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        for name in (item.stratum, f"{item.stratum}.{item.detail['kind']}"):
            groups.setdefault(name, []).append(item)
    return {f"{BENCHMARK}.{name}@{label}": estimate(group) for name, group in groups.items()}
