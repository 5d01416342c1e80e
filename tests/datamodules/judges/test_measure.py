from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from datamodules.world import Placed, Scene, World
from datamodules.world.judges.detection import Detection
from datamodules.world.judges.measure import agreement, measure


class Scripted:
    """A judge that says what it was told to, whatever the image."""

    name = "scripted"

    def __init__(self, answers: Sequence[list[Detection]]) -> None:
        self.answers = list(answers)

    def detect(self, images: np.ndarray) -> list[list[Detection]]:
        return self.answers


def truth(placed: Placed) -> Detection:
    return Detection(placed.name, placed.box, 1.0, placed.colour)


Clean = tuple[np.ndarray, list[Scene]]


def test_the_truth_measures_one_in_everything(clean: Clean):
    images, scenes = clean
    perfect = Scripted([[truth(one) for one in scene.placed] for scene in scenes])
    assert set(measure(perfect, images, scenes).values()) == {1.0}


def test_each_kind_of_error_lowers_its_own_measure(small_world: World, clean: Clean):
    index = next(i for i, scene in enumerate(clean[1]) if len(scene.placed) == 2)
    scene, images = clean[1][index], clean[0][index : index + 1]
    first, second = map(truth, scene.placed)
    elsewhere = replace(second, box=(100, 100, 110, 110))

    def measured(*found: Detection) -> dict[str, float]:
        return measure(Scripted([list(found)]), images, [scene])

    wrong_class = measured(first, replace(second, name="none of these"))
    assert (wrong_class["found"], wrong_class["class"], wrong_class["recall"]) == (1, 0.5, 0.5)
    wrong_colour = measured(first, replace(second, colour="none of these"))
    assert (wrong_colour["class"], wrong_colour["colour"], wrong_colour["scenes"]) == (1, 0.5, 0)
    misplaced = measured(first, elsewhere)
    assert (misplaced["found"], misplaced["class"], misplaced["precision"]) == (0.5, 1, 0.5)
    spurious = measured(first, second, elsewhere)
    assert (spurious["recall"], spurious["scenes"]) == (1, 0)
    assert measured(first, second, replace(elsewhere, score=0.1))["scenes"] == 1


def test_one_detection_does_not_serve_two_objects(clean: Clean):
    images, (scene, *_) = clean
    twins = replace(scene, placed=scene.placed[:1] * 2)
    assert measure(Scripted([[truth(scene.placed[0])]]), images[:1], [twins])["recall"] == 0.5


def test_agreement_counts_images_with_the_same_objects_and_colours_wherever_they_are(clean: Clean):
    dog = Detection("dog", (0, 0, 9, 9), 0.9, None)
    moved, red = replace(dog, box=(5, 5, 14, 14)), replace(dog, colour="red")
    judge = Scripted([[dog], [dog], [dog, dog], [dog]])
    other = Scripted([[moved], [red], [dog], [dog, replace(red, score=0.2)]])
    assert agreement(judge, other, clean[0][:4]) == 0.5


def test_measuring_refuses_what_has_no_answer(clean: Clean):
    images, scenes = clean
    with pytest.raises(ValueError, match=r"images must be as many as scenes=2, got 60\."):
        measure(Scripted([]), images, scenes[:2])
    with pytest.raises(ValueError, match="scenes must show at least one object, got none"):
        measure(Scripted([[]]), images[:1], [replace(scenes[0], placed=())])
