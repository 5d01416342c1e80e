"""Questions on a scene, of six kinds, and packs of them in which no answer gives another away.

In a pack no question asks for what an earlier one revealed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from datamodules.world.drafts import (
    Draft,
    Facets,
    Question,
    View,
    colour,
    every_facet,
    number,
    place,
)
from datamodules.world.language import noun_phrase
from datamodules.world.objects import KINDS, WorldObject
from datamodules.world.randomness import Dice
from datamodules.world.relations import RELATIONS, relation
from datamodules.world.scenes import PLACES, Placed
from datamodules.world.wordings import NO, NOTHING, NUMBERS, YES

Kind = Literal["existence", "count", "colour", "place", "relation", "comparison"]
QUESTION_KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_WEIGHTS: dict[Kind, float] = {
    "existence": 0.25,
    "count": 0.25,
    "colour": 0.2,
    "place": 0.1,
    "relation": 0.5,
    "comparison": 0.5,
}
MOST_IN_A_PACK: dict[Kind, int] = {
    "existence": 2,
    "count": 2,
    "colour": 2,
    "place": 2,
    "relation": 2,
    "comparison": 2,
}
"""More of a kind would tell too much together, as all four places would."""
MOST_ABSENT = 1
"""Questions of a pack that may ask for what is absent, so that "no" stays a fair answer."""
COUNTED_PRESENT_SHARE = 0.93
TRIES_PER_QUESTION = 6
PRESENT_SHARE = 0.72
"""Wanted share of "is there" questions that are true; packing drops some, as names are known."""


class Questioner:
    """Asks about the scenes of one world."""

    def __init__(
        self, objects: Sequence[WorldObject], colours: Sequence[str], max_objects: int
    ) -> None:
        self._plurals = {entry.name: entry.plural for entry in objects}
        self._names = tuple(self._plurals)
        self._members = {kind: [o.name for o in objects if o.kind == kind] for kind in KINDS}
        self._kinds = {entry.name: entry.kind for entry in objects}
        self._colours = colours
        self._max_objects = max_objects
        self._drafting: dict[Kind, Callable[[Dice, View], Draft | None]] = {
            "existence": self._existence,
            "count": self._count,
            "colour": _colour,
            "place": _place,
            "relation": _relation,
            "comparison": self._comparison,
        }

    def draft(self, dice: Dice, view: View, kind: Kind) -> Draft | None:
        """Return a question of `kind`, or None where this try found none."""
        return self._drafting[kind](dice, view)

    def pack(self, dice: Dice, view: View, count: int) -> tuple[Question, ...]:
        """Return up to `count` questions, none answerable from another's answer."""
        asked: list[Question] = []
        revealed: set[str] = set()
        kinds: Counter[str] = Counter()
        for _ in range(TRIES_PER_QUESTION * count):
            if len(asked) == count:
                break
            kind = dice.weighted(KIND_WEIGHTS)
            draft = self.draft(dice, view, kind) if kinds[kind] < MOST_IN_A_PACK[kind] else None
            if draft is None or not revealed.isdisjoint(draft.asks):
                continue
            if draft.finds_nothing and kinds["absence"] == MOST_ABSENT:
                continue
            kinds["absence"] += draft.finds_nothing
            asked.append(draft.worded(kind, dice))
            revealed |= asked[-1].reveals
            kinds[kind] += 1
        return tuple(asked)

    def _existence(self, dice: Dice, view: View) -> Draft | None:
        wanted, coloured = dice.chance(PRESENT_SHARE), dice.chance(0.5)
        if coloured and not wanted:
            return self._absent_colour(dice, view)
        shown = sorted({(one.name, one.colour) for one in view.scene.placed if one.colour})
        if coloured and shown:
            name, tint = dice.choice(shown)
            slots = {"thing": noun_phrase(name, tint)}
            return Draft("existence", slots, YES, colour(name), number(name))
        names = [name for name in self._names if (name in view.counts) == wanted]
        if not names:
            return None
        name = dice.choice(names)
        answer, reveals = (YES, number(name)) if wanted else (NO, every_facet(name))
        return Draft("existence", {"thing": noun_phrase(name)}, answer, number(name), reveals)

    def _absent_colour(self, dice: Dice, view: View) -> Draft | None:
        """Ask for a coloured object that is not there, though one like it is."""
        one = dice.choice(view.scene.placed)
        likeness = [(one.name, tint) for tint in self._colours]
        if one.colour is not None and dice.chance(0.4):
            likeness = [(name, one.colour) for name in self._names]
        shown = {(each.name, each.colour) for each in view.scene.placed}
        absent = [pair for pair in likeness if pair not in shown and view.may_colour(*pair)]
        if not absent:
            return None
        name, tint = dice.choice(absent)
        asks = colour(name) if name in view.counts else number(name)
        return Draft("existence", {"thing": noun_phrase(name, tint)}, NO, asks, colour(name))

    def _count(self, dice: Dice, view: View) -> Draft:
        name = dice.choice(self._names)
        if dice.chance(COUNTED_PRESENT_SHARE):  # of a repeated name rather than of a single one
            name = max(
                dice.sample(tuple(view.counts), min(2, len(view.counts))), key=view.counts.get
            )
        names, plural = [name], self._plurals[name]
        kind = self._kinds[name]
        if kind in self._members and dice.chance(0.25):
            names, plural = self._members[kind], KINDS[kind]
        count = sum(view.counts[name] for name in names)
        reveals: Facets = frozenset()
        if count == 0:
            reveals = every_facet(*names)
        elif count == self._max_objects:  # nothing else can be there
            reveals = every_facet(*self._names) | frozenset(PLACES)
        return Draft("count", {"plural": plural}, NUMBERS[count], number(*names), reveals)

    def _comparison(self, dice: Dice, view: View) -> Draft | None:
        if dice.chance(0.5):
            return _same_colour(dice, view)
        name = dice.choice(tuple(view.counts))
        present = len(view.counts) > 1 and dice.chance(0.6)
        other = dice.choice([n for n in (view.counts if present else self._names) if n != name])
        if dice.chance(0.5):
            name, other = other, name
        slots = {"plural": self._plurals[name], "others": self._plurals[other]}
        answer = YES if view.counts[name] > view.counts[other] else NO
        return Draft("more", slots, answer, number(name, other))


def _colour(dice: Dice, view: View) -> Draft | None:
    tinted = [(one.name, one.colour) for one in view.single if one.colour]
    if not tinted:
        return None
    name, tint = dice.choice(tinted)
    return Draft("colour", {"name": name}, tint, colour(name), number(name))


def _place(dice: Dice, view: View) -> Draft | None:
    if dice.chance(0.5):
        return _place_of(dice.choice(view.single)) if view.single else None
    occupants = {one.place: one.name for one in view.scene.placed}
    asked = dice.choice(tuple(occupants) if dice.chance(0.8) else PLACES)
    if asked not in occupants:
        return Draft("at place", {"place": asked}, NOTHING, frozenset([asked]))
    name = occupants[asked]
    reveals = number(name) | place(name)
    return Draft("at place", {"place": asked}, name, frozenset([asked]), reveals)


def _place_of(one: Placed) -> Draft:
    reveals = number(one.name) | {one.place}
    return Draft("place of", {"name": one.name}, one.place, place(one.name), reveals)


def _relation(dice: Dice, view: View) -> Draft | None:
    if len(view.single) < 2:
        return None
    one, other = dice.sample(view.single, 2)
    if dice.chance(0.4):
        return _related_to(dice, view, other)
    holding, holds = relation(one.box, other.box), dice.chance(0.5)
    wanted = [each for each in RELATIONS if (each in holding) == holds]
    wanted = [each for each in wanted if view.may_relate(one.name, other.name, each)]
    if not wanted:
        return None
    slots = {"name": one.name, "other": other.name, "relation": dice.choice(wanted)}
    names = one.name, other.name
    return Draft("related", slots, YES if holds else NO, place(*names), number(*names))


def _related_to(dice: Dice, view: View, target: Placed) -> Draft | None:
    wanted = dice.choice(RELATIONS)
    found = [one.name for one in view.scene.placed if wanted in relation(one.box, target.box)]
    if len(found) != 1:
        return None
    slots = {"name": target.name, "relation": wanted}
    names = target.name, found[0]
    return Draft("related to", slots, found[0], place(*names), number(*names))


def _same_colour(dice: Dice, view: View) -> Draft | None:
    tinted = [one for one in view.single if one.colour]
    wanted = dice.chance(0.5)
    pairs = [(a, b) for a in tinted for b in tinted if a is not b]
    pairs = [(a, b) for a, b in pairs if (a.colour == b.colour) == wanted]
    if not pairs:
        return None
    names = [one.name for one in dice.choice(pairs)]
    slots = {"name": names[0], "other": names[1]}
    return Draft("same colour", slots, YES if wanted else NO, colour(*names), number(*names))
