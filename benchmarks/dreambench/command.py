"""`python -m benchmarks {generate,judge,score,run} dreambench`, on DreamBooth's own data."""

from argparse import Namespace
from pathlib import Path

from benchmarks import flags
from benchmarks.dreambench.scoring import score
from benchmarks.dreambench.steps import IMAGES_PER_PROMPT, generate, judge
from benchmarks.dreambench.subjects import PROMPTS_FILE, read_subjects
from benchmarks.registry import open_model
from benchmarks.verbs import Steps

DINO, CLIP = "facebook/dino-vits16", "openai/clip-vit-base-patch32"
DATA: flags.Flag = (
    ("--data",),
    {"type": Path, "required": True, "help": f"folder of subjects, with {PROMPTS_FILE}"},
)
JUDGE: list[flags.Flag] = [
    (("--dino",), {"default": DINO, "help": f"DINO: folder or hub id (default: {DINO})"}),
    (("--clip",), {"default": CLIP, "help": f"CLIP: folder or hub id (default: {CLIP})"}),
    flags.DEVICE,
]


def arguments(verb: str) -> list[flags.Flag]:
    """Return the flags of one step."""
    draws = [flags.MODEL, flags.AT_ONCE]
    asked, last = [DATA, flags.images_per_prompt()], [flags.ALLOW_MISSING, flags.OUT]
    return {
        "generate": [*draws, *asked, flags.OUT, flags.SHARD],
        "judge": [flags.IMAGES, *asked, *JUDGE, *last, flags.SHARD],
        "score": [flags.RECORDS_FILE, DATA, flags.JUDGE_NAME, *last],
        "run": [*draws, *asked, *JUDGE, *last, flags.SHARD],
    }[verb]


def run_verb(verb: str, options: Namespace) -> None:
    """Run one step, or all three under one folder."""
    Steps(_generate, _judge, _score).run(verb, options)


def _generate(options: Namespace, out: Path) -> None:
    read_subjects(options.data)
    count = options.images_per_prompt or IMAGES_PER_PROMPT
    generate(open_model(options.model), options.data, out, count, options.at_once)


def _judge(options: Namespace, images: Path, out: Path) -> None:
    from benchmarks.judges.subject_likeness import SubjectLikeness  # heavy: imports torch

    likeness = SubjectLikeness(options.dino, options.clip, options.device)
    count = options.images_per_prompt
    judge(likeness, images, options.data, out, options.allow_missing, count)


def _score(options: Namespace, records: Path) -> None:
    name = vars(options).get("judge_name")  # a run's own records say it themselves
    results = score(flags.records_file(records), options.data, options.allow_missing, name)
    flags.report(results, options.out)
