"""`python -m datamodules contact-sheet OUT`: look at the embedded world."""

import argparse
from dataclasses import fields
from pathlib import Path

from datamodules.world import World, WorldConfig


def main(arguments: list[str] | None = None) -> None:
    """Run one command; a bad option or configuration ends with one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m datamodules", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sheet = commands.add_parser("contact-sheet", help="write objects and scenes as one PNG")
    sheet.add_argument("out", type=Path, metavar="OUT", help="the PNG to write")
    for field in fields(WorldConfig):
        sheet.add_argument(f"--{field.name.replace('_', '-')}", type=int, default=field.default)
    options = parser.parse_args(arguments)
    try:
        config = WorldConfig(
            **{each.name: getattr(options, each.name) for each in fields(WorldConfig)}
        )
        World(config).contact_sheet(options.out)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    print(options.out)


if __name__ == "__main__":
    main()
