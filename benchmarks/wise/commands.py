"""What `python -m benchmarks` offers for WISE's own data: its options, and what a verb does."""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.judges.chat_config import ChatConfig
from benchmarks.judges.replies import REPLIES, ReplyLog
from benchmarks.wise.judging import Judging, join_prompts, judge_folder, read_prompts
from benchmarks.wise.knowledge import generate
from benchmarks.wise.official import score_official
from benchmarks.wise.protocols import IDS, PROTOCOLS
from benchmarks.wise.wordings import Wording, read_wording

Option = tuple[tuple[str, ...], dict[str, Any]]

PROMPTS: Option = (
    ("--prompts",),
    {"type": Path, "nargs": "+", "required": True, "metavar": "FILE", "help": "official JSON"},
)
OUT: Option = (("--out",), {"type": Path, "required": True, "help": "folder to write"})
MISSING: Option = (("--allow-missing",), {"action": "store_true"})
JUDGE: list[Option] = [
    (("--judge-url",), {"required": True, "help": "OpenAI-compatible endpoint, .../v1"}),
    (("--judge-model",), {"required": True, "help": "the judge's name there"}),
    (("--mode",), {"choices": tuple(PROTOCOLS), "default": "verified"}),
    (
        ("--judge-key-variable",),
        {"default": "OPENAI_API_KEY", "help": "environment variable that holds the key"},
    ),
    (("--judge-prompt",), {"type": Path, "help": "a text with {prompt} and {explanation}"}),
    (("--judge-system",), {"type": Path, "help": "a system text"}),
    (("--workers",), {"type": int, "default": 8, "help": "requests at a time"}),
    (("--timeout",), {"type": float, "default": 120.0, "help": "seconds a reply may take"}),
    (("--price-in",), {"type": float, "help": "dollars a million prompt tokens, for the cost"}),
    (("--price-out",), {"type": float, "help": "dollars a million reply tokens"}),
]


def arguments(verb: str) -> list[Option]:
    """Return flags and keywords of argparse for `verb`; none for a verb that is not offered."""
    images: Option = (
        ("--images",),
        {"type": Path, "required": True, "help": "folder of <prompt_id>.png"},
    )
    score: list[Option] = [
        (
            ("--records",),
            {"type": Path, "nargs": "+", "required": True, "help": "records, or their folder"},
        ),
        (("--prompts",), {**PROMPTS[1], "required": False, "help": "score these prompts alone"}),
        (("--mode",), {"choices": tuple(PROTOCOLS), "help": "default: the records' own"}),
        (("--judge-model",), {"help": "who judged records that were made elsewhere"}),
    ]
    offered = {
        "generate": [PROMPTS, OUT],
        "judge": [images, PROMPTS, *JUDGE, MISSING, OUT],
        "score": [*score, MISSING, OUT],
        "run": [PROMPTS, *JUDGE, MISSING, OUT],
    }
    return offered.get(verb, [])


def run_verb(verb: str, options: argparse.Namespace) -> None:
    """Do what `verb` says; `generate` and `run` need a loaded model in `options.model`."""
    images = options.out / "images" if verb == "run" else getattr(options, "images", options.out)
    records = options.out / "records" if verb == "run" else options.out
    if verb in ("generate", "run"):
        generate(options.model, join_prompts(options.prompts, images), images)
    if verb in ("judge", "run"):
        _judge(options, images, records)
    if verb in ("score", "run"):
        _score(options, [records] if verb == "run" else options.records)


def _judge(options: argparse.Namespace, images: Path, out: Path) -> None:
    from benchmarks.judges.chat import ChatJudge  # heavy: imports openai

    wording = read_wording(options.mode, options.judge_prompt, options.judge_system)
    judge = ChatJudge(_chat_config(options, wording), ReplyLog(out / REPLIES))
    judging = Judging(
        protocol=PROTOCOLS[options.mode],
        wording=wording,
        workers=options.workers,
        allow_missing=options.allow_missing,
    )
    judge_folder(judge, images, join_prompts(options.prompts, out), out, judging)
    used = ", ".join(f"{name} {count}" for name, count in judge.usage.items())
    print(f"judged by {judge.label}: {used}", file=sys.stderr)


def _chat_config(options: argparse.Namespace, wording: Wording) -> ChatConfig:
    return ChatConfig(
        url=options.judge_url,
        model=options.judge_model,
        system=wording.system,
        max_tokens=PROTOCOLS[options.mode].max_tokens,
        timeout_seconds=options.timeout,
        key_variable=options.judge_key_variable,
        dollars_per_million_in=options.price_in,
        dollars_per_million_out=options.price_out,
    )


def _score(options: argparse.Namespace, records: list[Path]) -> None:
    expected = IDS
    if options.prompts:
        expected = [name for path in options.prompts for name in read_prompts(path)]
    results = score_official(
        records, options.mode, options.judge_model, expected, options.allow_missing
    )
    results.write(options.out)
    for name, metric in results.metrics.items():
        interval = f"[{metric.ci_low:.4g}, {metric.ci_high:.4g}]"
        print(f"{name:60} {metric.value:8.4g}  {interval}  n={metric.n}")
    if results.protocol["missing"]:
        print(f"wise.overall: {results.protocol['overall']}")
