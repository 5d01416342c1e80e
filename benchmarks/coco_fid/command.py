"""`python -m benchmarks {generate,judge,score,run} coco_fid`, on COCO's own captions and images."""

from argparse import Namespace
from pathlib import Path

from benchmarks import flags
from benchmarks.coco_fid.captions import SAMPLES, read_captions, sample, write_meta
from benchmarks.coco_fid.scoring import score
from benchmarks.mjhq_fid.commands import RECORDS, REFERENCE, extractor
from benchmarks.mjhq_fid.extraction import judge
from benchmarks.mjhq_fid.folder import generate
from benchmarks.registry import open_model
from benchmarks.verbs import Steps

RESIZE = "torchmetrics-256"
"""MetaQuery's, whose figures are the ones to compare with."""
ALL_FILE = "images.json"
CAPTIONS: flags.Flag = (
    ("--captions",),
    {"type": Path, "required": True, "help": "COCO's annotations: captions_val2014.json"},
)
SAMPLING: list[flags.Flag] = [
    (
        ("--samples",),
        {"type": flags.positive, "default": SAMPLES, "help": f"captions (default: {SAMPLES})"},
    ),
    (("--seed",), {"type": int, "default": 0, "help": "which sample of captions (default: 0)"}),
]
REAL: flags.Flag = (
    ("--real",),
    {"action": "store_true", "help": "the images are COCO's own, all that --captions names"},
)


def arguments(verb: str) -> list[flags.Flag]:
    """Return the flags of one step."""
    asked = [CAPTIONS, *SAMPLING]
    draws = [flags.MODEL, flags.AT_ONCE]
    judges, last = extractor(RESIZE), [flags.ALLOW_MISSING, flags.OUT]
    return {
        "generate": [*draws, *asked, flags.OUT, flags.SHARD],
        "judge": [flags.IMAGES, REAL, *asked, *judges, *last, flags.SHARD],
        "score": [RECORDS, *asked, *REFERENCE, *last],
        "run": [*draws, *asked, *judges, *REFERENCE, *last, flags.SHARD],
    }[verb]


def run_verb(verb: str, options: Namespace) -> None:
    """Run one step, or all three under one folder."""
    Steps(_generate, _judge, _score).run(verb, options)


def sampled(options: Namespace, out: Path) -> Path:
    """Return the file of the captions that are drawn, written into `out`; its name goes into the
    protocol.
    """
    texts = sample(read_captions(options.captions), options.samples, options.seed)
    return write_meta(out / f"captions-{options.samples}-seed{options.seed}.json", texts)


def _generate(options: Namespace, out: Path) -> None:
    wanted = sampled(options, out)
    generate(open_model(options.model), wanted, out, options.at_once)


def _judge(options: Namespace, images: Path, out: Path) -> None:
    from benchmarks.judges.inception import InceptionFeatures  # heavy: imports torch

    if vars(options).get("real"):
        captions = read_captions(options.captions)
        meta = write_meta(out / ALL_FILE, {stem: texts[0] for stem, texts in captions.items()})
    else:
        meta = sampled(options, out)
    inception = InceptionFeatures(options.inception, options.resize, options.device)
    judge(inception, images, meta, out, options.allow_missing)


def _score(options: Namespace, records: Path) -> None:
    wanted = sampled(options, options.out)
    results = score(records, options.reference, wanted, options.allow_missing, options.cache)
    flags.report(results, options.out)
    for warning in results.protocol["warnings"]:
        print(f"warning: {warning}")
