"""A second reader of the world's texts, which does without its grammar: what an edit asks for, and
whether a text speaks of a held-out pair."""

import re

from datamodules.world import World, WorldConfig
from datamodules.world.scenes import PLACES, Scene

WORLD = World(WorldConfig())
Object = tuple[str, str | None, str]
COLOUR, PLACE = f"(?P<colour>{'|'.join(WORLD.colours)})", f"(?P<place>{'|'.join(PLACES)})"
NAME, NEW = (f"(?P<{group}>{'|'.join(WORLD.by_name)})" for group in ("name", "new"))
THING = f"an? (?:{COLOUR} )?{NEW}"
READINGS = (
    rf"the same picture and the {NAME} is {COLOUR}",
    rf"show the {NAME} in {COLOUR}",
    rf"a picture that is the same , the colour of the {NAME} is {COLOUR}",
    rf"(?:the same picture and|show one more ,) {THING} in the {PLACE}",
    rf"a picture that is the same , there is {THING} in the {PLACE}",
    rf"(?:the same picture and|show|a picture that is the same , there is) no {NAME}",
    rf"the same picture and the {NAME} is {THING}",
    rf"show {THING} and no {NAME}",
    rf"a picture that is the same , {THING} is where the {NAME} is",
    rf"the same picture and the {NAME} is in the {PLACE}",
    rf"show the {NAME} in the {PLACE}",
    rf"a picture that is the same , the {PLACE} shows the {NAME}",
)
HELD_OUT = re.compile(
    "|".join(
        [rf"\b{colour} {name}\b" for name, colour in WORLD.held_out.colours]
        + [
            rf"\b{one} {relation} (?:an?|the) (?:\w+ )?{other}\b"
            for one, other, relation in WORLD.held_out.relations
        ]
    )
)
"""A text that speaks of a held-out pair."""


def objects(scene: Scene) -> set[Object]:
    return {(one.name, one.colour, one.place) for one in scene.placed}


def asked(text: str, before: set[Object]) -> set[Object]:
    """What a reader who knows nothing but the text and the picture before would draw."""
    (found,) = filter(None, (re.fullmatch(reading, text) for reading in READINGS))
    name, new, colour, place = map(found.groupdict().get, ("name", "new", "colour", "place"))
    if name is None:
        return {*before, (new, colour, place)}
    (old,) = (one for one in before if one[0] == name)
    if new is not None:
        return before - {old} | {(new, colour, old[2])}
    if colour or place:
        return before - {old} | {(name, colour or old[1], place or old[2])}
    return before - {old}
