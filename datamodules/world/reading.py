"""Texts without an image: facts asked and told, and what stage 0 reads."""

from collections.abc import Sequence

from datamodules.world.drafts import Draft, Question
from datamodules.world.facts import Fact
from datamodules.world.language import noun_phrase
from datamodules.world.objects import WorldObject
from datamodules.world.randomness import Dice
from datamodules.world.wordings import FACT_TOLD


class Knowledge:
    """The facts of one world, as questions and as statements."""

    def __init__(self, objects: Sequence[WorldObject]) -> None:
        self._known = tuple((entry, fact) for entry in objects for fact in entry.facts)

    def questions(self, dice: Dice, count: int) -> tuple[Question, ...]:
        """Return questions on up to `count` different facts."""
        known = dice.sample(self._known, min(count, len(self._known)))
        return tuple(fact_question(dice, *pair) for pair in known)

    def told(self, dice: Dice) -> str:
        """Return a statement such as "a cow has four stomachs ."."""
        entry, fact = dice.choice(self._known)
        return FACT_TOLD.format(thing=noun_phrase(entry.name), predicate=fact.predicate)


def fact_question(dice: Dice, entry: WorldObject, fact: Fact, benchmark: bool = False) -> Question:
    """Return the question that `fact` answers with the name of `entry`."""
    slots = {"kind": entry.kind, "predicate": fact.predicate}
    draft = Draft("fact", slots, entry.name)
    return draft.worded("fact", dice, benchmark)
