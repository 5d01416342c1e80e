"""`python -m benchmarks`: draw, judge, score and compare, on public models, folders and record
files.

Our own checkpoints are measured by `python -m experiments`; `world` serves the embedded world's
references.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence

from benchmarks.registry import BENCHMARKS, COMMANDS, VERBS, WORLD, WORLD_VERBS, load
from benchmarks.sharding import Shard, UnfinishedPartsError, read_shard, working_on


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line with `module` and `verb`; exits with a message if it is wrong.

    Only the module that the first words name is imported, for its flags.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for verb, text in VERBS.items():
        steps = {(name, verb): path for name, path in BENCHMARKS.items()}
        _add_names(commands.add_parser(verb, help=text, description=text), steps, arguments)
    text = "the embedded world's prompts and references"
    world = commands.add_parser("world", help=text, description=text)
    steps = {(verb, verb): WORLD for verb in WORLD_VERBS}
    _add_names(world, steps, arguments)
    for name, (path, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if arguments[:1] == [name]:
            _add_flags(command, path, name)
    return parser.parse_args(arguments)


def _add_names(
    parser: argparse.ArgumentParser,
    steps: Mapping[tuple[str, str], str],
    arguments: Sequence[str],
) -> None:
    """Add a word for each step (name, verb); the one that the command line has gets its flags."""
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    command = parser.prog.split()[-1]
    for (name, verb), path in steps.items():
        step = names.add_parser(name, help=WORLD_VERBS[verb] if name == verb else None)
        if list(arguments[:2]) == [command, name]:
            _add_flags(step, path, verb)


def _add_flags(parser: argparse.ArgumentParser, path: str, verb: str) -> None:
    flags = load(path).arguments(verb)
    if not flags:
        parser.error(f"there is no step {verb!r} of this benchmark.")
    for names, keywords in flags:
        parser.add_argument(*names, **keywords)
    parser.set_defaults(module=path, verb=verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; bad input is one line on the error stream and status 2.

    Where other processes still do their part of it, this one ends well and says so.
    """
    options = parse(list(sys.argv[1:] if arguments is None else arguments))
    try:
        shard = read_shard(options.shard) if "shard" in options else Shard()
        with working_on(shard):
            load(options.module).run_verb(options.verb, options)
    except UnfinishedPartsError as rest:
        print(f"{rest}; who ends last goes on from there")
    except (ValueError, OSError) as error:
        named = options.command + (f" {options.name}" if "name" in options else "")
        print(f"benchmarks {named}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
