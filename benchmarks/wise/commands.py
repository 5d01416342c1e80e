"""`python -m benchmarks {generate,judge,score,run} wise`, on WISE's own data."""

import sys
from argparse import Namespace
from pathlib import Path

from benchmarks import flags
from benchmarks.judges.named import READING_JUDGE, open_judge
from benchmarks.registry import open_model
from benchmarks.verbs import Steps
from benchmarks.wise.judging import Judging, join_prompts, judge_folder, read_prompts
from benchmarks.wise.knowledge import generate
from benchmarks.wise.official import WEIGHTED, score_official
from benchmarks.wise.protocols import IDS, PROTOCOLS
from benchmarks.wise.wordings import read_wording

PROMPTS: flags.Flag = (
    ("--prompts",),
    {"type": Path, "nargs": "+", "required": True, "metavar": "FILE", "help": "official JSON"},
)
IMAGES: flags.Flag = (
    ("--images",),
    {"type": Path, "required": True, "help": "folder of <prompt_id>.png"},
)
JUDGE: list[flags.Flag] = [
    *READING_JUDGE,
    (("--mode",), {"choices": tuple(PROTOCOLS), "default": "verified"}),
    (("--judge-prompt",), {"type": Path, "help": "a text with {prompt} and {explanation}"}),
    (("--judge-system",), {"type": Path, "help": "a system text"}),
]
SCORE: list[flags.Flag] = [
    (
        ("--records",),
        {"type": Path, "nargs": "+", "required": True, "help": "records, or their folder"},
    ),
    (("--prompts",), {**PROMPTS[1], "required": False, "help": "score these prompts alone"}),
    (("--mode",), {"choices": tuple(PROTOCOLS), "help": "default: the records' own"}),
    (("--judge-model",), {"help": "who judged records that were made elsewhere"}),
]


def arguments(verb: str) -> list[flags.Flag]:
    """Return flags and keywords of argparse for `verb`; none for a verb that is not offered."""
    draws = [flags.MODEL, PROMPTS, flags.AT_ONCE]
    offered = {
        "generate": [*draws, flags.OUT, flags.SHARD],
        "judge": [IMAGES, PROMPTS, *JUDGE, flags.ALLOW_MISSING, flags.OUT, flags.SHARD],
        "score": [*SCORE, flags.ALLOW_MISSING, flags.OUT],
        "run": [*draws, *JUDGE, flags.ALLOW_MISSING, flags.OUT, flags.SHARD],
    }
    return offered.get(verb, [])


def run_verb(verb: str, options: Namespace) -> None:
    """Run one step, or all three under one folder."""
    Steps(_generate, _judge, _score).run(verb, options)


def _generate(options: Namespace, out: Path) -> None:
    prompts = join_prompts(options.prompts, out)
    read_prompts(prompts)
    generate(open_model(options.model), prompts, out, options.at_once)


def _judge(options: Namespace, images: Path, out: Path) -> None:
    wording = read_wording(options.mode, options.judge_prompt, options.judge_system)
    protocol = PROTOCOLS[options.mode]
    judge = open_judge(options, out, protocol.max_tokens, wording.system)
    judging = Judging(
        protocol=protocol,
        wording=wording,
        workers=options.workers,
        allow_missing=options.allow_missing,
    )
    judge_folder(judge, images, join_prompts(options.prompts, out), out, judging)
    used = ", ".join(f"{name} {count}" for name, count in judge.usage.items())
    print(f"judged by {judge.label}: {used}", file=sys.stderr)


def _score(options: Namespace, given: Path | list[Path]) -> None:
    records = [given] if isinstance(given, Path) else given
    expected = IDS
    if options.prompts:
        expected = [name for path in options.prompts for name in read_prompts(path)]
    results = score_official(
        records, options.mode, options.judge_model, expected, options.allow_missing
    )
    flags.report(results, options.out)
    if results.protocol["overall"] != WEIGHTED:
        print(f"wise.overall: {results.protocol['overall']}")
