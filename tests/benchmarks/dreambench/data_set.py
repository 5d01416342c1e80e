"""A data set in the official form: a folder a subject, and the file of classes and prompts."""

from pathlib import Path

import numpy as np

from benchmarks.images import write_image

OBJECTS = [f"a {{0}} {{1}} on table {number}" for number in range(25)]
LIVE = [f"a {{0}} {{1}} wearing hat {number}" for number in range(25)]
SHADES = {"dog2": (10, 30), "vase": (200, 220, 240)}
"""How bright each subject's pictures are."""


def prompts_file(subjects: dict[str, str], objects=OBJECTS, live=LIVE) -> str:
    """Return the text of the official file."""

    def listed(templates: list[str]) -> list[str]:
        body = ",\n".join(f"'{one}'.format(unique_token, class_token)" for one in templates)
        return ["prompt_list = [", body, "]"]

    rows = [f"{name},{word}" for name, word in subjects.items()]
    lines = ["Classes", "", "subject_name,class", *rows, "", "Prompts", "", "Object Prompts", ""]
    return "\n".join([*lines, *listed(objects), "", "Live Subject Prompts", "", *listed(live), ""])


def write_data(folder: Path) -> Path:
    """Write a dog with two pictures and a vase with three."""
    folder.mkdir(parents=True, exist_ok=True)
    text = prompts_file({"dog2": "dog", "vase": "vase"})
    (folder / "prompts_and_classes.txt").write_text(text)
    for name, shades in SHADES.items():
        for number, shade in enumerate(shades):
            image = np.full((4, 4, 3), shade, np.uint8)
            write_image(folder / name / f"{number:02d}.png", image)
    return folder
