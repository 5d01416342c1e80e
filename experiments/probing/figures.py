"""What the steps `probe_*` of a run have drawn: each arm's figure, or why the probe does not apply.

A step leaves tables (`*.csv`, with the reason in a column `note` where a probe does not apply) and
figures (`*.svg` or `*.png`).
"""

import base64
import gzip
from dataclasses import dataclass
from pathlib import Path

from benchmarks.probes.tables import read_table, reasons
from experiments.evidence.collect import Gathered
from experiments.probing.tables import PROBE
from experiments.store.steps import Store

KINDS = {".svg": "application/gzip", ".png": "image/png"}


@dataclass(frozen=True)
class ProbeFigure:
    """A probe on an arm's first finished cell: pictures as data addresses, tables by their path
    below `runs`, and the reasons why a part does not apply."""

    arm: str
    seed: int
    pictures: tuple[str, ...]
    tables: tuple[str, ...]
    notes: tuple[str, ...]


def probe_figures(found: Gathered, store: Store) -> dict[str, list[ProbeFigure]]:
    """Figures by probe, an arm each; nothing where no probe has run."""
    probes: dict[str, dict[str, ProbeFigure]] = {}
    for cell in found.plan.cells:
        for name, folder in cell.steps.items():
            if name.startswith(PROBE):
                arms = probes.setdefault(name.removeprefix(PROBE), {})
                if cell.arm not in arms and store.exists(folder):
                    arms[cell.arm] = read_figure(cell.arm, cell.seed, store, folder)
    return {probe: list(arms.values()) for probe, arms in probes.items() if arms}


def read_figure(arm: str, seed: int, store: Store, folder: str) -> ProbeFigure:
    files = sorted(store.path(folder).iterdir())
    tables = [path for path in files if path.suffix == ".csv"]
    return ProbeFigure(
        arm=arm,
        seed=seed,
        pictures=tuple(address(path) for path in files if path.suffix in KINDS),
        tables=tuple(str(path.relative_to(store.runs)) for path in tables),
        notes=tuple(reasons({path.stem: read_table(path) for path in tables})),
    )


def address(path: Path) -> str:
    """A picture as a data address: shown as an image, an SVG's scripts and links do nothing.

    An SVG is packed to a tenth of its size, and the page unpacks it.
    """
    kind, content = KINDS[path.suffix], path.read_bytes()
    if path.suffix == ".svg":
        content = gzip.compress(content, mtime=0)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
