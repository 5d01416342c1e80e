"""A recipe's data, written as users have them: prompts with pictures, and talk about pictures."""

import json
from pathlib import Path

import numpy as np

from benchmarks.images import write_image
from benchmarks.records import write_lines

PICTURES = 4
WORDS = ("a dog", "dog", "a", "dog a")


def write_data(folder: Path, side: int) -> list[str]:
    """Write both tasks' data, and return the overrides that name them."""
    images = folder / "images"
    images.mkdir(parents=True)
    random = np.random.default_rng(0)
    talks, listed = [], []
    for number in range(PICTURES):
        name = f"{number}.png"
        picture = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        write_image(images / name, picture)
        said = [("human", "<image>\n" + WORDS[number]), ("gpt", WORDS[-1 - number])]
        turns = [{"from": who, "value": text} for who, text in said]
        talks.append({"id": str(number), "image": name, "conversations": turns})
        listed.append({"img_path": name, "prompt": WORDS[number], "Task2": {}})
    (folder / "talk.json").write_text(json.dumps(talks))
    write_lines(folder / "drawn.jsonl", listed)
    understand = {"form": "llava", "path": str(folder / "talk.json"), "images": str(images)}
    generate = {"form": "journeydb", "path": str(folder / "drawn.jsonl"), "images": str(images)}
    return [
        f"pairs.understand={json.dumps([understand])}",
        f"pairs.generate={json.dumps([generate])}",
        f"pixels={side}",
    ]


def write_probed(folder: Path, side: int) -> Path:
    """Write pictures with prompts in GenEval's layout, for the probes."""
    random = np.random.default_rng(1)
    for number, prompt in enumerate(WORDS):
        place = folder / f"{number:05}"
        (place / "samples").mkdir(parents=True)
        about = {"tag": f"kind {number}", "include": [{"class": "dog"}], "prompt": prompt}
        write_lines(place / "metadata.jsonl", [about])
        picture = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        write_image(place / "samples/0000.png", picture)
    return folder
