"""An edit changes what it says and no pixel else; its words are the world's."""

import numpy as np
import pytest

from datamodules.world import World, WorldConfig
from datamodules.world.edits import EDIT_KINDS, EDIT_WORDINGS, Edit, EditKind, Editor, free_places
from datamodules.world.randomness import Dice
from datamodules.world.scenes import PLACES, Placed, Scene
from tests.datamodules.second_reader import WORLD, asked, objects

EDITOR = Editor(WORLD)


def edits(kind: EditKind, count: int = 60) -> list[Edit]:
    """Edits of the first training scenes that have one."""
    tried = (
        EDITOR.edit(Dice("train", index, f"test/{kind}"), kind, WORLD.scene("train", index))
        for index in range(4 * count)
    )
    return [edit for edit in tried if edit is not None][:count]


def composed(*wanted: tuple[str, str | None, str]) -> Scene:
    return WORLD.compose(wanted, 0)


@pytest.mark.parametrize(
    ("kind", "come", "gone"),
    [("recolour", 1, 1), ("add", 1, 0), ("remove", 0, 1), ("replace", 1, 1), ("move", 1, 1)],
)
def test_an_edit_changes_one_object_and_keeps_all_others_as_they_are(
    kind: EditKind, come: int, gone: int
) -> None:
    assert len(edits(kind)) == 60
    for edit in edits(kind):
        before, after = objects(edit.source), objects(edit.target)
        assert (len(after - before), len(before - after)) == (come, gone)
        kept = [one for one in edit.target.placed if one in edit.source.placed]
        assert len(kept) == len(edit.source.placed) - gone
        assert edit.target.ground == edit.source.ground


@pytest.mark.parametrize("kind", ["recolour", "replace", "move"])
def test_what_changes_keeps_its_place_in_the_drawing_order(kind: EditKind) -> None:
    for edit in edits(kind):
        pairs = zip(edit.source.placed, edit.target.placed, strict=True)
        assert sum(one != other for one, other in pairs) == 1


@pytest.mark.parametrize("kind", EDIT_KINDS)
def test_an_edit_leaves_the_other_quarters_of_the_picture_alone(kind: EditKind) -> None:
    """At this detail nothing leaves its quarter."""
    for edit in edits(kind, count=20):
        first, second = WORLD.render(edit.source), WORLD.render(edit.target)
        untouched = {place for place in PLACES if at(edit.source, place) == at(edit.target, place)}
        assert len(untouched) >= 2
        for place in PLACES:
            same = np.array_equal(quarter(first, place), quarter(second, place))
            assert same == (place in untouched), (edit.slots, place)


def at(scene: Scene, place: str) -> Placed | None:
    return next((one for one in scene.placed if one.place == place), None)


def quarter(image: np.ndarray, place: str) -> np.ndarray:
    row, column = divmod(PLACES.index(place), 2)
    return image[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]


def test_what_an_edit_speaks_of_comes_once_in_its_scene() -> None:
    for kind in EDIT_KINDS:
        for edit in edits(kind):
            if "name" in edit.slots:
                named = [one for one in edit.source.placed if one.name == edit.slots["name"]]
                assert len(named) == 1


@pytest.mark.parametrize("kind", EDIT_KINDS)
def test_an_edit_shows_what_each_of_its_wordings_asks_for(kind: EditKind) -> None:
    for index, edit in enumerate(edits(kind)):
        dice = Dice("train", index, "wording")
        for text in (edit.text(dice), edit.text(dice), edit.text(dice, benchmark=True)):
            assert asked(text, objects(edit.source)) == objects(edit.target), text


def test_a_moved_object_is_the_same_one_shifted_by_half_the_picture() -> None:
    one = composed(("dog", None, "top left")).placed[0]
    moved = EDITOR.moved(one, "bottom right")
    assert moved.box == tuple(side + 16 for side in one.box)
    assert (moved.picture, moved.size, moved.place) == (one.picture, one.size, "bottom right")


def test_an_edit_that_cannot_be_asked_is_none() -> None:
    alone = composed(("dog", None, "top left"))
    full = composed(*(("dog", None, place) for place in PLACES))
    dice = Dice("train", 0, "none")
    assert EDITOR.edit(dice, "remove", alone) is None  # nothing would be left
    assert EDITOR.edit(dice, "add", full) is None
    assert EDITOR.edit(dice, "recolour", full) is None  # which dog?
    assert free_places(full) == []
    assert free_places(alone) == ["top right", "bottom left", "bottom right"]


def test_a_benchmarks_wordings_of_edits_are_in_no_training_text_and_in_the_vocabulary() -> None:
    for kind, wording in EDIT_WORDINGS.items():
        assert wording.benchmark not in wording.training
        for edit in edits(kind, count=10):
            paraphrase = edit.text(Dice("test", 0, "t"), benchmark=True)
            trained = {edit.text(Dice("train", index, "t")) for index in range(20)}
            assert len(trained) == len(wording.training)
            assert paraphrase not in trained
            for text in (paraphrase, *trained):
                assert set(text.split(" ")) <= set(WORLD.vocabulary), text


@pytest.mark.parametrize("config", [WorldConfig(classes=4, colours=4), WorldConfig(classes=24)])
def test_the_words_of_edits_are_in_every_worlds_vocabulary(config: WorldConfig) -> None:
    world = World(config)
    words = {
        word
        for wording in EDIT_WORDINGS.values()
        for pattern in (*wording.training, wording.benchmark)
        for word in pattern.split()
        if "{" not in word
    }
    assert words <= set(world.vocabulary)
