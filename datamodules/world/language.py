"""Captions: what a scene holds, said in training's wordings.

A *full* caption names every object with its colour and place; a *brief* one, GenEval's way, leaves
open what its reader may choose: places, or all but one relation. What a caption says is exact: a
name without a colour means natural colours, and a number means that many and no more.
"""

from collections import Counter
from collections.abc import Sequence

from datamodules.world.objects import KINDS, WorldObject
from datamodules.world.randomness import Dice
from datamodules.world.relations import relation
from datamodules.world.scenes import PLACES, Placed, Scene
from datamodules.world.wordings import (
    FULL_OPENINGS,
    IMPLICIT,
    NUMBERS,
    OPENINGS,
    PLACED,
    PLACED_BRIEFLY,
    RELATED,
    TINTED,
)

FULL_SHARE = 0.55
IMPLICIT_SHARE = 0.3
"""Share of implicit descriptions among the brief captions that could be one."""
RELATION_SHARE = 0.5
"""Share of relations among the brief captions of two objects."""
OPENING_WEIGHTS = dict(zip(OPENINGS.training, (0.7, 0.15, 0.15), strict=True))
MOST_IN_LONG_PLACES = 3
"""More objects than this are placed by "top left" alone, so that a caption stays short."""


def noun_phrase(name: str, colour: str | None = None, benchmark: bool = False) -> str:
    """Return "a dog" or "an orange dog"; a benchmark says "a dog that is orange"."""
    if colour is None:
        return f"{_article(name)} {name}"
    pattern = TINTED.benchmark if benchmark else TINTED.training[0]
    following = name if benchmark else colour
    return pattern.format(article=_article(following), colour=colour, name=name)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def listed(phrases: Sequence[str]) -> str:
    """Join phrases as "x , y and z"."""
    if len(phrases) == 1:
        return phrases[0]
    return " , ".join(phrases[:-1]) + " and " + phrases[-1]


def reading_order(scene: Scene) -> list[Placed]:
    """Return the objects from the top left to the bottom right."""
    return sorted(scene.placed, key=lambda one: PLACES.index(one.place))


def words_of_objects(objects: Sequence[WorldObject]) -> set[str]:
    """Return every word that names or describes one of `objects`."""
    texts = [*KINDS, *KINDS.values(), "thing"]
    for entry in objects:
        texts += [entry.name, entry.plural, *(fact.predicate for fact in entry.facts)]
    return {word for text in texts for word in text.split()}


class Captioner:
    """Writes the captions of one world."""

    def __init__(self, objects: Sequence[WorldObject]) -> None:
        self._objects = {entry.name: entry for entry in objects}

    def caption(self, dice: Dice, scene: Scene) -> str:
        """Return a training caption, full more often than not."""
        brief = None if dice.chance(FULL_SHARE) else self._brief(dice, scene)
        if brief is not None:
            return dice.weighted(OPENING_WEIGHTS).format(brief)
        return self.full(dice, scene)

    def answer(self, scene: Scene) -> str:
        """Return the one full caption that answers "describe the picture", in reading order."""
        return listed_with_places(reading_order(scene), PLACED_BRIEFLY)

    def full(self, dice: Dice, scene: Scene) -> str:
        """Return a training caption that names every object with its colour and place."""
        placed = reading_order(scene) if dice.chance(0.7) else list(scene.placed)
        brief = len(placed) > MOST_IN_LONG_PLACES or dice.chance(0.3)
        listing = listed_with_places(placed, PLACED_BRIEFLY if brief else PLACED)
        return dice.choice(FULL_OPENINGS).format(listing)

    def _brief(self, dice: Dice, scene: Scene) -> str | None:
        """Return a caption without places, or None where it could not be exact."""
        if len(scene.placed) == 1 and dice.chance(IMPLICIT_SHARE):
            implicit = self._implicit(dice, scene.placed[0])
            if implicit is not None:
                return implicit
        if len(scene.placed) == 2 and dice.chance(RELATION_SHARE):
            related = self._related(dice, *dice.sample(scene.placed, 2))
            if related is not None:
                return related
        groups = Counter((one.name, one.colour) for one in scene.placed)
        if len({name for name, _ in groups}) < len(groups):  # one name in several colours
            return None
        return listed([self._counted(*group, count) for group, count in groups.items()])

    def _implicit(self, dice: Dice, one: Placed) -> str | None:
        shown = [fact for fact in self._objects[one.name].facts if fact.tier == "shown"]
        if one.colour is not None or not shown:
            return None
        kind = self._objects[one.name].kind
        return IMPLICIT.format(kind=kind, predicate=dice.choice(shown).predicate)

    def _related(self, dice: Dice, subject: Placed, target: Placed) -> str | None:
        holding = sorted(relation(subject.box, target.box))
        if subject.name == target.name or not holding:
            return None
        return RELATED.training[0].format(
            subject=noun_phrase(subject.name, subject.colour),
            relation=dice.choice(holding),
            target=noun_phrase(target.name, target.colour),
        )

    def _counted(self, name: str, colour: str | None, count: int) -> str:
        if count == 1:
            return noun_phrase(name, colour)
        return counted(self._objects[name].plural, colour, count)


def counted(plural: str, colour: str | None, count: int) -> str:
    """Return "two dogs" or "two red dogs"."""
    return f"{NUMBERS[count]} {plural}" if colour is None else f"{NUMBERS[count]} {colour} {plural}"


def listed_with_places(placed: Sequence[Placed], pattern: str) -> str:
    """Return every object with colour and place, in the order given."""
    return listed(
        [pattern.format(thing=noun_phrase(one.name, one.colour), place=one.place) for one in placed]
    )
