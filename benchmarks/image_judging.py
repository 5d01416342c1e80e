"""One record an image, kept as they come: a judge that was interrupted goes on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.images import image_batches
from benchmarks.progress import Journal, fingerprint, hash_files, is_finished
from benchmarks.records import MANIFEST, RECORDS, require_complete, write_json, write_lines
from benchmarks.sharding import current, joined

JUDGED_AT_ONCE = 32
"""Images between two entries of the journal."""
FILE = "filename"
"""What a record calls its image."""

Look = Callable[[Sequence[str], Sequence[np.ndarray]], Iterable[Mapping[str, Any]]]
"""Names of files and their images, uint8 [h, w, 3], to what is seen in each."""


def judge_images(
    images_dir: Path,
    names: Sequence[str],
    look: Look,
    manifest: Mapping[str, Any],
    out_dir: Path,
    allow_missing: bool = False,
) -> None:
    """Write one record a file of `names`, in order, and the manifest with the images' fingerprint.

    MissingItemsError for an image that is missing or cannot be read, unless that is allowed.
    """
    hashes = hash_files(images_dir, names)
    if is_finished(out_dir, {**manifest, "images": fingerprint(hashes)}, RECORDS):
        return
    own = [name for number, name in enumerate(names) if current().has(number)]
    require_complete("images", own, [name for name in own if name in hashes], allow_missing)
    with Journal(out_dir, manifest, hashes) as journal:
        done = {row[FILE] for row in journal.rows}
        waiting = [name for name in own if name not in done]
        for seen, images in image_batches(images_dir, waiting, JUDGED_AT_ONCE):
            found = zip(seen, look(seen, images), strict=True)
            journal.append((name, {FILE: name, **row}) for name, row in found)
    done = {row[FILE] for row in journal.rows}
    require_complete("images", own, done.intersection(own), allow_missing)
    with joined(out_dir, manifest):
        hashes = hash_files(images_dir, names)
        rows = {row[FILE]: row for row in journal.read(hashes)}
        require_complete("images", names, rows, allow_missing)
        write_lines(out_dir / RECORDS, [rows[name] for name in names if name in rows])
        write_json(out_dir / MANIFEST, {**manifest, "images": fingerprint(hashes)})
        journal.remove()
