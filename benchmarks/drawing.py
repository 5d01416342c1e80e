"""Draws a set of prompts, one image each, into files; what is drawn already stays."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.images import BATCH, batched, draw, write_image
from benchmarks.progress import begin, finish, is_finished
from benchmarks.protocol import Model, Request
from benchmarks.records import generated_manifest
from benchmarks.sharding import current


def draw_files(
    model: Model,
    prompts_path: Path,
    texts: Mapping[str, str],
    out_dir: Path,
    at_once: int = BATCH,
    run: int = 1,
) -> None:
    """Draw `texts` by the names of their files below `out_dir`, and write the manifest; of several
    processes, each draws `run` texts in a row.

    An image's seed is the running number of its text, so that an interrupted step ends with the
    images of an uninterrupted one. ValueError if the folder holds images of other prompts or
    settings.
    """
    manifest = generated_manifest(
        prompts_path, model.protocol, images_per_prompt=1, seeds="running number of the prompt"
    )
    if is_finished(out_dir, manifest, *texts):
        return
    begin(out_dir, manifest)
    requests = {
        name: Request(text, seed=number)
        for number, (name, text) in enumerate(texts.items())
        if current().has(number, run)
    }
    lacking = [name for name in requests if not (out_dir / name).exists()]
    for names in batched(lacking, at_once):
        images = draw(model, [requests[name] for name in names])
        for name, image in zip(names, images, strict=True):
            write_image(out_dir / name, image)
    finish(out_dir, manifest, *texts)
