"""A question before it is worded: what it asks for, and what it gives away.

A question *asks* for facets of the scene and *reveals* some, by its answer and by what it takes for
granted: "what colour is the dog ?" asks for the dog's colour and reveals, besides, that there is
one dog.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from datamodules.world.randomness import Dice
from datamodules.world.scenes import Placed, Scene
from datamodules.world.splits import HeldOut
from datamodules.world.wordings import QUESTIONS

Facets = frozenset[str]


def number(*names: str) -> Facets:
    """Return the facets "how many of each name"."""
    return frozenset(f"{name}/number" for name in names)


def colour(*names: str) -> Facets:
    """Return the facets "in which colours each name is"."""
    return frozenset(f"{name}/colour" for name in names)


def place(*names: str) -> Facets:
    """Return the facets "where each name is"."""
    return frozenset(f"{name}/place" for name in names)


def every_facet(*names: str) -> Facets:
    """Return all that can be asked of each name."""
    return number(*names) | colour(*names) | place(*names)


@dataclass(frozen=True)
class Question:
    """A question with its one right answer, and the facets that it asks for and reveals."""

    text: str
    answer: str
    kind: str
    asks: Facets = field(default=frozenset(), repr=False)
    reveals: Facets = field(default=frozenset(), repr=False)


@dataclass(frozen=True)
class Draft:
    """A question before it is worded: a key of `QUESTIONS` and its slots."""

    pattern: str
    slots: dict[str, str]
    answer: str
    asks: Facets = frozenset()
    reveals: Facets = frozenset()

    def worded(self, kind: str, dice: Dice, benchmark: bool = False) -> Question:
        """Return the question in one of training's wordings, or in the benchmark's."""
        wording = QUESTIONS[self.pattern]
        pattern = wording.benchmark if benchmark else dice.choice(wording.training)
        return Question(
            pattern.format(**self.slots), self.answer, kind, self.asks, self.asks | self.reveals
        )


@dataclass(frozen=True)
class View:
    """What questions need to know of a scene, and which pairs they may mention."""

    scene: Scene
    held_out: HeldOut | None  # None: every pair may be mentioned

    @cached_property
    def counts(self) -> Counter[str]:
        """Number of objects of each name."""
        return Counter(one.name for one in self.scene.placed)

    @cached_property
    def single(self) -> tuple[Placed, ...]:
        """The objects whose name comes once."""
        return tuple(one for one in self.scene.placed if self.counts[one.name] == 1)

    def may_colour(self, name: str, colour: str) -> bool:
        """Say whether a text on this scene may speak of `name` in `colour`."""
        return self.held_out is None or not self.held_out.colour(name, colour)

    def may_relate(self, name: str, other: str, wanted: str) -> bool:
        """Say whether a text on this scene may speak of `name` `wanted` `other`."""
        return self.held_out is None or not self.held_out.relation(name, other, wanted)
