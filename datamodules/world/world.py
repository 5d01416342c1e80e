"""The world as the other packages see it: one object that gives scenes, pixels and texts.

Everything is a function of the configuration, a split and an index; nothing is stored.
"""

from collections.abc import Sequence

import numpy as np

from datamodules.world.drafts import Draft, Question, View
from datamodules.world.language import Captioner, words_of_objects
from datamodules.world.objects import OBJECTS
from datamodules.world.questions import Questioner
from datamodules.world.randomness import Dice
from datamodules.world.reading import Knowledge
from datamodules.world.relations import RELATIONS, Box, relation
from datamodules.world.render import render
from datamodules.world.scenes import COLOURS, PLACES, Scene, SceneSampler, WorldConfig
from datamodules.world.splits import HeldOut, Split, holds_back
from datamodules.world.wordings import words_of_patterns

DESCRIBED_SHARE = 0.5
"""How often a pack ends with "describe the picture .", which has to name all."""


class World:
    """The embedded world of one configuration."""

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self.objects = OBJECTS[: config.classes]
        self.colours = COLOURS[: config.colours]
        self.by_name = {entry.name: entry for entry in self.objects}
        self.held_out = HeldOut(tuple(self.by_name), self.colours)
        self.questioner = Questioner(self.objects, self.colours, config.max_objects)
        self._sampler = SceneSampler(config, self.objects, self.held_out)
        self._captioner = Captioner(self.objects)
        self._knowledge = Knowledge(self.objects)
        words = words_of_patterns() | words_of_objects(self.objects) | set(self.colours)
        words |= {word for text in (*PLACES, *RELATIONS) for word in text.split()}
        self.vocabulary = tuple(sorted(words))

    def scene(self, split: Split, index: int) -> Scene:
        """Return scene `index` of `split`; raises ValueError on an unknown split."""
        return self._sampler.sample(split, index)

    def compose(self, wanted: Sequence[tuple[str, str | None, str]], index: int) -> Scene:
        """Return variant `index` of a scene of exactly these (name, colour or None, place).

        It may hold held-out pairs: it shows what a prompt asks for, and is never trained on.
        """
        named = [(name, colour) for name, colour, _ in wanted]
        dice = Dice("test", index, "compose")
        return self._sampler.arrange(dice, named, [place for _, _, place in wanted])

    def render(self, scene: Scene) -> np.ndarray:
        """Return the image of `scene`, uint8 [pixels, pixels, 3]."""
        return render(scene, self.config.pixels)

    def caption(self, split: Split, index: int, scene: Scene) -> str:
        """Return a caption of `scene` in one of training's wordings."""
        return self._captioner.caption(Dice(split, index, "caption"), scene)

    def full_caption(self, scene: Scene) -> str:
        """Return the one caption that tells all, the answer to "describe the picture ."."""
        return self._captioner.answer(scene)

    def view(self, split: Split, scene: Scene) -> View:
        """Return `scene` as questions see it; training splits may not mention held-out pairs."""
        return View(scene, self.held_out if holds_back(split) else None)

    def questions(self, split: Split, index: int, scene: Scene, count: int) -> tuple[Question, ...]:
        """Return up to `count` questions on `scene`, none answerable from an earlier answer."""
        dice, view = Dice(split, index, "questions"), self.view(split, scene)
        pack = self.questioner.pack(dice, view, count)
        described = dice.chance(DESCRIBED_SHARE)
        return (*pack, self.caption_question(dice, scene)) if described else pack

    def caption_question(self, dice: Dice, scene: Scene) -> Question:
        """Return the question for a description of `scene`."""
        draft = Draft("caption", {}, self.full_caption(scene))
        return draft.worded("caption", dice)

    def fact_questions(self, split: Split, index: int, count: int) -> tuple[Question, ...]:
        """Return questions on `count` different facts; facts are the same in every split."""
        return self._knowledge.questions(Dice(split, index, "facts"), count)

    def comprehension(
        self, split: Split, index: int, count: int
    ) -> tuple[str, tuple[Question, ...]]:
        """Return a text that tells all of scene `index`, and up to `count` questions on it."""
        dice, scene = Dice(split, index, "comprehension"), self.scene(split, index)
        text = self._captioner.full(dice, scene)
        return text, self.questioner.exam(dice, self.view(split, scene), count)

    def text_turns(self, index: int) -> tuple[Question | str, ...]:
        """Return sample `index` of plain text: questions on facts, and one fact told."""
        dice = Dice("train", index, "text")
        return (*self._knowledge.questions(dice, 4), self._knowledge.told(dice))

    def open_bits(self, scene: Scene) -> float:
        """Return how many bits of the image of `scene` its full caption leaves open."""
        return self._sampler.open_bits(scene)

    @staticmethod
    def relation(box: Box, other: Box) -> set[str]:
        """Return the relations of `box` to `other` by GenEval's rule."""
        return relation(box, other)
