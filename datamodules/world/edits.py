"""Edits of a scene: one thing is asked to change, and all else stays, pixel for pixel.

    recolour   "the same picture and the dog is blue"
    add        "the same picture and a cat in the top left"
    remove     "the same picture and no dog"
    replace    "the same picture and the dog is a cat"
    move       "the same picture and the dog is in the top left"

What an edit speaks of comes once in its scene, so that no reader has to guess which is meant. The
words are the world's own: texts about pictures stay in the vocabulary that stage 0 has learnt.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from datamodules.world.drafts import View
from datamodules.world.language import noun_phrase
from datamodules.world.randomness import Dice
from datamodules.world.scenes import PLACES, Placed, Scene, SceneSampler
from datamodules.world.wordings import Wording
from datamodules.world.world import World

EditKind = Literal["recolour", "add", "remove", "replace", "move"]
EDIT_KINDS: tuple[EditKind, ...] = get_args(EditKind)

EDIT_WORDINGS: dict[EditKind, Wording] = {
    "recolour": Wording(
        ("the same picture and the {name} is {colour}", "show the {name} in {colour}"),
        "a picture that is the same , the colour of the {name} is {colour}",
    ),
    "add": Wording(
        ("the same picture and {thing} in the {place}", "show one more , {thing} in the {place}"),
        "a picture that is the same , there is {thing} in the {place}",
    ),
    "remove": Wording(
        ("the same picture and no {name}", "show no {name}"),
        "a picture that is the same , there is no {name}",
    ),
    "replace": Wording(
        ("the same picture and the {name} is {thing}", "show {thing} and no {name}"),
        "a picture that is the same , {thing} is where the {name} is",
    ),
    "move": Wording(
        ("the same picture and the {name} is in the {place}", "show the {name} in the {place}"),
        "a picture that is the same , the {place} shows the {name}",
    ),
}
TINTED_SHARE = 0.6
"""How often a thing that comes new into a scene is tinted."""


@dataclass(frozen=True)
class Edit:
    """What is asked (`slots` of the kind's wording), of which scene, and the scene that it asks
    for."""

    kind: EditKind
    slots: dict[str, str]
    source: Scene
    target: Scene

    def text(self, dice: Dice, benchmark: bool = False) -> str:
        """Return the edit in one of training's wordings, or in the benchmark's."""
        wording = EDIT_WORDINGS[self.kind]
        pattern = wording.benchmark if benchmark else dice.choice(wording.training)
        return pattern.format(**self.slots)


class Editor:
    """Edits the scenes of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sampler = SceneSampler(world.config, world.objects, world.held_out)
        self._edits: dict[EditKind, Callable[[Dice, Scene, Placed], Edit | None]] = {
            "recolour": self._recolour,
            "remove": self._remove,
            "replace": self._replace,
            "move": self._move,
        }

    def edit(self, dice: Dice, kind: EditKind, scene: Scene) -> Edit | None:
        """Return an edit of `scene`, or None where this try found none. It may bring about a
        held-out pair."""
        if kind == "add":
            return self._add(dice, scene)
        single = View(scene, None).single
        return self._edits[kind](dice, scene, dice.choice(single)) if single else None

    def new(self, dice: Dice, name: str, colour: str | None, place: str) -> Placed:
        """Return an object at a place, what no text tells drawn from `dice`."""
        return self.sampler.arrange(dice, [(name, colour)], [place]).placed[0]

    def moved(self, one: Placed, place: str) -> Placed:
        """Return the same object, as far from the middle of another place as it was of its own."""
        side = self.world.config.pixels // 2
        rows, columns = zip(
            *(divmod(PLACES.index(at), 2) for at in (one.place, place)), strict=True
        )
        down, right = side * (rows[1] - rows[0]), side * (columns[1] - columns[0])
        left, top, end, bottom = one.box
        return replace(one, place=place, box=(left + right, top + down, end + right, bottom + down))

    def tint(self, dice: Dice) -> str | None:
        """Return a colour, or None for natural colours."""
        return dice.choice(self.world.colours) if dice.chance(TINTED_SHARE) else None

    def absent(self, scene: Scene) -> list[str]:
        """Return the names that a scene does not show."""
        shown = {one.name for one in scene.placed}
        return [name for name in self.world.by_name if name not in shown]

    def _recolour(self, dice: Dice, scene: Scene, one: Placed) -> Edit:
        colour = dice.choice([colour for colour in self.world.colours if colour != one.colour])
        slots = {"name": one.name, "colour": colour}
        return Edit("recolour", slots, scene, exchanged(scene, one, replace(one, colour=colour)))

    def _add(self, dice: Dice, scene: Scene) -> Edit | None:
        free, absent = free_places(scene), self.absent(scene)
        if len(scene.placed) >= self.world.config.max_objects or not free or not absent:
            return None
        name, colour, place = dice.choice(absent), self.tint(dice), dice.choice(free)
        slots = {"thing": noun_phrase(name, colour), "place": place}
        added = (*scene.placed, self.new(dice, name, colour, place))
        return Edit("add", slots, scene, replace(scene, placed=added))

    def _remove(self, dice: Dice, scene: Scene, one: Placed) -> Edit | None:
        left = tuple(other for other in scene.placed if other is not one)
        target = replace(scene, placed=left)
        return Edit("remove", {"name": one.name}, scene, target) if left else None

    def _replace(self, dice: Dice, scene: Scene, one: Placed) -> Edit | None:
        absent = self.absent(scene)
        if not absent:
            return None
        name, colour = dice.choice(absent), self.tint(dice)
        slots = {"name": one.name, "thing": noun_phrase(name, colour)}
        other = self.new(dice, name, colour, one.place)
        return Edit("replace", slots, scene, exchanged(scene, one, other))

    def _move(self, dice: Dice, scene: Scene, one: Placed) -> Edit | None:
        free = free_places(scene)
        if not free:
            return None
        place = dice.choice(free)
        slots = {"name": one.name, "place": place}
        return Edit("move", slots, scene, exchanged(scene, one, self.moved(one, place)))


def exchanged(scene: Scene, one: Placed, other: Placed) -> Scene:
    """Return the scene with `other` where `one` was, in the drawing order too."""
    placed = tuple(other if each is one else each for each in scene.placed)
    return replace(scene, placed=placed)


def free_places(scene: Scene) -> list[str]:
    """Return the places where nothing stands."""
    taken = {one.place for one in scene.placed}
    return [place for place in PLACES if place not in taken]
