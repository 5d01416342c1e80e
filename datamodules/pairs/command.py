"""`python -m datamodules precompute OUT`: a source's images as codes or latents, in shards."""

import argparse
import logging
from dataclasses import asdict, fields
from pathlib import Path

from datamodules.pairs.deal import Rank
from datamodules.pairs.sources import FORMS, SourceConfig, open_source

NOT_ASKED = ("form", "path", "weight")
MINED = "mined"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder of the shards")
    parser.add_argument("--form", required=True, choices=FORMS)
    parser.add_argument("--path", required=True, help="file, pattern, folder or hub id")
    for field in fields(SourceConfig):
        if field.name not in NOT_ASKED:
            parser.add_argument(f"--{field.name}", default=field.default)
    parser.add_argument("--encoder", required=True, help="folder or hub id of an autoencoder")
    parser.add_argument("--subfolder", help="of the encoder within a pipeline, such as vae")
    parser.add_argument("--pixels", type=int, required=True, help="side of the square images")
    parser.add_argument("--shard-size", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0, help="processes that read ahead")
    parser.add_argument("--max-broken", type=float, default=0.01, help="share put up with")
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--ranks", type=int, default=1, help="processes that share the shards")


def run(options: argparse.Namespace) -> None:
    """Prints counts, and names the broken samples.

    ValueError for mined pairs: a shard has no place for the images that one is made from.
    """
    if options.form == MINED:
        raise ValueError(
            "--form must be one of single images, got mined, whose reference images would be lost."
        )
    if options.pixels < 1:
        raise ValueError(f"--pixels must be at least 1, got {options.pixels}.")
    from datamodules.pairs.encoders import DiffusersEncoder
    from datamodules.pairs.precompute import PrecomputeConfig, precompute

    named = {one.name: getattr(options, one.name, one.default) for one in fields(SourceConfig)}
    chosen = SourceConfig(**named)
    config = PrecomputeConfig(
        shard_size=options.shard_size,
        batch=options.batch,
        workers=options.workers,
        max_broken=options.max_broken,
    )
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # a line a shard
    rank = Rank(options.rank, options.ranks)
    source = open_source(chosen, options.pixels)
    encoder = DiffusersEncoder(options.encoder, options.subfolder)
    about = {**asdict(chosen), "pixels": options.pixels}
    ledger = precompute(source, about, encoder, options.out, config, rank)
    for one in ledger.broken:
        print(f"broken: {one.name}: {one.reason}")
    print(f"{options.out}: {ledger.read} samples read, {len(ledger.broken)} broken")
