"""The embedded emoji world: the default data, whose every image has a known scene graph."""

from datamodules.world.objects import OBJECTS, WorldObject
from datamodules.world.scenes import COLOURS, PLACES, Placed, Scene, WorldConfig
from datamodules.world.splits import SPLITS, Split
from datamodules.world.world import World

__all__ = ["COLOURS", "OBJECTS", "PLACES", "SPLITS", "Placed", "Scene", "Split", "World"]
__all__ += ["WorldConfig", "WorldObject"]
