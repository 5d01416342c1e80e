from dataclasses import replace

import numpy as np
import pytest
import torch

from datamodules.world import Scene, World, WorldConfig
from datamodules.world.judges.learnt import LearntConfig, LearntJudge
from datamodules.world.judges.measure import agreement, measure
from datamodules.world.judges.network import GRID, Objects
from datamodules.world.judges.practice import gather_practice, paint_over_half, shift
from datamodules.world.judges.template import TemplateJudge
from tests.datamodules.judges.reconstruction import reconstruct_roughly

Clean = tuple[np.ndarray, list[Scene]]


def test_objects_are_right_on_clean_and_on_reconstructed_scenes(toy_judge, clean: Clean):
    images, scenes = clean
    assert measure(toy_judge, images, scenes)["recall"] >= 0.95
    assert measure(toy_judge, reconstruct_roughly(images), scenes)["recall"] >= 0.93


def test_two_judges_of_different_kinds_agree_on_clean_scenes(toy_judge, small_world, clean: Clean):
    assert agreement(toy_judge, TemplateJudge(small_world), clean[0]) >= 0.9


def test_noise_and_blanks_hold_nothing(toy_judge: LearntJudge, empty_images: np.ndarray):
    assert not [one for found in toy_judge.detect(empty_images) for one in found if one.score > 0.5]


def test_an_image_is_judged_alike_alone_and_in_a_batch(toy_judge: LearntJudge, clean: Clean):
    together = toy_judge.detect(clean[0][:8])
    alone = [toy_judge.detect(image[None])[0] for image in clean[0][:8]]
    for found, same in zip(together, alone, strict=True):
        assert [(one.name, one.colour) for one in found] == [(one.name, one.colour) for one in same]
        assert [one.score for one in found] == pytest.approx([one.score for one in same], abs=1e-4)


def test_no_images_hold_nothing(toy_judge: LearntJudge):
    assert toy_judge.detect(np.zeros((0, 32, 32, 3), dtype=np.uint8)) == []


def test_a_saved_judge_judges_the_same_again(toy_judge, small_world, clean: Clean, tmp_path):
    toy_judge.save(tmp_path / "judge.pt")
    again = LearntJudge.load(tmp_path / "judge.pt", small_world)
    assert again.detect(clean[0][:8]) == toy_judge.detect(clean[0][:8])


def test_a_judge_of_another_world_is_refused_with_both_worlds(toy_judge: LearntJudge, tmp_path):
    toy_judge.save(tmp_path / "judge.pt")
    other = World(WorldConfig(classes=5, colours=4, detail=0))
    with pytest.raises(
        ValueError, match=r"must judge the world .*'classes': 5.*got .*'classes': 4"
    ):
        LearntJudge.load(tmp_path / "judge.pt", other)


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_a_judge_cut_off_while_saving_is_refused(toy_judge, small_world, tmp_path, kept: int):
    path = tmp_path / "judge.pt"
    toy_judge.save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"judge\.pt must be a saved judge, got a file cut off"):
        LearntJudge.load(path, small_world)


@pytest.mark.parametrize("content", [{"state_dict": {}}, torch.zeros(1)])
def test_a_file_that_is_no_judge_is_refused(small_world, tmp_path, content):
    torch.save(content, tmp_path / "arm.ckpt")
    with pytest.raises(ValueError, match=r"arm\.ckpt must be a saved judge, got another kind"):
        LearntJudge.load(tmp_path / "arm.ckpt", small_world)


def test_a_size_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match=r"judge\.steps must be positive, got 0\."):
        LearntConfig(steps=0)


def test_training_is_a_function_of_the_seed_and_leaves_the_global_generator_alone(small_world):
    config = LearntConfig(width=16, blocks=1, scenes=32, steps=3, batch=16)

    def weights(seed: int) -> torch.Tensor:
        judge = LearntJudge.train(small_world, seed, config=config)
        return torch.cat([value.flatten() for value in judge.detector.parameters()])

    before = torch.get_rng_state()
    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_tokenizer_round_trip_is_practised_on(small_world: World):
    black = gather_practice(small_world, 48, seed=0, corrupt=np.zeros_like)
    images, _ = black.batch(48, torch.Generator().manual_seed(0))
    darkness = images.amax((1, 2, 3)) < 0.3
    assert darkness[16:32].float().mean() > 0.8
    assert not darkness[:16].all()


def test_practice_shows_pairs_that_the_world_holds_out(small_world: World):
    practice = gather_practice(small_world, 200, seed=0, corrupt=None)
    names = [entry.name for entry in small_world.objects]
    shown = zip(practice.objects.names.flatten(), practice.objects.colours.flatten(), strict=True)
    colours = [*small_world.colours, None]
    pairs = {(names[name], colours[colour]) for name, colour in shown if name >= 0}
    assert small_world.held_out.colours <= pairs


def test_an_image_that_is_shifted_takes_its_boxes_along():
    images = torch.zeros(20, 3, 32, 32)
    images[:, :, 8:14, 10:20] = 1
    boxes = torch.tensor([10.0, 8, 20, 14]).expand(20, 1, 4) * GRID / 32
    none = torch.zeros(20, 1, dtype=torch.long)
    moved, objects = shift(images, Objects(none, none, boxes), torch.Generator().manual_seed(0))
    found = objects.boxes[:, 0] * 32 / GRID
    assert len(found.unique(dim=0)) > 5
    for image, box in zip(moved[:, 0], found.tolist(), strict=True):
        rows, columns = (one.unique() for one in image.nonzero(as_tuple=True))
        assert box == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def test_an_object_that_is_half_painted_over_no_longer_counts(small_world: World):
    scene = small_world.scene("train", 0)
    scene = replace(scene, placed=scene.placed[:1])
    before = small_world.render(scene)
    image = before.copy()
    assert paint_over_half(image, scene, np.random.default_rng(0)) == ()
    left, top, right, bottom = scene.placed[0].box
    assert (image != before).any()
    image[top:bottom, left:right] = before[top:bottom, left:right]
    assert (image == before).all()
