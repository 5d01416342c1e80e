"""The world as the other packages see it: one object that gives scenes, pixels and texts.

Everything is a function of the configuration, a split and an index; nothing is stored.
"""

import numpy as np

from datamodules.world.language import Captioner, words_of_objects
from datamodules.world.objects import OBJECTS
from datamodules.world.randomness import Dice
from datamodules.world.relations import RELATIONS, Box, relation
from datamodules.world.render import render
from datamodules.world.scenes import COLOURS, PLACES, Scene, SceneSampler, WorldConfig
from datamodules.world.splits import HeldOut, Split
from datamodules.world.wordings import words_of_patterns


class World:
    """The embedded world of one configuration."""

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self.objects = OBJECTS[: config.classes]
        self.colours = COLOURS[: config.colours]
        self.by_name = {entry.name: entry for entry in self.objects}
        self.held_out = HeldOut(tuple(self.by_name), self.colours)
        self._sampler = SceneSampler(config, self.objects, self.held_out)
        self._captioner = Captioner(self.objects)
        words = words_of_patterns() | words_of_objects(self.objects) | set(self.colours)
        words |= {word for text in (*PLACES, *RELATIONS) for word in text.split()}
        self.vocabulary = tuple(sorted(words))

    def scene(self, split: Split, index: int) -> Scene:
        """Return scene `index` of `split`; raises ValueError on an unknown split."""
        return self._sampler.sample(split, index)

    def render(self, scene: Scene) -> np.ndarray:
        """Return the image of `scene`, uint8 [pixels, pixels, 3]."""
        return render(scene, self.config.pixels)

    def caption(self, split: Split, index: int, scene: Scene) -> str:
        """Return a caption of `scene` in one of training's wordings."""
        return self._captioner.caption(Dice(split, index, "caption"), scene)

    @staticmethod
    def relation(box: Box, other: Box) -> set[str]:
        """Return the relations of `box` to `other` by GenEval's rule."""
        return relation(box, other)
