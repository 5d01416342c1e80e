"""Flags that several benchmarks share, and what their last step prints."""

from pathlib import Path
from typing import Any

from benchmarks.records import RECORDS
from benchmarks.results import Results

Flag = tuple[tuple[str, ...], dict[str, Any]]


def positive(text: str) -> int:
    """Return a whole number of at least 1; ValueError for anything else."""
    if (number := int(text)) < 1:
        raise ValueError(f"a number must be at least 1, got {text}.")
    return number


MODEL: Flag = (
    ("--model",),
    {"required": True, "help": "SCHEME:NAME, or folder:DIR for images made elsewhere"},
)
OUT: Flag = (("--out",), {"type": Path, "required": True, "help": "folder to write"})
OUT_OF_JUDGE: Flag = (
    ("--out",),
    {"type": Path, "help": "folder to write (default: IMAGES-records)"},
)
OUT_OF_SCORE: Flag = (
    ("--out",),
    {"type": Path, "help": "folder to write (default: that of the records)"},
)
IMAGES: Flag = (("--images",), {"type": Path, "required": True, "help": "folder of images"})
RECORDS_FILE: Flag = (
    ("--records",),
    {"type": Path, "required": True, "help": "records.jsonl, or its folder"},
)
JUDGE_NAME: Flag = (
    ("--judge-name",),
    {"default": "unstated", "help": "who judged records that came without manifest"},
)
ALLOW_MISSING: Flag = (
    ("--allow-missing",),
    {"action": "store_true", "help": "score what there is, and list the rest"},
)
AT_ONCE: Flag = (
    ("--at-once",),
    {"type": positive, "default": 16, "help": "images drawn between two writes (default: 16)"},
)
SHARD: Flag = (
    ("--shard",),
    {
        "metavar": "I/N",
        "help": "part I of N, from 0 on, of this work (default: as torchrun says, or all of it)",
    },
)
DEVICE: Flag = (("--device",), {"help": "device of the judge (default: cuda if there is one)"})


def images_per_prompt(*choices: int) -> Flag:
    """Return the flag for how many images a prompt has; without `choices`, any number."""
    allowed = {"choices": choices} if choices else {}
    text = "images of a prompt (default: as the manifest says, or 4)"
    return ("--images-per-prompt",), {"type": positive, "help": text, **allowed}


def records_file(path: Path) -> Path:
    """Return the records file that `--records` means."""
    return path / RECORDS if path.is_dir() else path


def records_folder(images: Path) -> Path:
    """Return where the records of a folder of images go if nothing else is said."""
    return images.with_name(f"{images.resolve().name}-records")


def report(results: Results, out: Path) -> None:
    """Write results into `out` and print the metrics."""
    results.write(out)
    print(results.table())
    print(f"{results.n_scored} of {results.n_expected} scored, in {out}")
