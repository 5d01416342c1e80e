"""The objects of the world, in the order in which larger worlds take them up.

Names are COCO's, chosen and ordered so that a small world already runs many of GenEval's official
prompts, that pictures differ at 16 pixels, and that the living ones, whose biology is known, come
early. Pictures are code points of Twemoji; the first is the most typical.
"""

from dataclasses import dataclass

from datamodules.world.facts import Fact, facts_of


@dataclass(frozen=True)
class WorldObject:
    """`pictures` are Twemoji code points; `facts` describe the object without its name."""

    name: str
    plural: str
    category: str
    pictures: tuple[str, ...]
    facts: tuple[Fact, ...]

    @property
    def kind(self) -> str:
        """The noun that a description may use for it: "animal", or "thing" where none is apt."""
        return self.category if self.category in KINDS else "thing"


KINDS = {"animal": "animals", "food": "foods", "device": "devices"}
"""Categories whose word is used in texts, with its plural."""

_TABLE = (
    # name, plural, category, pictures
    ("dog", "dogs", "animal", ("1f436", "1f415", "1f429")),
    ("cow", "cows", "animal", ("1f42e", "1f404", "1f402")),
    ("clock", "clocks", "device", ("23f0", "1f570")),
    ("pizza", "pizzas", "food", ("1f355",)),
    ("bear", "bears", "animal", ("1f43b", "1f43c")),
    ("horse", "horses", "animal", ("1f434", "1f40e")),
    ("book", "books", "belonging", ("1f4d6", "1f4d4")),
    ("laptop", "laptops", "device", ("1f4bb",)),
    ("carrot", "carrots", "food", ("1f955",)),
    ("zebra", "zebras", "animal", ("1f993",)),
    ("tv", "tvs", "device", ("1f4fa",)),
    ("chair", "chairs", "furnishing", ("1fa91",)),
    ("giraffe", "giraffes", "animal", ("1f992",)),
    ("potted plant", "potted plants", "furnishing", ("1fab4",)),
    ("cell phone", "cell phones", "device", ("1f4f1",)),
    ("stop sign", "stop signs", "traffic", ("1f6d1",)),
    ("car", "cars", "traffic", ("1f698", "1f697", "1f699")),
    ("train", "trains", "traffic", ("1f682", "1f686", "1f687")),
    ("couch", "couches", "furnishing", ("1f6cb",)),
    ("vase", "vases", "furnishing", ("1f3fa",)),
    ("scissors", "scissors", "belonging", ("2702",)),
    ("wine glass", "wine glasses", "belonging", ("1f377",)),
    ("computer keyboard", "computer keyboards", "device", ("2328",)),
    ("handbag", "handbags", "belonging", ("1f45c",)),
)

OBJECTS = tuple(
    WorldObject(name, plural, category, pictures, facts_of(name, position))
    for position, (name, plural, category, pictures) in enumerate(_TABLE)
)
