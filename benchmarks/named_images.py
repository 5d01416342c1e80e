"""Images by the name of what they were drawn for, found with any suffix.

A name is the path of a file below a folder, without its suffix: `dog/03-1`.
"""

from collections.abc import Iterable
from pathlib import Path

from benchmarks.mjhq_fid.folder import IMAGE_KINDS, NAMED

KIND = ".png"
"""The suffix of an image that is drawn here."""


def find_named(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the file of each name, whatever its suffix; `.png` where there is none.

    ValueError for a second image of a name, and for one beside them that has none of the names.
    """
    files = dict.fromkeys(names, "")
    odd = []
    for place in sorted({(folder / name).parent for name in files}):
        for path in sorted(place.glob("*")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if path.suffix.lower() not in IMAGE_KINDS or path.name.startswith("."):
                continue
            if name not in files:
                odd.append(path.relative_to(folder).as_posix())
            elif files[name]:
                raise ValueError(f"{place} must hold one image a name, got two of {path.stem}.")
            else:
                files[name] = f"{name}{path.suffix}"
    if odd:
        listed = ", ".join(odd[:NAMED]) + (", ..." if len(odd) > NAMED else "")
        raise ValueError(f"images must belong to the prompts, got {len(odd)} more: {listed}.")
    return {name: file or f"{name}{KIND}" for name, file in files.items()}
