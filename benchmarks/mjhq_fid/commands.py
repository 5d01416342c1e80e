"""What `python -m benchmarks` offers for MJHQ's own data: its options, and what a verb does."""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.mjhq_fid.extraction import judge
from benchmarks.mjhq_fid.folder import generate
from benchmarks.mjhq_fid.official import score_official

RESIZES = ("clean", "torchmetrics-256", "torch-fidelity")
Option = tuple[tuple[str, ...], dict[str, Any]]

META: Option = (
    ("--meta",),
    {"type": Path, "required": True, "help": "meta_data.json: category and prompt by id"},
)
OUT: Option = (("--out",), {"type": Path, "required": True, "help": "folder to write"})
MISSING: Option = (("--allow-missing",), {"action": "store_true"})
EXTRACTOR: list[Option] = [
    (
        ("--inception",),
        {"type": Path, "help": "file of Inception's weights (default: torch-fidelity's download)"},
    ),
    (("--resize",), {"choices": RESIZES, "default": "clean"}),
    (("--device",), {"help": "cpu, cuda, ... (default: cuda where there is one)"}),
]
REFERENCE: list[Option] = [
    (
        ("--reference",),
        {"type": Path, "required": True, "help": "features of the real images, or their folder"},
    ),
    (("--cache",), {"type": Path, "help": "folder of cached statistics (default: beside those)"}),
]


def arguments(verb: str) -> list[Option]:
    """Return flags and keywords of argparse for `verb`; none for a verb that is not offered."""
    images: Option = (
        ("--images",),
        {"type": Path, "required": True, "help": "folder of <category>/<id>.<ext>"},
    )
    records: Option = (
        ("--records",),
        {"type": Path, "required": True, "help": "features.npz, or its folder"},
    )
    offered = {
        "generate": [META, OUT],
        "judge": [images, META, *EXTRACTOR, MISSING, OUT],
        "score": [records, META, *REFERENCE, MISSING, OUT],
        "run": [META, *EXTRACTOR, *REFERENCE, MISSING, OUT],
    }
    return offered.get(verb, [])


def run_verb(verb: str, options: argparse.Namespace) -> None:
    """Do what `verb` says; `generate` and `run` need a loaded model in `options.model`."""
    if verb in ("generate", "run"):
        folder = options.out / "images" if verb == "run" else options.out
        generate(options.model, options.meta, folder)
    if verb in ("judge", "run"):
        from benchmarks.judges.inception import InceptionFeatures  # heavy: imports torch

        extractor = InceptionFeatures(options.inception, options.resize, options.device)
        images = options.out / "images" if verb == "run" else options.images
        folder = options.out / "records" if verb == "run" else options.out
        judge(extractor, images, options.meta, folder, options.allow_missing)
    if verb in ("score", "run"):
        records = options.out / "records" if verb == "run" else options.records
        results = score_official(
            records, options.reference, options.meta, options.allow_missing, options.cache
        )
        results.write(options.out)
        for name, metric in results.metrics.items():
            print(f"{name:60} {metric.value:10.5g}  n={metric.n}")
        for warning in results.protocol["warnings"]:
            print(f"warning: {warning}")
