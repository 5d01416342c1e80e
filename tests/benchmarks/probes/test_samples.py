"""Which prompts of a folder are looked at, and which of their pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.images import write_image
from benchmarks.probes.samples import distinct, folder_samples

CAT, DOG = [{"class": "cat", "count": 1}], [{"class": "dog", "count": 1}]


def record(prompt: str, include: list, tag: str = "single_object") -> dict:
    return {"tag": tag, "include": include, "prompt": prompt}


RECORDS = [
    record("a photo of a cat", CAT),
    record("there is a cat", CAT),  # the same in other words
    record("a photo of a dog", DOG),
    record("two dogs", [{"class": "dog", "count": 2}]),
    record("a photo of a dog", DOG, tag="counting"),
]


def test_prompts_are_distinct_by_what_they_ask_for_and_so_many_of_a_tag() -> None:
    assert [number for number, _ in distinct(RECORDS, 2)] == [0, 2, 4]
    assert [number for number, _ in distinct(RECORDS, 3)] == [0, 2, 3, 4]


def test_a_prompt_is_shown_by_the_first_of_its_pictures(tmp_path: Path) -> None:
    for number, one in enumerate(RECORDS[:3]):
        place = tmp_path / f"{number:05}"
        place.mkdir()
        (place / "metadata.jsonl").write_text(json.dumps(one) + "\n")
        for image in range(2):
            shade = np.full((4, 4, 3), 10 * number + image, dtype=np.uint8)
            write_image(place / "samples" / f"{image:04}.png", shade)
    found = folder_samples(tmp_path, 5)
    assert [one.prompt for one in found] == ["a photo of a cat", "a photo of a dog"]
    assert [int(one.image[0, 0, 0]) for one in found] == [0, 20]
    assert [one.answer for one in found] == [one.prompt for one in found]
    for picture in (tmp_path / "00002/samples").iterdir():
        picture.unlink()
    with pytest.raises(ValueError, match=r"00002 must hold a picture in samples/, got none"):
        folder_samples(tmp_path, 5)
