"""Splits, and the pairs that no training split shows or mentions.

Held out are, for every object, one colour in each round of the palette, and for some pairs of
objects one relation (with its inverse). They depend on names and on the number of colours alone.
"""

from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING, Literal, get_args

from datamodules.world.randomness import stable_hash
from datamodules.world.relations import INVERSE, RELATIONS, relation

if TYPE_CHECKING:
    from datamodules.world.scenes import Placed

Split = Literal["train", "tokenizer", "dev", "calibration", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

PAIRS_PER_HELD_OUT_RELATION = 5


def holds_back(split: Split) -> bool:
    """Say whether held-out pairs are kept out of `split`; raises ValueError on an unknown one."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")
    return split != "test"


class HeldOut:
    """The held-out (object, colour) pairs and (object, other, relation) triples of a world."""

    def __init__(self, names: tuple[str, ...], colours: tuple[str, ...]) -> None:
        self.colours = frozenset(
            (name, colours[(index + 2) % len(colours)]) for index, name in enumerate(names)
        )
        self.relations = frozenset(
            triple
            for pair in combinations(sorted(names), 2)
            for triple in _held_out_relation(*pair)
        )
        self._related = {(name, other) for name, other, _ in self.relations}

    def colour(self, name: str, colour: str | None) -> bool:
        """Say whether `name` in `colour` is held out."""
        return (name, colour) in self.colours

    def relation(self, name: str, other: str, wanted: str) -> bool:
        """Say whether "`name` `wanted` `other`" is held out."""
        return (name, other, wanted) in self.relations

    def shown_in(self, placed: Iterable["Placed"]) -> bool:
        """Say whether a scene of these objects shows a held-out pair."""
        return bool(self.names_in(placed))

    def names_in(self, placed: Iterable["Placed"]) -> set[str]:
        """Return the names of the objects that make up the held-out pairs of a scene."""
        placed = tuple(placed)
        names = {one.name for one in placed if (one.name, one.colour) in self.colours}
        for one, other in combinations(placed, 2):
            if (one.name, other.name) in self._related and any(
                (one.name, other.name, held) in self.relations
                for held in relation(one.box, other.box)
            ):
                names |= {one.name, other.name}
        return names


def _held_out_relation(name: str, other: str) -> tuple[tuple[str, str, str], ...]:
    """Return the triple that is held out for a pair, with its inverse, or nothing."""
    drawn, rest = divmod(stable_hash(f"held out/{name}/{other}"), PAIRS_PER_HELD_OUT_RELATION)
    if rest:
        return ()
    wanted = RELATIONS[drawn % len(RELATIONS)]
    return (name, other, wanted), (other, name, INVERSE[wanted])
