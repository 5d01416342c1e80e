"""`python -m benchmarks {generate,judge,score,run} mjhq_fid`, on MJHQ's own data."""

from argparse import Namespace
from pathlib import Path

from benchmarks import flags
from benchmarks.mjhq_fid.extraction import judge
from benchmarks.mjhq_fid.folder import generate, read_meta
from benchmarks.mjhq_fid.official import score_official
from benchmarks.registry import open_model
from benchmarks.verbs import Steps

RESIZES = ("clean", "torchmetrics-256", "torch-fidelity")

META: flags.Flag = (
    ("--meta",),
    {"type": Path, "required": True, "help": "meta_data.json: category and prompt by id"},
)
IMAGES: flags.Flag = (
    ("--images",),
    {"type": Path, "required": True, "help": "folder of <category>/<id>.<ext>"},
)
RECORDS: flags.Flag = (
    ("--records",),
    {"type": Path, "required": True, "help": "features.npz, or its folder"},
)
REFERENCE: list[flags.Flag] = [
    (
        ("--reference",),
        {"type": Path, "required": True, "help": "features of the real images, or their folder"},
    ),
    (("--cache",), {"type": Path, "help": "folder of cached statistics (default: beside those)"}),
]


def extractor(resize: str) -> list[flags.Flag]:
    """Return the flags of Inception, `resize` where nothing is said."""
    weights = "file of Inception's weights (default: torch-fidelity's download)"
    return [
        (("--inception",), {"type": Path, "help": weights}),
        (("--resize",), {"choices": RESIZES, "default": resize, "help": f"default: {resize}"}),
        flags.DEVICE,
    ]


def arguments(verb: str) -> list[flags.Flag]:
    """Return flags and keywords of argparse for `verb`; none for a verb that is not offered."""
    draws = [flags.MODEL, META, flags.AT_ONCE]
    judges = extractor("clean")
    last = [flags.ALLOW_MISSING, flags.OUT]
    offered = {
        "generate": [*draws, flags.OUT, flags.SHARD],
        "judge": [IMAGES, META, *judges, *last, flags.SHARD],
        "score": [RECORDS, META, *REFERENCE, *last],
        "run": [*draws, *judges, *REFERENCE, *last, flags.SHARD],
    }
    return offered.get(verb, [])


def run_verb(verb: str, options: Namespace) -> None:
    """Run one step, or all three under one folder."""
    Steps(_generate, _judge, _score).run(verb, options)


def _generate(options: Namespace, out: Path) -> None:
    read_meta(options.meta)
    generate(open_model(options.model), options.meta, out, options.at_once)


def _judge(options: Namespace, images: Path, out: Path) -> None:
    from benchmarks.judges.inception import InceptionFeatures  # heavy: imports torch

    extractor = InceptionFeatures(options.inception, options.resize, options.device)
    judge(extractor, images, options.meta, out, options.allow_missing)


def _score(options: Namespace, records: Path) -> None:
    results = score_official(
        records, options.reference, options.meta, options.allow_missing, options.cache
    )
    flags.report(results, options.out)
    for warning in results.protocol["warnings"]:
        print(f"warning: {warning}")
