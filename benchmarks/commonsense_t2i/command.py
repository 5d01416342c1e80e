"""`python -m benchmarks {generate,judge,score,run} commonsense_t2i`."""

from argparse import Namespace
from pathlib import Path

from benchmarks import flags
from benchmarks.commonsense_t2i.scoring import score
from benchmarks.commonsense_t2i.steps import IMAGES_PER_PROMPT, NEGATIVES, generate, judge
from benchmarks.registry import open_model
from benchmarks.verbs import Steps

CLIP = "openai/clip-vit-large-patch14"
PROMPTS: flags.Flag = (
    ("--prompts",),
    {"type": Path, "required": True, "help": "official data.json, or its columns as CSV"},
)
NEGATIVE: flags.Flag = (
    ("--negative-prompts",),
    {"action": "store_true", "help": "each image is drawn away from its pair's other prompt"},
)
JUDGE: list[flags.Flag] = [
    (("--clip",), {"default": CLIP, "help": f"CLIP: folder or hub id (default: {CLIP})"}),
    flags.DEVICE,
]


def arguments(verb: str) -> list[flags.Flag]:
    """Return the flags of one step."""
    draws = [flags.MODEL, flags.AT_ONCE]
    asked = [PROMPTS, NEGATIVE, flags.images_per_prompt()]
    last = [flags.ALLOW_MISSING, flags.OUT]
    return {
        "generate": [*draws, *asked, flags.OUT, flags.SHARD],
        "judge": [flags.IMAGES, *asked, *JUDGE, *last, flags.SHARD],
        "score": [flags.RECORDS_FILE, PROMPTS, flags.JUDGE_NAME, *last],
        "run": [*draws, *asked, *JUDGE, *last, flags.SHARD],
    }[verb]


def run_verb(verb: str, options: Namespace) -> None:
    """Run one step, or all three under one folder."""
    Steps(_generate, _judge, _score).run(verb, options)


def _generate(options: Namespace, out: Path) -> None:
    count = options.images_per_prompt or IMAGES_PER_PROMPT
    model = open_model(options.model)
    generate(model, options.prompts, out, count, options.negative_prompts, options.at_once)


def _judge(options: Namespace, images: Path, out: Path) -> None:
    from benchmarks.judges.clip_likeness import ClipLikeness  # heavy: imports torch

    stated = {"images_per_prompt": options.images_per_prompt, NEGATIVES: options.negative_prompts}
    given = {name: value for name, value in stated.items() if value}
    likeness = ClipLikeness(options.clip, options.device)
    judge(likeness, images, options.prompts, out, options.allow_missing, **given)


def _score(options: Namespace, records: Path) -> None:
    name = vars(options).get("judge_name")  # a run's own records say it themselves
    results = score(flags.records_file(records), options.prompts, options.allow_missing, name)
    flags.report(results, options.out)
