"""Dense prompts with question trees (DPG's form): a test scene told in full, and asked for in full.

A proposition's tuple says what to check, in machine-readable words:

    entity - whole (dog)                       there is a dog
    other - count (dog, three)                 there are exactly three
    attribute - color (dog, red)               all of them are red
    relation - spatial (dog, top left)         the only one is in that quarter
    relation - spatial (dog, left of, cat)     by GenEval's rule on their boxes
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from datamodules.world.language import listed_with_places, noun_phrase, reading_order
from datamodules.world.relations import relation
from datamodules.world.scenes import Placed, Scene
from datamodules.world.wordings import NUMBERS, OPENINGS, PLACED, PLACED_BRIEFLY
from datamodules.world.world import World

LEAST_OBJECTS = 2
MOST_IN_LONG_PLACES = 3


@dataclass(frozen=True)
class Proposition:
    """One yes-or-no question; `parents` are the numbers of those that it depends on."""

    broad: str
    detailed: str
    terms: tuple[str, ...]
    question: str
    parents: tuple[int, ...] = ()

    def record(self, number: int) -> dict[str, str]:
        """Return the official columns of proposition `number`."""
        return {
            "proposition_id": str(number),
            "dependency": ",".join(map(str, self.parents)) or "0",
            "category_broad": self.broad,
            "category_detailed": self.detailed,
            "tuple": f"{self.broad} - {self.detailed} ({', '.join(self.terms)})",
            "question": self.question,
        }


def dpg_prompts(world: World, count: int) -> list[dict[str, Any]]:
    """Return `count` items (`item_id`, `text`, `questions`) on scenes without held-out pairs.

    Scenes with one name in several colours are left out, as a question on it would be unclear.
    """
    items: list[dict[str, Any]] = []
    index = 0
    while len(items) < count:
        scene = world.scene("test", index)
        if _is_clear(scene) and not world.held_out.shown_in(scene.placed):
            questions = [
                proposition.record(number)
                for number, proposition in enumerate(_propositions(world, scene), start=1)
            ]
            items.append({"item_id": f"world{index}", "text": _text(scene), "questions": questions})
        index += 1
    return items


def _is_clear(scene: Scene) -> bool:
    names = {one.name for one in scene.placed}
    looks = {(one.name, one.colour) for one in scene.placed}
    return len(scene.placed) >= LEAST_OBJECTS and len(names) == len(looks)


def _text(scene: Scene) -> str:
    brief = len(scene.placed) > MOST_IN_LONG_PLACES
    listing = listed_with_places(reading_order(scene), PLACED_BRIEFLY if brief else PLACED)
    return OPENINGS.training[0].format(listing)


def _propositions(world: World, scene: Scene) -> list[Proposition]:
    """Return the tree: entities first, then what depends on them."""
    groups: dict[str, list[Placed]] = {}
    for one in reading_order(scene):
        groups.setdefault(one.name, []).append(one)
    numbers = {name: number for number, name in enumerate(groups, start=1)}
    found = [
        Proposition("entity", "whole", (name,), f"is there {noun_phrase(name)} ?")
        for name in groups
    ]
    for name, group in groups.items():
        found += _attributes(world.by_name[name].plural, group, (numbers[name],))
    singles = [group[0] for group in groups.values() if len(group) == 1]
    return found + list(_relations(singles, numbers))


def _attributes(
    plural: str, group: list[Placed], parents: tuple[int, ...]
) -> Iterator[Proposition]:
    first, several = group[0], len(group) > 1
    subject = f"are the {plural}" if several else f"is the {first.name}"
    if several:
        number = NUMBERS[len(group)]
        asked = f"are there {number} {plural} ?"
        yield Proposition("other", "count", (first.name, number), asked, parents)
    if first.colour is not None:
        asked = f"{subject} {first.colour} ?"
        yield Proposition("attribute", "color", (first.name, first.colour), asked, parents)
    if not several:
        asked = f"{subject} in the {first.place} ?"
        yield Proposition("relation", "spatial", (first.name, first.place), asked, parents)


def _relations(singles: list[Placed], numbers: dict[str, int]) -> Iterator[Proposition]:
    for one, other in combinations(singles, 2):
        for held in sorted(relation(one.box, other.box)):
            terms = (one.name, held, other.name)
            asked = f"is the {one.name} {held} the {other.name} ?"
            parents = (numbers[one.name], numbers[other.name])
            yield Proposition("relation", "spatial", terms, asked, parents)
