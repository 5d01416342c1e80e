"""The embedded emoji world: the default data, whose every image has a known scene graph."""

from datamodules.world.drafts import Question
from datamodules.world.objects import OBJECTS, WorldObject
from datamodules.world.scenes import COLOURS, PLACES, Placed, Scene, WorldConfig
from datamodules.world.splits import SPLITS, Split
from datamodules.world.world import World

__all__ = [
    "COLOURS",
    "OBJECTS",
    "PLACES",
    "SPLITS",
    "Placed",
    "Question",
    "Scene",
    "Split",
    "World",
    "WorldConfig",
    "WorldObject",
]
