"""The official data set: a folder of pictures a subject, and `prompts_and_classes.txt` beside them.

That file lists subjects with their class, and 25 prompts each for objects and for live subjects as
lines of Python: 'a {0} {1} in the snow'.format(unique_token, class_token). The unique token is for
models that were tuned to it; a model that sees the subject gets the prompt without.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mjhq_fid.folder import IMAGE_KINDS, NAMED
from benchmarks.progress import fingerprint, hash_files

PROMPTS_FILE = "prompts_and_classes.txt"
PROMPTS = 25
"""Of a subject."""
LIVE_CLASSES = ("cat", "dog")
"""The classes of the nine live subjects; all others are objects."""
TABLE = "subject_name,class"
SECTIONS = {"object": "Object Prompts", "live": "Live Subject Prompts"}
TEMPLATE = re.compile(r"""^\s*(['"])(.*)\1\.format\(""")
TOKEN, CLASS = "{0} ", "{1}"


@dataclass(frozen=True)
class Subject:
    """A thing: object or live, its prompts, and the paths of its pictures."""

    name: str
    kind: str
    prompts: tuple[str, ...]
    pictures: tuple[Path, ...]

    @property
    def given(self) -> Path:
        """The picture that a model is given: the first by name."""
        return self.pictures[0]


@dataclass(frozen=True)
class Slot:
    """The place of an image: numbers of the prompt and of the image, from 0 on."""

    subject: Subject
    prompt: int
    image: int

    @property
    def name(self) -> str:
        """The path of the image, without suffix."""
        return f"{self.subject.name}/{self.prompt:02d}-{self.image}"

    @property
    def text(self) -> str:
        """The prompt."""
        return self.subject.prompts[self.prompt]


def read_subjects(folder: Path) -> list[Subject]:
    """Return the subjects of the data set.

    ValueError for a subject without a folder of pictures, a folder of no subject, another number of
    prompts than PROMPTS, or a file of another form; OSError where there is no file.
    """
    path = folder / PROMPTS_FILE
    lines = path.read_text().splitlines()
    classes = _classes(path, lines)
    templates = {kind: _templates(path, lines, head) for kind, head in SECTIONS.items()}
    folders = {place.name: _pictures(place) for place in sorted(folder.iterdir()) if place.is_dir()}
    if lacking := [name for name in classes if not folders.get(name)]:
        raise ValueError(
            f"{folder} must hold a folder of pictures for each subject, "
            f"got none for {len(lacking)}: {', '.join(lacking[:NAMED])}."
        )
    if odd := [name for name, found in folders.items() if found and name not in classes]:
        raise ValueError(f"{folder} must hold the subjects of {path.name} alone, got {odd[0]} too.")
    return [_subject(name, word, templates, folders[name]) for name, word in classes.items()]


def _subject(
    name: str, word: str, templates: dict[str, list[str]], pictures: tuple[Path, ...]
) -> Subject:
    kind = "live" if word in LIVE_CLASSES else "object"
    return Subject(name, kind, tuple(t.replace(CLASS, word) for t in templates[kind]), pictures)


def _classes(path: Path, lines: list[str]) -> dict[str, str]:
    """Return the class of each subject."""
    if TABLE not in lines:
        raise ValueError(f"{path} must hold the table {TABLE!r}, got none.")
    classes: dict[str, str] = {}
    for line in lines[lines.index(TABLE) + 1 :]:
        name, comma, word = line.partition(",")
        if not line.strip():
            break
        if not (comma and name and word) or name in classes:
            raise ValueError(f"{path} must name each subject once with its class, got {line!r}.")
        classes[name] = word.strip()
    if not classes:
        raise ValueError(f"{path} must name at least one subject, got none.")
    return classes


def _templates(path: Path, lines: list[str], head: str) -> list[str]:
    """Return the prompts of a section, with CLASS for the class, without the unique token."""
    found = []
    inside = False
    for line in lines:
        if line.strip() in SECTIONS.values():
            inside = line.strip() == head
        elif inside and (match := TEMPLATE.match(line)):
            found.append(match[2].replace(TOKEN, ""))
    if len(found) != PROMPTS:
        raise ValueError(f"{path} must have {PROMPTS} {head}, got {len(found)}.")
    if odd := [template for template in found if template.count(CLASS) != 1]:
        raise ValueError(f"{path} must say {CLASS} once in each prompt, got {odd[0]!r}.")
    return found


def _pictures(folder: Path) -> tuple[Path, ...]:
    """Return a subject's pictures by name."""
    files = (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))
    return tuple(path for path in files if path.suffix.lower() in IMAGE_KINDS)


def slots(subjects: list[Subject], images_per_prompt: int) -> list[Slot]:
    """Return the places of all images, subject by subject."""
    return [
        Slot(subject, prompt, image)
        for subject in subjects
        for prompt in range(PROMPTS)
        for image in range(images_per_prompt)
    ]


def picture_fingerprint(folder: Path, subjects: list[Subject]) -> str:
    """Return one hash of all subjects' pictures."""
    pictures = [path.relative_to(folder).as_posix() for one in subjects for path in one.pictures]
    return fingerprint(hash_files(folder, pictures))
