"""The world's judges read DPG's tuples and WISE's targets from detections."""

import numpy as np
import pytest

from benchmarks.judges.world import WorldJudge, holds
from benchmarks.world_label import world_label
from datamodules.world import World, WorldConfig
from datamodules.world.judges.detection import Detection

RED_DOG = Detection("dog", (1.0, 2.0, 13.0, 14.0), 0.9, "red")
BLUE_DOG = Detection("dog", (17.0, 18.0, 29.0, 30.0), 0.9, "blue")
CLOCK = Detection("clock", (18.0, 2.0, 30.0, 14.0), 0.9, None)


class Sees:
    """A detector that sees the same in every image."""

    name = "sees"

    def __init__(self, *found):
        self.found = list(found)

    def detect(self, images):
        return [self.found for _ in images]


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("entity - whole (dog)", [RED_DOG], True),
        ("entity - whole (dog)", [CLOCK], False),
        ("other - count (dog, two)", [RED_DOG, BLUE_DOG, CLOCK], True),
        ("other - count (dog, three)", [RED_DOG, BLUE_DOG, CLOCK], False),
        ("other - count (dog, one)", [RED_DOG, BLUE_DOG], False),  # that many and no more
        ("attribute - color (dog, red)", [RED_DOG], True),
        ("attribute - color (dog, red)", [RED_DOG, BLUE_DOG], False),  # all must be red
        ("attribute - color (dog, red)", [], False),
        ("relation - spatial (dog, top left)", [RED_DOG], True),
        ("relation - spatial (dog, top left)", [BLUE_DOG], False),
        ("relation - spatial (dog, top left)", [RED_DOG, BLUE_DOG], False),  # which one?
        ("relation - spatial (clock, top right)", [CLOCK], True),
        ("relation - spatial (dog, left of, clock)", [RED_DOG, CLOCK], True),
        ("relation - spatial (dog, right of, clock)", [RED_DOG, CLOCK], False),
        ("relation - spatial (dog, left of, clock)", [RED_DOG], False),
    ],
)
def test_a_tuple_is_read_from_the_detections(text, found, expected):
    assert holds(text, found, pixels=32) is expected


@pytest.mark.parametrize("text", ["dog", "action - does (dog, run)", "other - count (dog, many)"])
def test_a_tuple_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="must be of the world's forms"):
        holds(text, [RED_DOG], pixels=32)


def test_what_scores_at_the_threshold_is_not_seen():
    faint = Detection("dog", RED_DOG.box, 0.3, "red")
    image = np.zeros((32, 32, 3), np.uint8)
    target = [{"target": "dog"}]
    world = World(WorldConfig())
    assert WorldJudge(Sees(faint), world).drawn([image], target) == [0]
    assert WorldJudge(Sees(RED_DOG), world).drawn([image], target) == [1]


def test_images_of_another_size_are_refused():
    judge = WorldJudge(Sees(), World(WorldConfig()))
    with pytest.raises(ValueError, match=r"images must be \[32, 32, 3\], got \[64, 64, 3\]"):
        judge.detect([np.zeros((64, 64, 3), np.uint8)])


def test_the_label_tells_worlds_and_opinions_apart():
    assert world_label(WorldConfig()) == "world-16x8-32px"
    plain = WorldConfig(classes=8, detail=0)
    assert world_label(plain) == "world-8x8-32px-detail0"
    judge = WorldJudge(Sees(), World(plain), opinion="template")
    assert judge.label == "world-8x8-32px-detail0-template"
