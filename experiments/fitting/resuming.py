"""The checkpoint that a stopped training goes on from: a file, or a folder where it is sharded."""

import logging
import shutil
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile, ZipFile

logger = logging.getLogger(__name__)

RESUME = "resume.ckpt"


def resume_point(folder: Path) -> str | None:
    """The checkpoint to go on from; None without a whole one, so that training starts over. A
    sharded one, which is a folder, is not looked into."""
    put_back(folder)
    resume = folder / RESUME
    if resume.is_dir() or is_whole(resume):
        return str(resume)
    if resume.exists():
        logger.warning("%s is damaged: training starts over.", resume)
    return None


def is_whole(path: Path) -> bool:
    """Whether a file is a ZIP, as torch saves, whose parts have the checksums that it states."""
    try:
        with ZipFile(path) as file:
            return file.testzip() is None
    except (BadZipFile, EOFError, OSError, RuntimeError, ValueError):  # by where the damage is
        return False


def put_in_place(writing: Path, resume: Path) -> None:
    """Replaces a checkpoint. A sharded one is a folder, which replaces no other: the old one steps
    aside and goes last. Of several processes one has it where it writes."""
    old = aside(resume)
    if resume.is_dir() and writing.exists():
        discard(old)
        resume.replace(old)
    if writing.exists():
        writing.replace(resume)
    discard(old)


def put_back(folder: Path) -> None:
    """Where a kill fell between the two renames, the checkpoint before takes its place again; of
    several processes the first one sees to it."""
    resume = folder / RESUME
    if not resume.exists():
        with suppress(FileNotFoundError):
            aside(resume).replace(resume)


def aside(resume: Path) -> Path:
    """Where the checkpoint before stands while another takes its place."""
    return resume.with_suffix(".old")


def discard(checkpoint: Path) -> None:
    if checkpoint.is_dir():
        shutil.rmtree(checkpoint)
    else:
        checkpoint.unlink(missing_ok=True)
