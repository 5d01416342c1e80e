"""`python -m benchmarks {generate,judge,score,run} geneval`."""

import shutil
from argparse import Namespace
from pathlib import Path

from benchmarks import flags
from benchmarks.geneval import IMAGES_PER_PROMPT, generate, judge, score
from benchmarks.geneval.layout import PROMPTS, collect_prompts
from benchmarks.geneval.prompts import CLASSES, read_prompts
from benchmarks.geneval.scoring import OFFICIAL_RESULTS, write_official
from benchmarks.geneval.scoring import collect_prompts as prompts_of_records
from benchmarks.geneval.steps import SEEDS
from benchmarks.records import RECORDS, whole_file
from benchmarks.registry import open_model
from benchmarks.verbs import Steps

DETECTOR = "facebook/mask2former-swin-small-coco-instance"
CLIP = "openai/clip-vit-large-patch14"
PROMPT_FILE: flags.Flag = (
    ("--prompts",),
    {"type": Path, "help": f"{PROMPTS} (default: as the folders or records say)"},
)
JUDGE: list[flags.Flag] = [
    (("--detector",), {"default": DETECTOR, "help": "Mask2Former: folder or hub id"}),
    (("--clip",), {"default": CLIP, "help": "CLIP for the colours: folder or hub id"}),
    flags.DEVICE,
]
GENERATE: list[flags.Flag] = [
    flags.MODEL,
    (("--seeds",), {"choices": tuple(SEEDS), "default": "official"}),
    flags.AT_ONCE,
]


def arguments(verb: str) -> list[flags.Flag]:
    """Return the flags of one step."""
    count = flags.images_per_prompt()
    required = (PROMPT_FILE[0], {**PROMPT_FILE[1], "required": True})
    shared = [PROMPT_FILE, count, flags.ALLOW_MISSING]
    return {
        "generate": [*GENERATE, required, count, flags.OUT, flags.SHARD],
        "judge": [flags.IMAGES, *JUDGE, *shared, flags.OUT_OF_JUDGE, flags.SHARD],
        "score": [flags.RECORDS_FILE, flags.JUDGE_NAME, *shared, flags.OUT_OF_SCORE],
        "run": [*GENERATE, *JUDGE, *shared, flags.OUT, flags.SHARD],
    }[verb]


def run_verb(verb: str, options: Namespace) -> None:
    """Run one step, or all three under one folder."""
    Steps(_generate, _judge, _score).run(verb, options)


def _generate(options: Namespace, out: Path) -> None:
    if options.prompts is None:
        raise ValueError(f"--prompts must name the {PROMPTS} to draw, got none.")
    count = options.images_per_prompt or IMAGES_PER_PROMPT
    model = open_model(options.model)
    generate(model, options.prompts, out, count, options.seeds, options.at_once)


def _judge(options: Namespace, images: Path, out: Path | None) -> None:
    from benchmarks.judges.coloured_objects import ColouredObjects  # heavy: imports torch

    out = out or flags.records_folder(images)
    used = out / PROMPTS
    out.mkdir(parents=True, exist_ok=True)
    if options.prompts is None:
        collect_prompts(images, used)
    elif options.prompts.resolve() != used.resolve():
        with whole_file(used) as partial:
            shutil.copyfile(options.prompts, partial)
    judging = ColouredObjects(options.detector, options.clip, options.device)
    read_prompts(used, judging.detector.classes)
    judge(judging, images, used, out, options.allow_missing, options.images_per_prompt)
    print(f"records in {out / RECORDS}")


def _score(options: Namespace, given: Path) -> None:
    records = flags.records_file(given)
    out = options.out or records.parent
    prompts = options.prompts or records.parent / PROMPTS
    if not prompts.exists() and options.prompts is None:
        prompts = out / PROMPTS
        prompts_of_records(records, prompts)
    read_prompts(prompts, CLASSES)
    judged_by = vars(options).get("judge_name")  # a run's own records say it themselves
    results = score(records, prompts, options.allow_missing, judged_by, options.images_per_prompt)
    write_official(records, prompts, out / OFFICIAL_RESULTS)
    flags.report(results, out)
