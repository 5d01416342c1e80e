"""Pages made from the embedded world, whose groups and odd pictures are known.

A page tells of several objects, one after the other: each is shown alone, in colours and places
that vary, and once together with something else. That one is the odd picture of its group.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from datamodules.world import PLACES, Scene, World
from datamodules.world.randomness import Dice

TOPICS, ALONE = 2, 3
VARIANTS_FROM = 1_000_000
"""Variants of scenes from here on belong to pages: benchmarks count theirs from 0."""

Wanted = list[tuple[str, str | None, str]]


@dataclass(frozen=True)
class Told:
    """A picture's scene and the topic that it belongs to; `odd` where that has company."""

    scene: Scene
    topic: int
    odd: bool


def page_pictures(world: World, number: int) -> list[Told]:
    """The pictures of page `number`; none shows a held-out pair."""
    dice = Dice("train", number, "page")
    names = dice.sample([entry.name for entry in world.objects], 2 * TOPICS)
    found = []
    for topic in range(TOPICS):
        name, company = names[topic], names[TOPICS + topic]
        for place in range(ALONE + 1):
            odd = place == ALONE
            shown = [name, company] if odd else [name]
            found.append(Told(draw(world, dice, shown, number, len(found)), topic, odd))
    return found


def draw(world: World, dice: Dice, names: list[str], page: int, picture: int) -> Scene:
    """A scene of these objects in colours and places of its own."""
    while True:
        places = dice.sample(PLACES, len(names))
        colours = [dice.choice((None, *world.colours)) for _ in names]
        wanted: Wanted = list(zip(names, colours, places, strict=True))
        scene = world.compose(wanted, VARIANTS_FROM + 100 * page + picture)
        if not world.held_out.shown_in(scene.placed):
            return scene


def write_pages(world: World, count: int, out: Path) -> Path:
    """Writes `pages.jsonl` and the pictures beside it; returns the former.

    `topic` and `odd` of a picture are for a check of what was mined; no miner reads them. Raises
    ValueError for less than one page.
    """
    if count < 1:
        raise ValueError(f"--count of pages must be at least 1, got {count}.")
    (out / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(count):
        told = page_pictures(world, number)
        pictures = []
        for place, one in enumerate(told):
            name = f"{number:05d}-{place}.png"
            Image.fromarray(world.render(one.scene)).save(out / "images" / name)
            about = {"image_name": name, "matched_text_index": place}
            pictures.append({**about, "topic": one.topic, "odd": one.odd})
        texts = [world.full_caption(one.scene) for one in told]
        lines.append(json.dumps({"text_list": texts, "image_info": pictures}) + "\n")
    (out / "pages.jsonl").write_text("".join(lines))
    return out / "pages.jsonl"
