"""`python -m datamodules <command>`: look at the embedded world, precompute and mine data."""

import argparse
from dataclasses import fields
from pathlib import Path

from datamodules.mining import command as mining
from datamodules.pairs import command as precompute
from datamodules.world import World, WorldConfig
from datamodules.world.contact_sheet import contact_sheet

SCALE = 4
"""How much larger than the world's own pixels a contact sheet is."""


def contact_sheet_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="the PNG to write")
    for field in fields(WorldConfig):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=int, default=field.default)


def write_contact_sheet(options: argparse.Namespace) -> None:
    config = WorldConfig(**{each.name: getattr(options, each.name) for each in fields(WorldConfig)})
    contact_sheet(World(config), SCALE).save(options.out)
    print(options.out)


COMMANDS = {
    "contact-sheet": (
        "write objects and scenes as one PNG",
        contact_sheet_options,
        write_contact_sheet,
    ),
    "precompute": (
        "write codes or latents of a source's images, in shards",
        precompute.add_options,
        precompute.run,
    ),
    "pages": (
        "write pages with pictures and text, made from the world",
        mining.add_page_options,
        mining.write,
    ),
    "mine": (
        "mine instruction pairs from pages with pictures and text",
        mining.add_mine_options,
        mining.mine,
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Run one command; a bad option or configuration ends with one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m datamodules", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (text, add_options, run) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        add_options(command)
        command.set_defaults(run=run)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
