"""`python -m benchmarks`: draw, judge and score from the command line, on folders and record files.

Models and judges here are the embedded world's references; our own checkpoints are measured by
`python -m experiments`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

BENCHMARKS = ("geneval", "dpg", "wise", "mjhq_fid", "vqa")
VERBS = {
    "prompts": "write the world's prompt files",
    "generate": "draw the prompts, or answer the questions",
    "judge": "turn images into records",
    "score": "turn records into results.json",
    "run": "generate, judge and score",
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line; exits with a message if it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, text in VERBS.items():
        verb = verbs.add_parser(name, help=text, description=text)
        if name == "prompts":
            verb.add_argument("--world", nargs="*", default=[], metavar="FIELD=NUMBER")
            verb.add_argument("--count", nargs="*", default=[], metavar="FIELD=NUMBER")
            verb.add_argument("--geneval", type=Path, help="the official evaluation_metadata.jsonl")
        else:
            verb.add_argument("benchmark", choices=BENCHMARKS)
            verb.add_argument("--prompts", type=Path, required=True, help="folder of prompts")
            verb.add_argument("--allow-missing", action="store_true")
        if name in ("generate", "run"):
            verb.add_argument("--model", choices=("ceiling", "floor"), default="ceiling")
        if name == "judge":
            verb.add_argument("--images", type=Path, required=True, help="folder of images")
        if name in ("judge", "run"):
            verb.add_argument("--judge", default="template", help="template, or learnt:FILE")
        if name == "score":
            verb.add_argument("--records", type=Path, required=True, help="folder of records")
        verb.add_argument("--out", type=Path, required=True, help="folder to write")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; bad input is one line on the error stream and status 2."""
    options = parse(arguments)
    from benchmarks import commands  # after parsing: --help needs none of it

    try:
        getattr(commands, options.verb)(options)
    except (ValueError, OSError) as error:
        print(f"benchmarks {options.verb}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
