"""`python -m datamodules pages OUT` and `python -m datamodules mine PAGES OUT`."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from datamodules.mining.mine import PAIRS, MineConfig, Miner
from datamodules.mining.pages import read_pages
from datamodules.mining.world_pages import write_pages
from datamodules.mining.writers import KEY_VARIABLE, LocalWriter, ServerWriter, Writer
from datamodules.pairs.about import begin
from datamodules.world import World, WorldConfig


def add_page_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder")
    parser.add_argument("--count", type=int, default=100)


def write(options: argparse.Namespace) -> None:
    print(write_pages(World(WorldConfig()), options.count, options.out))


def add_mine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pages", type=Path, metavar="PAGES", help="JSON lines as Multimodal C4's")
    parser.add_argument("out", type=Path, metavar="OUT", help=f"the folder that gets {PAIRS}")
    parser.add_argument("--images", type=Path, help="folder of the pictures; images beside PAGES")
    parser.add_argument("--encoder", required=True, help="CLIP form or text encoder, folder or id")
    writer = parser.add_mutually_exclusive_group(required=True)
    writer.add_argument("--writer", help="vision-language model, folder or hub id")
    writer.add_argument("--writer-url", help=f"OpenAI-compatible endpoint; key in {KEY_VARIABLE}")
    parser.add_argument("--writer-model", default="", help="the endpoint's model")
    for field in fields(MineConfig):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=type(field.default), default=field.default)


def mine(options: argparse.Namespace) -> None:
    """Prints counts, and names what is broken."""
    from datamodules.mining.encoders import PageEncoder

    config = MineConfig(**{one.name: getattr(options, one.name) for one in fields(MineConfig)})
    pages = list(read_pages(options.pages))
    images = options.images or options.pages.parent / "images"
    writer = chosen_writer(options)
    miner = Miner(PageEncoder(options.encoder), writer, images, config)
    options.out.mkdir(parents=True, exist_ok=True)
    begin(options.out, made_with(options))
    ledger = miner.run(pages, options.out)
    for one in ledger.broken:
        print(f"broken: {one.name}: {one.reason}")
    print(f"{options.out / PAIRS}: {len(pages)} pages, {len(ledger.broken)} broken pictures")


def made_with(options: argparse.Namespace) -> dict[str, Any]:
    """What decides a page's pairs."""
    names = ("encoder", "writer", "writer_url", "writer_model", "threshold", "largest")
    return {name: getattr(options, name) for name in names}


def chosen_writer(options: argparse.Namespace) -> Writer:
    if options.writer:
        return LocalWriter(options.writer)
    if not options.writer_model:
        raise ValueError("--writer-model must name the endpoint's model, got nothing.")
    return ServerWriter(options.writer_url, options.writer_model)
