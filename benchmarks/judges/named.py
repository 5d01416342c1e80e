"""The judge that reads, as the command line names it: behind a chat endpoint, or a checkpoint in
this process.
"""

from argparse import Namespace
from pathlib import Path

from benchmarks.flags import DEVICE, Flag
from benchmarks.judges.asking import Asker
from benchmarks.judges.chat_config import ChatConfig
from benchmarks.judges.replies import REPLIES, Remembered, ReplyLog

LOCAL = "hf"
CHECKPOINT: Flag = (
    ("--judge",),
    {"help": f"{LOCAL}:FOLDER_OR_HUB_ID, an image-text-to-text model run here"},
)
ENDPOINT: list[Flag] = [
    (("--judge-url",), {"help": "OpenAI-compatible endpoint of the judge, .../v1"}),
    (("--judge-model",), {"help": "the judge's name there"}),
    (
        ("--judge-key-variable",),
        {"default": "OPENAI_API_KEY", "help": "environment variable that holds the key"},
    ),
    (("--workers",), {"type": int, "default": 8, "help": "requests at a time"}),
    (("--timeout",), {"type": float, "default": 120.0, "help": "seconds a reply may take"}),
    (("--price-in",), {"type": float, "help": "dollars a million prompt tokens, for the cost"}),
    (("--price-out",), {"type": float, "help": "dollars a million reply tokens"}),
]
READING_JUDGE = [CHECKPOINT, DEVICE, *ENDPOINT]


def checkpoint_of(judge: str) -> str:
    """Return the folder or hub id of `hf:NAME`; ValueError for another scheme."""
    scheme, _, name = judge.partition(":")
    if scheme != LOCAL or not name:
        raise ValueError(f"--judge must be {LOCAL}:FOLDER_OR_HUB_ID, got {judge!r}.")
    return name


def open_judge(options: Namespace, out: Path, max_tokens: int, system: str = "") -> Asker:
    """Return the judge that `--judge` or `--judge-url` names, its replies kept in `out`.

    ValueError unless it is one of them, OSError if a checkpoint cannot be loaded.
    """
    if bool(options.judge) == bool(options.judge_url):
        found = "both" if options.judge else "neither"
        raise ValueError(f"one of --judge and --judge-url must name the judge, got {found}.")
    replies = ReplyLog(out / REPLIES)
    if options.judge:
        name = checkpoint_of(options.judge)
        from benchmarks.judges.vision_language import VisionLanguageModel  # heavy: imports torch

        return Remembered(VisionLanguageModel(name, options.device, max_tokens, system), replies)
    if not options.judge_model:
        raise ValueError("--judge-model must name the judge at --judge-url, got nothing.")
    from benchmarks.judges.chat import ChatJudge  # heavy: imports openai

    config = ChatConfig(
        url=options.judge_url,
        model=options.judge_model,
        system=system,
        max_tokens=max_tokens,
        timeout_seconds=options.timeout,
        key_variable=options.judge_key_variable,
        dollars_per_million_in=options.price_in,
        dollars_per_million_out=options.price_out,
    )
    return ChatJudge(config, replies)
