"""Questions on a scene, of six kinds, and packs of them in which no answer gives another away.

In a pack no question asks for what an earlier one revealed, and a yes/no question is asked only
where either answer could have been: a coin decides, so that neither wording nor history helps to
guess.
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
from datamodules.world.scenes import PLACES
from datamodules.world.wordings import NO, NOTHING, NUMBERS, YES

Kind = Literal["existence", "count", "colour", "place", "relation", "comparison"]
QUESTION_KINDS: tuple[Kind, ...] = get_args(Kind)
FORMS: dict[Kind, dict[str, float]] = {
    "existence": {"thing": 0.9, "coloured thing": 0.3},
    "count": {"count": 1.3},
    "colour": {"colour": 0.25},
    "place": {"place of": 0.06, "at place": 0.06},
    "relation": {"related": 0.6, "related to": 0.5},
    "comparison": {"more": 1.0, "same colour": 0.6},
}
"""The forms of question of each kind, and how often each is tried."""
MOST_OF_A_FORM = 2
"""More of a form would tell too much together, as all four places would."""
ZERO_SHARE, ONE_SKIPPED = 0.02, 0.6
"""Most names are absent and most of the others single: without these, few answers are above one."""
TRIES_PER_QUESTION, TRIES_OF_A_KIND = 10, 4
EXAM: dict[Kind, float] = {kind: 0.5 if kind == "existence" else 0.1 for kind in QUESTION_KINDS}
"""How likely each kind is in an exam. Whether a name occurs in a text is the look-up that every
other question needs too; asked as rarely as the others, it is learnt last (docs/calibration.md)."""


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
        self._open: dict[str, Callable[[Dice, View], Draft | None]] = {
            "count": self._count,
            "colour": _colour,
            "place of": _place_of,
            "at place": _at_place,
            "related to": _related_to,
            "same colour": _same_colour,
        }
        self._yes_or_no: dict[str, Callable[[Dice, View, bool], Draft | None]] = {
            "thing": self._thing,
            "coloured thing": self._coloured_thing,
            "more": self._more,
            "related": _related,
        }

    def draft(self, dice: Dice, view: View, kind: Kind) -> Draft | None:
        """Return a question of `kind`, or None where this try found none."""
        return self.formed(dice, view, kind)[1]

    def formed(self, dice: Dice, view: View, kind: Kind) -> tuple[str, Draft | None]:
        """Return the form of question that is tried, and what `draft` returns."""
        form = dice.weighted(FORMS[kind])
        if form in self._open:
            return form, self._open[form](dice, view)
        return form, self._yes_or_no[form](dice, view, dice.chance(0.5))

    def pack(self, dice: Dice, view: View, count: int) -> tuple[Question, ...]:
        """Return up to `count` questions, none answerable from another's answer."""
        asked: list[Question] = []
        revealed: set[str] = set()
        forms: Counter[str] = Counter()
        weights: dict[Kind, float] = {kind: sum(FORMS[kind].values()) for kind in QUESTION_KINDS}
        for _ in range(TRIES_PER_QUESTION * count):
            if len(asked) == count:
                break
            kind = dice.weighted(weights)
            form = dice.weighted(FORMS[kind])
            if forms[form] == MOST_OF_A_FORM:
                continue
            draft = self._fair_draft(dice, view, form, revealed)
            if draft is None:
                continue
            asked.append(draft.worded(kind, dice))
            revealed |= asked[-1].reveals
            forms[form] += 1
        return tuple(asked)

    def exam(self, dice: Dice, view: View, count: int) -> tuple[Question, ...]:
        """Return up to `count` different questions, of kinds drawn by `EXAM`.

        For a reader who has all the answers before him: one may give another away.
        """
        asked: dict[str, Question] = {}
        for _ in range(TRIES_PER_QUESTION * count):
            if len(asked) == count:
                break
            kind = dice.weighted(EXAM)
            drafts = (self.draft(dice, view, kind) for _ in range(TRIES_OF_A_KIND))
            draft = next(filter(None, drafts), None)
            if draft is not None:
                question = draft.worded(kind, dice)
                asked[question.text] = question
        return tuple(asked.values())

    def _fair_draft(self, dice: Dice, view: View, form: str, revealed: set[str]) -> Draft | None:
        """A question on what is still open; of a yes and a no that both could be asked, either."""
        if form in self._open:
            drafts = [self._open[form](dice, view)]
        else:
            drafts = [self._yes_or_no[form](dice, view, wanted) for wanted in (True, False)]
        drafts = [one for one in drafts if one and revealed.isdisjoint(one.asks)]
        complete = len(drafts) == (1 if form in self._open else 2)
        return dice.choice(drafts) if complete else None

    def _thing(self, dice: Dice, view: View, wanted: bool) -> Draft | None:
        names = [name for name in self._names if (name in view.counts) == wanted]
        if not names:
            return None
        name = dice.choice(names)
        answer, reveals = (YES, number(name)) if wanted else (NO, every_facet(name))
        return Draft("existence", {"thing": noun_phrase(name)}, answer, number(name), reveals)

    def _coloured_thing(self, dice: Dice, view: View, wanted: bool) -> Draft | None:
        """Asks for a coloured object; one that is not there is like one that is."""
        shown = sorted({(one.name, one.colour) for one in view.scene.placed if one.colour})
        if wanted:
            if not shown:
                return None
            name, tint = dice.choice(shown)
            slots = {"thing": noun_phrase(name, tint)}
            return Draft("existence", slots, YES, colour(name), number(name))
        one = dice.choice(view.scene.placed)
        likeness = [(one.name, tint) for tint in self._colours]
        if one.colour is not None and dice.chance(0.4):
            likeness = [(name, one.colour) for name in self._names]
        absent = [pair for pair in likeness if pair not in shown and view.may_colour(*pair)]
        if not absent:
            return None
        name, tint = dice.choice(absent)
        asks = colour(name) if name in view.counts else number(name)
        return Draft("existence", {"thing": noun_phrase(name, tint)}, NO, asks, colour(name))

    def _count(self, dice: Dice, view: View) -> Draft | None:
        name = dice.choice(self._names if dice.chance(ZERO_SHARE) else tuple(view.counts))
        if view.counts[name] == 1 and dice.chance(ONE_SKIPPED):
            return None
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

    def _more(self, dice: Dice, view: View, wanted: bool) -> Draft | None:
        """Asks of two names that differ in number, or, for some of the "no", do not."""
        name = dice.choice(tuple(view.counts))
        others = view.counts if len(view.counts) > 1 and dice.chance(0.6) else self._names
        other = dice.choice([one for one in others if one != name])
        more, fewer = sorted((name, other), key=lambda one: -view.counts[one])
        equal = view.counts[more] == view.counts[fewer]
        if wanted and equal:
            return None
        first, second = (more, fewer) if wanted else (fewer, more)
        slots = {"plural": self._plurals[first], "others": self._plurals[second]}
        return Draft("more", slots, YES if wanted else NO, number(name, other))


def _colour(dice: Dice, view: View) -> Draft | None:
    tinted = [(one.name, one.colour) for one in view.single if one.colour]
    if not tinted:
        return None
    name, tint = dice.choice(tinted)
    return Draft("colour", {"name": name}, tint, colour(name), number(name))


def _at_place(dice: Dice, view: View) -> Draft | None:
    occupants = {one.place: one.name for one in view.scene.placed}
    asked = dice.choice(PLACES)
    if asked not in occupants:
        return Draft("at place", {"place": asked}, NOTHING, frozenset([asked]))
    name = occupants[asked]
    reveals = number(name) | place(name)
    return Draft("at place", {"place": asked}, name, frozenset([asked]), reveals)


def _place_of(dice: Dice, view: View) -> Draft | None:
    if not view.single:
        return None
    one = dice.choice(view.single)
    reveals = number(one.name) | {one.place}
    return Draft("place of", {"name": one.name}, one.place, place(one.name), reveals)


def _related(dice: Dice, view: View, wanted: bool) -> Draft | None:
    if len(view.single) < 2:
        return None
    one, other = dice.sample(view.single, 2)
    holding = relation(one.box, other.box)
    fitting = [each for each in RELATIONS if (each in holding) == wanted]
    fitting = [each for each in fitting if view.may_relate(one.name, other.name, each)]
    if not fitting:
        return None
    slots = {"name": one.name, "other": other.name, "relation": dice.choice(fitting)}
    names = one.name, other.name
    return Draft("related", slots, YES if wanted else NO, place(*names), number(*names))


def _related_to(dice: Dice, view: View) -> Draft | None:
    if len(view.single) < 2:
        return None
    target, wanted = dice.choice(view.single), dice.choice(RELATIONS)
    found = [one.name for one in view.scene.placed if wanted in relation(one.box, target.box)]
    if len(found) != 1:
        return None
    slots = {"name": target.name, "relation": wanted}
    names = target.name, found[0]
    return Draft("related to", slots, found[0], place(*names), number(*names))


def _same_colour(dice: Dice, view: View) -> Draft | None:
    """Few scenes offer both answers, so no coin decides: in training's packs 62% are "no"."""
    wanted = dice.chance(0.5)
    tinted = [one for one in view.single if one.colour]
    pairs = [(a, b) for a in tinted for b in tinted if a is not b]
    pairs = [(a, b) for a, b in pairs if (a.colour == b.colour) == wanted]
    if not pairs:
        return None
    names = [one.name for one in dice.choice(pairs)]
    slots = {"name": names[0], "other": names[1]}
    return Draft("same colour", slots, YES if wanted else NO, colour(*names), number(*names))
