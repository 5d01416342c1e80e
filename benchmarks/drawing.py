"""Draws images into files, one a request: what is drawn already stays."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.images import BATCH, batched, draw, write_image
from benchmarks.progress import begin, finish, is_finished
from benchmarks.protocol import Model, Request
from benchmarks.records import generated_manifest
from benchmarks.sharding import current


def draw_files(
    model: Model,
    manifest: Mapping[str, Any],
    requests: Mapping[str, Callable[[], Request]],
    out_dir: Path,
    at_once: int = BATCH,
    run: int = 1,
) -> None:
    """Draw each request into its file below `out_dir`, and write the manifest; of several
    processes, each draws `run` requests in a row.

    A request is made when it is drawn, so that its pictures need not be in memory before.
    ValueError if the folder holds images of other prompts or settings.
    """
    if is_finished(out_dir, manifest, *requests):
        return
    begin(out_dir, manifest)
    lacking = [
        name
        for number, name in enumerate(requests)
        if current().has(number, run) and not (out_dir / name).exists()
    ]
    for names in batched(lacking, at_once):
        images = draw(model, [requests[name]() for name in names])
        for name, image in zip(names, images, strict=True):
            write_image(out_dir / name, image)
    finish(out_dir, manifest, *requests)


def draw_texts(
    model: Model,
    prompts_path: Path,
    texts: Mapping[str, str],
    out_dir: Path,
    at_once: int = BATCH,
    run: int = 1,
) -> None:
    """Draw `texts`, the prompts of a file, by the names of their files below `out_dir`.

    An image's seed is the running number of its text, so that an interrupted step ends with the
    images of an uninterrupted one.
    """
    manifest = generated_manifest(
        prompts_path, model.protocol, images_per_prompt=1, seeds="running number of the prompt"
    )
    requests = {
        name: partial(Request, text, seed=number)
        for number, (name, text) in enumerate(texts.items())
    }
    draw_files(model, manifest, requests, out_dir, at_once, run)
