"""`python -m experiments perf-scoring`: how long scoring takes at the published benchmarks' sizes.

Records are synthetic: one in two images right, as many questions and features as the real sets
have. No model and no judge is run.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks import dpg, geneval
from benchmarks.distances import Moments, frechet_of_moments, gather
from benchmarks.geneval.layout import slot_name
from benchmarks.geneval.prompts import CLASSES, template_prompt
from benchmarks.records import RECORDS, write_lines
from experiments.planning.plan import check_counts

GENEVAL_PROMPTS, IMAGES_PER_PROMPT = 553, 4
DPG_ITEMS, DPG_QUESTIONS, CROPS = 1065, 13, 4
IMAGES, FEATURES, CHUNK = 30_000, 2048, 1000
JUDGE = "synthetic"
LIMITS = {
    "GenEval, 2212 images": 2.0,
    "DPG, 1065 x 4 crops": 3.0,
    "mean and covariance, 30000 x 2048": 10.0,
    "Fréchet distance, 2048 features": None,
}
"""Seconds that each may take; None where no limit is stated."""


def geneval_files(folder: Path) -> tuple[Path, Path]:
    """Records and prompts: two objects each, every second image without the second."""
    prompts, records = [], []
    for number in range(GENEVAL_PROMPTS):
        names = CLASSES[number % 80], CLASSES[(number + 1) % 80]
        prompt = {"tag": "two_object", "include": [{"class": one, "count": 1} for one in names]}
        prompts.append({**prompt, "prompt": template_prompt(prompt)})
        for image in range(IMAGES_PER_PROMPT):
            found = names if image % 2 else names[:1]
            boxes = [[x, 0.0, x + 90.0, 90.0, 0.2 + x / 1000] for x in range(0, 800, 100)]
            detections = {name: {"boxes": boxes} for name in found}
            row = {"filename": slot_name((number, image)), "metadata": prompts[-1]}
            records.append({**row, "detections": detections})
    write_lines(folder / "prompts.jsonl", prompts)
    write_lines(folder / RECORDS, records)
    return folder / RECORDS, folder / "prompts.jsonl"


def dpg_files(folder: Path) -> tuple[Path, Path]:
    """Records and questions: chains of dependencies, every third answer a no."""
    questions = [
        {
            "item_id": f"item{item}",
            "text": f"a scene {item}",
            "keywords": "",
            "proposition_id": number,
            "dependency": number // 2,
            "category_broad": "entity",
            "category_detailed": "whole",
            "tuple": f"entity - whole (thing {number})",
            "question_natural_language": f"Is there thing {number}?",
        }
        for item, number in product(range(DPG_ITEMS), range(1, DPG_QUESTIONS + 1))
    ]
    path = folder / "dpg_bench.csv"
    dpg.write_questions(path, questions)
    records = [
        {
            "item_id": row["item_id"],
            "crop": crop,
            "proposition_id": str(row["proposition_id"]),
            "answer": "no" if (row["proposition_id"] + crop) % 3 == 0 else "yes",
        }
        for row, crop in product(questions, range(CROPS))
    ]
    write_lines(folder / RECORDS, records)
    return folder / RECORDS, path


def moments(seed: int) -> Moments:
    """Mean and covariance of normal features, a chunk at a time as scoring reads them."""
    chunk = np.random.default_rng(seed).standard_normal((CHUNK, FEATURES), dtype=np.float32)
    return gather((chunk + number for number in range(IMAGES // CHUNK)), FEATURES)


def measured(folder: Path) -> dict[str, float]:
    """Seconds of each of `LIMITS`, in its order."""
    sets: list[Moments] = []
    geneval_paths, dpg_paths = (
        make(folder / name) for name, make in (("geneval", geneval_files), ("dpg", dpg_files))
    )
    candidates: list[Callable[[], object]] = [
        lambda: geneval.score(*geneval_paths, judge_name=JUDGE),
        lambda: dpg.score(*dpg_paths, judge_name=JUDGE),
        lambda: sets.append(moments(0)),
        lambda: frechet_of_moments(sets[0], sets[0]),
    ]
    seconds = []
    for run in candidates:
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return dict(zip(LIMITS, seconds, strict=True))


def main(arguments: list[str]) -> int:
    """Print the times; 1 if one is above its limit."""
    parser = argparse.ArgumentParser(prog="python -m experiments perf-scoring")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    check_counts(**vars(options))
    with threadpool_limits(options.threads), tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder))
    table = Table("what", "seconds", "limit", title=f"Scoring, {options.threads} threads")
    for name, seconds in found.items():
        limit = LIMITS[name]
        table.add_row(name, f"{seconds:.2f}", "" if limit is None else f"{limit:.0f}")
    Console().print(table)
    return int(any(limit is not None and found[name] > limit for name, limit in LIMITS.items()))
