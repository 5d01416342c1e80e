"""Scenes are functions of their index, obey the grid and the held-out pairs, and render quickly."""

import subprocess
import sys
from itertools import combinations, pairwise

import numpy as np
import pytest

from datamodules.world import COLOURS, OBJECTS, PLACES, SPLITS, Placed, Scene, World, WorldConfig
from datamodules.world.art import TINTS, picture, sprite_sides
from datamodules.world.relations import RELATIONS, relation

WORLD = World(WorldConfig())
TRAINING_SPLITS = [split for split in SPLITS if split != "test"]


def worlds_of_every_detail():
    return [World(WorldConfig(classes=24, colours=10, detail=detail)) for detail in range(4)]


@pytest.mark.parametrize("detail", range(4))
def test_a_scene_depends_on_configuration_split_and_index_alone(detail):
    one, other = (World(WorldConfig(detail=detail)) for _ in range(2))
    forwards = [one.scene("train", index) for index in range(50)]
    backwards = [other.scene("train", index) for index in reversed(range(50))][::-1]
    assert forwards == backwards
    assert forwards != [one.scene("dev", index) for index in range(50)]


def test_samples_are_the_same_in_another_process():
    code = (
        "from datamodules.world import World, WorldConfig; w = World(WorldConfig());"
        "s = w.scene('dev', 7); print(s, w.caption('dev', 7, s), w.questions('dev', 7, s, 5))"
    )
    command = [sys.executable, "-c", code]
    outputs = {subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)}
    scene = WORLD.scene("dev", 7)
    caption, questions = WORLD.caption("dev", 7, scene), WORLD.questions("dev", 7, scene, 5)
    assert outputs == {f"{scene} {caption} {questions}\n".encode()}


@pytest.mark.parametrize("split", TRAINING_SPLITS)
def test_no_training_split_shows_a_held_out_pair(split):
    held_colours, held_relations = WORLD.held_out.colours, WORLD.held_out.relations
    assert len(held_colours) == 16
    assert len(held_relations) >= 16
    for index in range(1500):
        placed = WORLD.scene(split, index).placed
        assert not {(one.name, one.colour) for one in placed} & held_colours
        for one, other in combinations(placed, 2):
            shown = {(one.name, other.name, each) for each in relation(one.box, other.box)}
            assert not shown & held_relations


def test_the_test_split_shows_held_out_pairs_of_both_sorts():
    scenes = [WORLD.scene("test", index).placed for index in range(600)]
    colours = {(one.name, one.colour) for placed in scenes for one in placed}
    assert colours & WORLD.held_out.colours
    shown = {
        (one.name, other.name, each)
        for placed in scenes
        for one, other in combinations(placed, 2)
        for each in relation(one.box, other.box)
    }
    assert shown & WORLD.held_out.relations


def test_a_held_out_relation_is_held_out_read_backwards_too():
    inverse = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
    triples = WORLD.held_out.relations
    assert triples == {(other, one, inverse[each]) for one, other, each in triples}


@pytest.mark.parametrize("world", worlds_of_every_detail(), ids=lambda world: world.config.detail)
def test_every_box_is_the_box_of_what_is_drawn(world):
    for index in range(100):
        scene = world.scene("train", index)
        ground = world.render(Scene((), scene.ground))
        for one in scene.placed:
            alone = world.render(Scene((one,), scene.ground))
            rows, columns = np.nonzero((alone != ground).any(-1))
            left, top, right, bottom = np.clip(one.box, 0, world.config.pixels)
            drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(np.array(drawn) - (left, top, right, bottom)).max() <= 1


def test_objects_stay_in_their_cells_and_apart_up_to_detail_one():
    for world in worlds_of_every_detail()[:2]:
        for index in range(300):
            for one in world.scene("train", index).placed:
                row, column = divmod(PLACES.index(one.place), 2)
                left, top, right, bottom = one.box
                assert 16 * column <= left < right <= 16 * (column + 1)
                assert 16 * row <= top < bottom <= 16 * (row + 1)


def test_places_agree_with_the_relations_of_their_cells():
    for index in range(500):
        for one, other in combinations(WORLD.scene("train", index).placed, 2):
            (row, column), (other_row, other_column) = (
                divmod(PLACES.index(each.place), 2) for each in (one, other)
            )
            possible = set()
            if row != other_row:
                possible.add("above" if row < other_row else "below")
            if column != other_column:
                possible.add("left of" if column < other_column else "right of")
            found = relation(one.box, other.box)
            assert found
            assert found <= possible


def test_without_detail_the_caption_leaves_nothing_open():
    world = World(WorldConfig(detail=0))
    scenes = [world.scene("train", index) for index in range(100)]
    assert {world.open_bits(scene) for scene in scenes} == {0.0}
    assert len({one.picture for scene in scenes for one in scene.placed}) <= 16


def test_more_detail_leaves_more_open():
    means = [
        np.mean([world.open_bits(world.scene("train", index)) for index in range(200)])
        for world in worlds_of_every_detail()
    ]
    assert all(less < more for less, more in pairwise(means))


def test_counts_and_plans_get_their_share():
    scenes = [WORLD.scene("train", index).placed for index in range(2000)]
    sizes = np.bincount([len(placed) for placed in scenes], minlength=5)[1:] / len(scenes)
    assert sizes.min() > 0.1
    same = [placed for placed in scenes if len(placed) > 1 and len({o.name for o in placed}) == 1]
    assert 0.15 < len(same) / len(scenes) < 0.3


def test_most_pixels_of_a_tinted_picture_are_shades_of_its_colour_alone():
    tints = np.array(list(TINTS.values()), dtype=np.float32)[:, None]
    darker, lighter = np.array([[0.45, 0.7, 1.0], [0.2, 0.35, 0.5]])[..., None]
    shades = np.concatenate([tints * darker, tints + (255 - tints) * lighter], axis=1)
    for entry in OBJECTS:
        for wanted, name in enumerate(TINTS):
            scene = _alone(entry.pictures[0], entry.name, name)
            pixels = WORLD.render(scene).reshape(-1, 3).astype(np.float32)
            ground = WORLD.render(Scene((), scene.ground))[0, 0]
            painted = pixels[np.abs(pixels - ground).sum(-1) > 30]
            distance = np.abs(painted[:, None, None] - shades).sum(-1).min(-1)
            assert np.bincount(distance.argmin(-1), minlength=10).argmax() == wanted


def _alone(code, name, colour):
    width, height = sprite_sides(code, 14, 0)
    box = (1, 1, 1 + width, 1 + height)
    return Scene((Placed(name, colour, "top left", code, 14, 0, box),), ground=0)


def test_every_picture_of_every_object_exists():
    for entry in OBJECTS:
        assert all(picture(code).size > (8, 8) for code in entry.pictures)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classes": 99}, r"world\.classes must lie in \[4, 24\], got 99\."),
        ({"colours": 11}, r"world\.colours must lie in \[4, 10\], got 11\."),
        ({"detail": -1}, r"world\.detail must lie in \[0, 3\], got -1\."),
        ({"pixels": 40}, r"world\.pixels must be a multiple of 16, got 40\."),
        ({"max_objects": 5}, r"world\.max_objects must lie in \[2, 4\], got 5\."),
        ({"classes": 16.0}, r"world\.classes must be an integer, got 16\.0\."),
    ],
)
def test_a_bad_configuration_is_refused_by_name(fields, message):
    with pytest.raises(ValueError, match=message):
        WorldConfig(**fields)


def test_an_unknown_split_is_refused_by_name():
    with pytest.raises(ValueError, match=r"split must be one of train, .*, got 'val'\."):
        WORLD.scene("val", 0)


def test_a_larger_image_shows_the_same_scene_enlarged():
    large = World(WorldConfig(pixels=64, detail=1))
    scene = large.scene("train", 3)
    assert large.render(scene).shape == (64, 64, 3)
    assert all(max(one.box) <= 64 for one in scene.placed)
    assert {one.name for one in scene.placed} == {o.name for o in WORLD.scene("train", 3).placed}


def test_the_palette_and_the_relations_are_the_official_ones():
    official = {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black"}
    assert set(COLOURS) == official | {"white"}
    assert RELATIONS == ("left of", "right of", "above", "below")
