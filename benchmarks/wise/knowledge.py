"""WISE by a judge that knows what was meant: drawn or not, the binary protocol of WISE_Verified.

A record may carry a `tier` (how often training showed what the prompt alludes to), by which the
scores are then split as well.
"""

from pathlib import Path

from benchmarks.drawing import draw_texts
from benchmarks.images import BATCH, image_batches
from benchmarks.judges import KnowledgeJudge
from benchmarks.protocol import Model
from benchmarks.records import (
    RECORDS,
    index_by,
    read_json,
    read_judged,
    read_lines,
    read_manifest,
    require_complete,
    write_judged,
    write_lines,
)
from benchmarks.results import Item, Results, summarise

WEIGHTS = {
    "culture": 0.4,
    "time": 0.12,
    "space": 0.12,
    "biology": 0.12,
    "physics": 0.12,
    "chemistry": 0.12,
}
SCORES = (0, 1)


def group(category: str) -> str:
    """Return a category's group in the official weights: "Cultural knowledge" is "culture"."""
    name = category.lower().split()[0]
    return "culture" if name == "cultural" else name


def generate(model: Model, prompts_path: Path, out_dir: Path, at_once: int = BATCH) -> None:
    """Draw one image a prompt, `<prompt_id>.png`; its seed is the prompt's running number."""
    prompts = read_json(prompts_path)
    texts = {f"{prompt['prompt_id']}.png": prompt["Prompt"] for prompt in prompts}
    draw_texts(model, prompts_path, texts, out_dir, at_once)


def judge(
    judge: KnowledgeJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
) -> None:
    """Write one record a prompt: drawn (1) or not (0)."""
    prompts = {f"{row['prompt_id']}.png": row for row in read_json(prompts_path)}
    manifest = read_manifest(images_dir, prompts_path)
    records, judged = [], []
    for names, images in image_batches(images_dir, list(prompts)):
        asked = [prompts[name] for name in names]
        judged += names
        records += [
            {"prompt_id": prompt["prompt_id"], "score": drawn}
            for prompt, drawn in zip(asked, judge.drawn(images, asked), strict=True)
        ]
    require_complete("images", prompts, judged, allow_missing)
    write_lines(out_dir / RECORDS, records)
    write_judged(out_dir, manifest, judge)


def score(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Results:
    """Return the weighted mean of the groups that exist, each group's mean, and each tier's."""
    prompts = index_by(read_json(prompts_path), "prompt_id")
    manifest = read_judged(records_path, prompts_path)
    records = index_by(read_lines(records_path, "prompt_id", "score"), "prompt_id")
    readable = {name: row["score"] for name, row in records.items() if row["score"] in SCORES}
    missing = require_complete("scores", prompts, readable, allow_missing)
    items = [
        Item(
            name=str(name),
            cluster=str(name),
            stratum=group(row["Category"]),
            value=float(readable[name]),
            column=row.get("tier"),
            detail={"prompt": row["Prompt"]},
        )
        for name, row in prompts.items()
        if name in readable
    ]
    groups = {name: WEIGHTS[name] for name in WEIGHTS if any(i.stratum == name for i in items)}
    return Results(
        benchmark="wise",
        protocol={**manifest, "missing": missing, "mode": "verified", "group_weights": groups},
        n_expected=len(prompts),
        n_scored=len(items),
        metrics=summarise("wise", manifest["label"], items, WEIGHTS),
        items=items,
    )
