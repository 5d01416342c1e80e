"""Scene graphs: which objects stand where, in which colour, and with which detail.

A scene is drawn from a *plan* (one object, a pair, several of one name, a mixture), placed on a
2x2 grid and then disturbed by what no caption tells: picture, size, turn, offset and ground.
How much of that there is follows from `WorldConfig.detail`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import log2

from datamodules.world.art import TINTS, sprite_sides
from datamodules.world.objects import OBJECTS, WorldObject
from datamodules.world.randomness import Dice
from datamodules.world.relations import Box
from datamodules.world.splits import HeldOut, Split, holds_back

COLOURS = tuple(TINTS)
PLACES = ("top left", "top right", "bottom left", "bottom right")

RANGES = {"classes": (4, len(OBJECTS)), "colours": (4, len(COLOURS)), "pixels": (32, 256)}
RANGES |= {"detail": (0, 3), "max_objects": (2, len(PLACES))}


@dataclass(frozen=True, kw_only=True)
class WorldConfig:
    """Size and difficulty of the world.

    Raises ValueError where a field lies outside its range.
    """

    classes: int = 16
    """The first `classes` of `OBJECTS` exist."""
    colours: int = 8
    """The first `colours` of `COLOURS` exist."""
    pixels: int = 32
    """Side of an image, a multiple of 16."""
    detail: int = 1
    """How much of an image its caption leaves open, from 0 (nothing) to 3."""
    max_objects: int = 4
    """Most objects in a scene."""

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = RANGES[field.name]
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"world.{field.name} must be an integer, got {value!r}.")
            if not low <= value <= high:
                raise ValueError(f"world.{field.name} must lie in [{low}, {high}], got {value}.")
        if self.pixels % 16:
            raise ValueError(f"world.pixels must be a multiple of 16, got {self.pixels}.")


@dataclass(frozen=True)
class Placed:
    """One object of a scene; `box` is (left, top, right, bottom) in pixels, half open."""

    name: str
    colour: str | None  # None: natural colours
    place: str
    picture: str  # code point of the art
    size: int  # longer side in pixels
    angle: int  # degrees, counter-clockwise
    box: Box


@dataclass(frozen=True)
class Scene:
    """Objects in drawing order (later ones in front) on a ground, an index into `GROUNDS`."""

    placed: tuple[Placed, ...]
    ground: int


@dataclass(frozen=True)
class Detail:
    """What the caption leaves open, in pixels of a cell of 16."""

    pictures: int  # most pictures of one name
    sizes: tuple[int, int]  # smallest and largest longer side
    jitter: int  # largest offset from the middle of the cell
    overflow: int  # by how much an object may leave its cell
    angles: tuple[int, ...]
    grounds: int


DETAILS = (
    Detail(pictures=1, sizes=(14, 14), jitter=0, overflow=0, angles=(0,), grounds=1),
    Detail(pictures=2, sizes=(13, 15), jitter=0, overflow=0, angles=(0,), grounds=1),
    Detail(pictures=3, sizes=(12, 15), jitter=2, overflow=1, angles=(-15, 0, 15), grounds=4),
    Detail(
        pictures=3, sizes=(11, 17), jitter=3, overflow=3, angles=(-30, -15, 0, 15, 30), grounds=8
    ),
)

PLANS = {"one": 0.16, "pair": 0.32, "same": 0.24, "mixed": 0.28}
"""How often a scene is one object, two names, several of one name, or three and more of any."""

SAME_COLOUR_SHARE = 0.5
"""How often the second of two tinted objects takes the colour of the first."""

Names = list[tuple[str, str | None]]


class SceneSampler:
    """Draws the scenes of one world; a training split never shows a held-out pair."""

    def __init__(self, config: WorldConfig, objects: tuple[WorldObject, ...], held_out: HeldOut):
        self.config = config
        self.detail = DETAILS[config.detail]
        self.pictures = {entry.name: entry.pictures[: self.detail.pictures] for entry in objects}
        self.names = tuple(self.pictures)
        self.colours = COLOURS[: config.colours]
        self.held_out = held_out

    def sample(self, split: Split, index: int) -> Scene:
        """Return scene `index` of `split`, a function of the configuration and of these two."""
        dice = Dice(split, index, "scene")
        scene = self._draw(dice)
        while holds_back(split) and self.held_out.shown_in(scene.placed):
            scene = self._draw(dice)
        return scene

    def _draw(self, dice: Dice) -> Scene:
        named = self._names_and_colours(dice)
        places = dice.sample(PLACES, len(named))
        return self.arrange(dice, named, places)

    def arrange(self, dice: Dice, named: Names, places: Sequence[str]) -> Scene:
        """Return a scene of these objects at these places, the rest drawn from `dice`."""
        ground = dice.integer(0, self.detail.grounds - 1)
        placed = (
            self._place(dice, *pair, place) for pair, place in zip(named, places, strict=True)
        )
        return Scene(tuple(placed), ground)

    def _names_and_colours(self, dice: Dice) -> Names:
        plan = dice.weighted(PLANS)
        most = self.config.max_objects
        if plan == "one":
            return [(dice.choice(self.names), self._colour(dice, 0.6))]
        if plan == "pair":
            first, second = dice.sample(self.names, 2)
            tinted = dice.weighted({(0, 0): 0.42, (1, 1): 0.46, (0, 1): 0.06, (1, 0): 0.06})
            colours = [self._colour(dice, part) for part in tinted]
            if all(tinted) and dice.chance(SAME_COLOUR_SHARE):
                colours[1] = colours[0]
            return [(first, colours[0]), (second, colours[1])]
        if plan == "same":
            return self._same(dice, dice.choice(self.names), dice.integer(2, most))
        count = dice.integer(min(3, most), most)
        names = dice.sample(self.names, count)
        if dice.chance(0.4):  # a name that comes twice
            names[-1] = names[0]
        return [(name, self._colour(dice, 0.6)) for name in names]

    def _same(self, dice: Dice, name: str, count: int) -> Names:
        colouring = dice.weighted({"natural": 0.6, "one colour": 0.2, "any": 0.2})
        if colouring == "any":
            return [(name, self._colour(dice, 0.7)) for _ in range(count)]
        return [(name, self._colour(dice, colouring == "one colour"))] * count

    def _colour(self, dice: Dice, tinted: float) -> str | None:
        return dice.choice(self.colours) if dice.chance(tinted) else None

    def _place(self, dice: Dice, name: str, colour: str | None, place: str) -> Placed:
        detail, cell = self.detail, self.config.pixels // 2
        code = dice.choice(self.pictures[name])
        size = dice.integer(*detail.sizes) * cell // 16
        angle = dice.choice(detail.angles)
        row, column = divmod(PLACES.index(place), 2)
        width, height = sprite_sides(code, size, angle)
        left = self._offset(dice, width) + column * cell
        top = self._offset(dice, height) + row * cell
        return Placed(
            name, colour, place, code, size, angle, (left, top, left + width, top + height)
        )

    def _offset(self, dice: Dice, side: int) -> int:
        """Return where a side begins within its cell."""
        return dice.integer(*self._offsets(side))

    def _offsets(self, side: int) -> tuple[int, int]:
        """Return the lowest and highest offset: near the middle, and inside the cell if it fits."""
        cell, detail = self.config.pixels // 2, self.detail
        jitter, overflow = detail.jitter * cell // 16, detail.overflow * cell // 16
        middle = (cell - side) // 2
        lowest, highest = min(-overflow, middle), max(cell - side + overflow, middle)
        return max(middle - jitter, lowest), min(middle + jitter, highest)

    def open_bits(self, scene: Scene) -> float:
        """Return how many bits a full caption of `scene` leaves open, drawing order aside."""
        detail = self.detail
        choices = [detail.grounds]
        for one in scene.placed:
            sizes = detail.sizes[1] - detail.sizes[0] + 1
            choices += [len(self.pictures[one.name]), sizes, len(detail.angles)]
            left, top, right, bottom = one.box
            for lowest, highest in map(self._offsets, (right - left, bottom - top)):
                choices.append(highest - lowest + 1)
        return sum(map(log2, choices))
