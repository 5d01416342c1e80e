"""Everything that GenEval can ask of a world, tag by tag, in its own words and paraphrased."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

from datamodules.world.language import counted, noun_phrase
from datamodules.world.relations import RELATIONS
from datamodules.world.wordings import OPENINGS, RELATED
from datamodules.world.world import World

OPENING = OPENINGS.training[0]
"""GenEval's own opening, which training uses too."""

Clauses = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Wish:
    """One thing to ask for: `clauses` by which it is judged, what training `said` after an opening,
    and the whole prompt in the benchmark's wording."""

    clauses: Clauses
    said: str
    paraphrase: str
    held_out: bool = False

    def prompt(self, opening: str = OPENING) -> str:
        """Return the prompt in training's wording."""
        return opening.format(self.said)


def _wish(clauses: Clauses, said: str, paraphrase: str, held_out: bool = False) -> Wish:
    """Return a wish for what follows "a photo of" and its paraphrase."""
    return Wish(clauses, said, OPENINGS.benchmark.format(paraphrase), held_out)


def _clause(name: str, **wanted: object) -> dict[str, Any]:
    return {"class": name, "count": 1, **wanted}


def single_objects(world: World) -> Iterator[Wish]:
    """Yield "a dog"."""
    for name in world.by_name:
        said = noun_phrase(name)
        yield _wish({"include": [_clause(name)]}, said, said)


def two_objects(world: World) -> Iterator[Wish]:
    """Yield "a dog and a cat"."""
    for one, other in permutations(world.by_name, 2):
        said = f"{noun_phrase(one)} and {noun_phrase(other)}"
        yield _wish({"include": [_clause(one), _clause(other)]}, said, said)


def counts(world: World) -> Iterator[Wish]:
    """Yield "two dogs", and no third."""
    for entry, count in product(world.objects, range(2, world.config.max_objects + 1)):
        include = [{"class": entry.name, "count": count}]
        exclude = [{"class": entry.name, "count": count + 1}]
        clauses = {"include": include, "exclude": exclude}
        said = counted(entry.plural, None, count)
        yield _wish(clauses, said, said)


def colours(world: World) -> Iterator[Wish]:
    """Yield "a red dog"."""
    for name, colour in product(world.by_name, world.colours):
        yield _wish(
            {"include": [_clause(name, color=colour)]},
            noun_phrase(name, colour),
            noun_phrase(name, colour, benchmark=True),
            world.held_out.colour(name, colour),
        )


def positions(world: World) -> Iterator[Wish]:
    """Yield "a dog left of a cat"."""
    for (subject, target), relation in product(permutations(world.by_name, 2), RELATIONS):
        slots = {"subject": noun_phrase(subject), "target": noun_phrase(target)}
        include = [_clause(target), _clause(subject, position=[relation, 0])]
        said, paraphrase = (
            pattern.format(relation=relation, **slots)
            for pattern in (RELATED.training[0], RELATED.benchmark)
        )
        held_out = world.held_out.relation(subject, target, relation)
        yield Wish({"include": include}, said, paraphrase, held_out)


def colour_pairs(world: World) -> Iterator[Wish]:
    """Yield "a red dog and a blue cat", the colours unlike."""
    for names, tints in product(permutations(world.by_name, 2), permutations(world.colours, 2)):
        pairs = tuple(zip(names, tints, strict=True))
        yield _wish(
            {"include": [_clause(name, color=tint) for name, tint in pairs]},
            " and ".join(noun_phrase(*pair) for pair in pairs),
            " and ".join(noun_phrase(*pair, benchmark=True) for pair in pairs),
            any(world.held_out.colour(*pair) for pair in pairs),
        )


WISHES: dict[str, Callable[[World], Iterator[Wish]]] = {
    "single_object": single_objects,
    "two_object": two_objects,
    "counting": counts,
    "colors": colours,
    "position": positions,
    "color_attr": colour_pairs,
}
