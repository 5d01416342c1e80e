"""The same prompts drawn by every arm, side by side, from the official GenEval folders."""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from experiments.evidence.collect import Gathered
from experiments.planning.plan import Cell
from experiments.store.steps import Store

BENCHMARK = "geneval"
COLOURS = 32


@dataclass(frozen=True)
class Sample:
    """A PNG as a data address, and whether the judge found what was asked (None if unknown)."""

    address: str
    right: bool | None


@dataclass(frozen=True)
class Prompt:
    """A prompt, its tag and column, and what each arm drew for it."""

    text: str
    kind: str
    samples: Mapping[str, Sample]


def sample_grid(found: Gathered, store: Store) -> list[Prompt]:
    """The first prompt of each tag and column, drawn by every arm's first seed."""
    cells = drawn_cells(found, store, BENCHMARK)
    folders = {arm: store.path(one.steps[f"generate_{BENCHMARK}"]) for arm, one in cells.items()}
    folders = {arm: root for arm, root in folders.items() if any(root.rglob("metadata.jsonl"))}
    if not folders:
        return []
    first = next(iter(folders.values()))
    right = {arm: found.right(arm, cells[arm].seed, BENCHMARK) for arm in folders}
    chosen: dict[str, tuple[Path, str]] = {}
    for path in sorted(first.rglob("metadata.jsonl")):
        record = json.loads(path.read_text().splitlines()[0])
        kind = " ".join(filter(None, (record["tag"], record.get("column"))))
        chosen.setdefault(kind, (path.parent.relative_to(first), record["prompt"]))
    return [
        Prompt(text, kind, {arm: sample(root / name, right[arm]) for arm, root in folders.items()})
        for kind, (name, text) in sorted(chosen.items())
    ]


def drawn_cells(found: Gathered, store: Store, benchmark: str) -> dict[str, Cell]:
    """Each arm's first cell that has drawn the benchmark."""
    cells: dict[str, Cell] = {}
    for cell in found.plan.cells:
        folder = cell.steps.get(f"generate_{benchmark}")
        if folder is not None and store.exists(folder):
            cells.setdefault(cell.arm, cell)
    return cells


def sample(folder: Path, right: Mapping[str, bool]) -> Sample:
    """The first image of a prompt's folder."""
    path = min((folder / "samples").glob("*.png"))
    name = "/".join(path.parts[-3:])
    return Sample(data_address(path), right.get(name))


def data_address(path: Path) -> str:
    """The image in COLOURS colours, which the eye cannot tell from it, as a PNG in the page."""
    out = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").quantize(COLOURS).save(out, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
