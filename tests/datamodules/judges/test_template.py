import numpy as np
import pytest

from datamodules.world import Scene, World, WorldConfig
from datamodules.world.judges.measure import measure
from datamodules.world.judges.template import TemplateJudge
from tests.datamodules.judges.reconstruction import reconstruct_roughly


@pytest.fixture(scope="module")
def judge(small_world: World) -> TemplateJudge:
    return TemplateJudge(small_world)


def test_a_planted_object_is_found_with_class_colour_and_box(small_world: World, judge):
    scene = small_world.scene("test", 3)
    (found,) = judge.detect(small_world.render(scene)[None])
    planted = sorted((one.name, one.colour, one.box) for one in scene.placed)
    assert sorted((one.name, one.colour, one.box) for one in found) == planted
    assert all(one.score > 0.9 for one in found)


def test_objects_are_right_on_clean_and_on_reconstructed_scenes(
    judge: TemplateJudge, clean: tuple[np.ndarray, list[Scene]]
):
    images, scenes = clean
    assert measure(judge, images, scenes)["recall"] >= 0.99
    rough = measure(judge, reconstruct_roughly(images), scenes)
    assert min(rough["recall"], rough["precision"]) >= 0.97


def test_default_world_is_judged_right_too():
    world = World(WorldConfig())
    scenes = [world.scene("test", index) for index in range(60)]
    images = np.stack([world.render(scene) for scene in scenes])
    measured = measure(TemplateJudge(world), images, scenes)
    assert min(measured["recall"], measured["precision"]) >= 0.98


def test_noise_and_blanks_hold_nothing(judge: TemplateJudge, empty_images: np.ndarray):
    assert not any(judge.detect(empty_images))


def test_a_block_larger_than_any_object_is_none(judge: TemplateJudge):
    image = np.full((1, 32, 32, 3), 180, dtype=np.uint8)
    image[:, :, 6:] = (222, 24, 34)  # the red of a red object
    assert judge.detect(image) == [[]]


def test_an_image_of_another_size_is_refused(judge: TemplateJudge):
    with pytest.raises(ValueError, match=r"got uint8 \[1, 64, 64, 3\]"):
        judge.detect(np.zeros((1, 64, 64, 3), dtype=np.uint8))
