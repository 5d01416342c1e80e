"""What is known of an object besides its looks: implicit descriptions that never name it.

Facts stand in WISE's groups. Every fact is asked and answered in the understanding data; what the
generation data shows of it makes its *tier*, so that a benchmark can tell how far knowledge has to
travel from answering to drawing:

- `shown`: the description itself is drawn in training; no benchmark asks for it
- `drawn`: never drawn, but another fact of the same object and group is
- `kind_drawn`: facts of its group are drawn, but none of this object
- `never_drawn`: no fact of its group is ever drawn

Physics and chemistry are left empty: WISE asks there for states of matter and for reactions,
which a picture of an emoji in one state cannot show.
"""

from dataclasses import dataclass
from typing import Literal

Group = Literal["Cultural knowledge", "Time", "Space", "Biology"]
Tier = Literal["shown", "drawn", "kind_drawn", "never_drawn"]

DRAWN_GROUPS: tuple[Group, ...] = ("Cultural knowledge", "Biology")


@dataclass(frozen=True)
class Fact:
    """`predicate` continues "the animal that": "gives milk"."""

    group: Group
    predicate: str
    tier: Tier


PREDICATES: dict[str, dict[Group, tuple[str, ...]]] = {
    "dog": {
        "Cultural knowledge": ("is called the best friend of man", "leads a blind man"),
        "Time": ("was the first to live with man",),
        "Space": ("guards the door of the house",),
        "Biology": ("barks", "comes from the wolf", "is the mother of a puppy"),
    },
    "cow": {
        "Cultural knowledge": ("is holy in india", "wears a bell in the alps"),
        "Time": ("gives milk every morning",),
        "Space": ("lives on the farm and sleeps in a barn",),
        "Biology": ("has four stomachs", "is the mother of a calf", "eats grass and says moo"),
    },
    "clock": {
        "Cultural knowledge": (
            "is called big ben in london",
            "sings like a bird in the black forest",
        ),
        "Time": ("shows the hour", "wakes you every morning"),
        "Space": ("looks down from the church tower", "hangs above the school door"),
    },
    "pizza": {
        "Cultural knowledge": ("comes from italy", "was made for queen margherita"),
        "Time": ("is ready after ten minutes in the fire", "is eaten on friday night"),
        "Space": ("comes out of a stone oven", "comes to your door in a flat box"),
    },
    "bear": {
        "Cultural knowledge": ("stands for russia", "gave its name to a soft toy"),
        "Time": ("sleeps all winter",),
        "Space": ("lives in a cave in the forest",),
        "Biology": ("eats honey and fish", "is the mother of a cub", "has thick fur and big paws"),
    },
    "horse": {
        "Cultural knowledge": ("carries the knight", "was made of wood in the story of troy"),
        "Time": ("pulled people before the first engine",),
        "Space": ("sleeps in a stable",),
        "Biology": ("is the mother of a foal", "eats oats", "wears iron shoes on its feet"),
    },
    "book": {
        "Cultural knowledge": ("was first printed by gutenberg", "tells the story of harry potter"),
        "Time": ("was written by hand before printing", "is opened before you sleep"),
        "Space": ("stands in the library", "is carried in the school bag"),
    },
    "laptop": {
        "Cultural knowledge": ("has a white fruit on its back", "is the tool of a programmer"),
        "Time": ("is closed when work ends", "is opened when work begins"),
        "Space": ("folds flat on your desk", "stands on the desk in the office"),
    },
    "carrot": {
        "Cultural knowledge": ("is the nose of a snow man", "hangs from a stick in an old story"),
        "Time": ("comes out of the ground in autumn",),
        "Space": ("grows under the ground",),
        "Biology": ("is good for your eyes", "is a sweet root", "is what a rabbit eats"),
    },
    "zebra": {
        "Cultural knowledge": ("gave its name to a street crossing", "stands for the last letter"),
        "Time": ("crosses the river when the rain ends",),
        "Space": ("hides in a striped herd",),
        "Biology": ("has stripes", "has black and white fur", "is the mother of a striped foal"),
    },
    "tv": {
        "Cultural knowledge": ("shows the world cup", "showed the first man on the moon"),
        "Time": ("shows the news every evening", "came after the radio"),
        "Space": ("hangs on the living room wall", "stands in every hotel room"),
    },
    "chair": {
        "Cultural knowledge": ("is the throne of a king", "is lost when the music ends"),
        "Time": ("is empty when school ends", "waits for you every evening at the table"),
        "Space": ("stands at the table", "stands in a row at school"),
    },
    "giraffe": {
        "Cultural knowledge": ("was called camel leopard in rome", "was a gift to a king in paris"),
        "Time": ("sleeps only one hour every night",),
        "Space": ("looks down on every tree in africa",),
        "Biology": ("has a long neck", "eats from the top of a tree", "has a long blue tongue"),
    },
    "potted plant": {
        "Cultural knowledge": ("is a gift for a new house", "brings a forest to the office"),
        "Time": ("needs water every week",),
        "Space": ("stands at the window and looks for light",),
        "Biology": ("makes sugar from light", "has a root and many leaves", "makes the air fresh"),
    },
    "cell phone": {
        "Cultural knowledge": ("takes a selfie", "was shown to the world by steve jobs"),
        "Time": ("came after the letter", "needs new power every night"),
        "Space": ("is carried in your pocket", "stays in your hand all day"),
    },
    "stop sign": {
        "Cultural knowledge": ("has one word in white", "has eight sides"),
        "Time": ("was yellow before it was red", "makes you wait before you go"),
        "Space": ("stands at the street corner", "stands where two streets meet"),
    },
    "car": {
        "Cultural knowledge": ("was made for many people by henry ford", "races in monaco"),
        "Time": ("takes you to work every morning",),
        "Space": ("sleeps in the garage",),
    },
    "train": {
        "Cultural knowledge": ("takes harry potter to school", "is robbed in the wild west"),
        "Time": ("came with the steam engine",),
        "Space": ("waits in the station",),
    },
    "couch": {
        "Cultural knowledge": (
            "is where you talk to doctor freud",
            "gave its name to a lazy potato",
        ),
        "Time": ("is where you rest in the evening",),
        "Space": ("stands in the living room",),
    },
    "vase": {
        "Cultural knowledge": ("was painted in old greece", "was made of white ming china"),
        "Time": ("was used for oil in old rome",),
        "Space": ("stands on the table and carries flowers",),
    },
    "scissors": {
        "Cultural knowledge": (
            "loses to stone in a game of hands",
            "opens a new street with a king",
        ),
        "Time": ("is used when your hair is long",),
        "Space": ("cuts hair in the salon",),
    },
    "wine glass": {
        "Cultural knowledge": ("rings when friends say cheers", "stands for a french evening"),
        "Time": ("is filled in the evening",),
        "Space": ("hangs upside down above the bar",),
    },
    "computer keyboard": {
        "Cultural knowledge": ("begins with the word qwerty", "took letters to a new world"),
        "Time": ("came after the printing of letters by hand",),
        "Space": ("stays under your ten fingers",),
    },
    "handbag": {
        "Cultural knowledge": ("was carried every day by queen elizabeth", "is made by gucci"),
        "Time": ("is filled before you leave the house",),
        "Space": ("hangs from your arm",),
    },
}


def facts_of(name: str, position: int) -> tuple[Fact, ...]:
    """Return the facts of the object at `position` of `OBJECTS`; every second one is drawn."""
    facts = []
    for group, predicates in PREDICATES[name].items():
        drawn = group in DRAWN_GROUPS and position % 2 == 0
        for rank, predicate in enumerate(predicates):
            facts.append(Fact(group, predicate, _tier(group, drawn, first=rank == 0)))
    return tuple(facts)


def _tier(group: Group, drawn: bool, first: bool) -> Tier:
    if group not in DRAWN_GROUPS:
        return "never_drawn"
    if not drawn:
        return "kind_drawn"
    return "shown" if first else "drawn"
