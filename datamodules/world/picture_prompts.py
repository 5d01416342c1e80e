"""Prompts that hold pictures: each asks for one more picture, and what it must show is known.

    same      <image> the same picture
    edits     <image> the same picture and the dog is blue                 (edits.py, five kinds)
    subject   a photo of <image> in the top left and a cat in the bottom right
    pair      a photo of <image> in the top left and <image> in the bottom right
    story     a dog top left <image> , <an edit> <image> , <an edit>

In `subject` and `pair` a picture of one thing stands for the thing: its name and colour are told by
the picture alone. `PICTURE` marks where in the text each picture stands.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Literal

from datamodules.world.edits import EDIT_KINDS, Edit, EditKind, Editor
from datamodules.world.language import listed, noun_phrase
from datamodules.world.randomness import Dice
from datamodules.world.scenes import PLACES, Placed, Scene
from datamodules.world.splits import Split, holds_back
from datamodules.world.wordings import OPENINGS, PLACED, Wording
from datamodules.world.world import World

PICTURE = "<image>"

PictureKind = Literal["same", EditKind, "subject", "pair", "story", "examples"]
"""Those of this file, and `examples` (examples.py)."""

SAME = Wording(("the same picture", "show the same picture"), "a picture that is the same")
PLACED_PICTURES = Wording((PLACED,), "the {place} shows {thing}")
OPENED = Wording(OPENINGS.training[:2], "a picture where {}")

WEIGHTS: dict[PictureKind, float] = {
    "same": 0.1,
    **dict.fromkeys(EDIT_KINDS, 0.1),
    "subject": 0.15,
    "pair": 0.1,
    "story": 0.15,
}
"""How often each kind comes in training."""
SECOND_THING_SHARE = 0.7
"""How often a subject gets company."""


@dataclass(frozen=True)
class PicturePrompt:
    """A prompt in both wordings, the scenes of its pictures in order, and the scene it asks for."""

    kind: PictureKind
    seen: str
    paraphrase: str
    pictures: tuple[Scene, ...]
    target: Scene

    def text(self, paraphrased: bool) -> str:
        """Return the prompt in training's wording or in the benchmark's."""
        return self.paraphrase if paraphrased else self.seen


class PicturePrompter:
    """Writes the picture prompts of one world."""

    def __init__(self, world: World) -> None:
        self.world, self.editor = world, Editor(world)
        self._kinds: dict[PictureKind, Callable[[Dice, Scene], PicturePrompt | None]] = {
            "same": self._same,
            "subject": self._subject,
            "pair": self._pair,
            "story": self._story,
        }
        self._kinds |= {kind: partial(self._edit, kind) for kind in EDIT_KINDS}

    def sample(self, split: Split, index: int) -> PicturePrompt:
        """Return prompt `index` of `split`; one of training neither shows nor asks for a held-out
        pair."""
        dice = Dice(split, index, "picture prompt")
        kind = dice.weighted(WEIGHTS)
        return next(
            prompt
            for attempt in count()
            if (prompt := self.try_one(split, kind, index, attempt)) is not None
        )

    def try_one(
        self, split: Split, kind: PictureKind, index: int, attempt: int = 0
    ) -> PicturePrompt | None:
        """Return a prompt of `kind` on scene `index`, or None where this attempt found none."""
        dice = Dice(split, index, f"picture prompt/{kind}/{attempt}")
        scene = self.world.scene(split, index + attempt)
        prompt = self._kinds[kind](dice, scene)
        if prompt is None or (holds_back(split) and self.shows_held_out(prompt)):
            return None
        return prompt

    def shows_held_out(self, prompt: PicturePrompt) -> bool:
        """Say whether any scene of a prompt shows a held-out pair."""
        scenes = (*prompt.pictures, prompt.target)
        return any(self.world.held_out.shown_in(scene.placed) for scene in scenes)

    def _same(self, dice: Dice, scene: Scene) -> PicturePrompt:
        seen, paraphrase = dice.choice(SAME.training), SAME.benchmark
        return PicturePrompt(
            "same", f"{PICTURE} {seen}", f"{PICTURE} {paraphrase}", (scene,), scene
        )

    def _edit(self, kind: EditKind, dice: Dice, scene: Scene) -> PicturePrompt | None:
        edit = self.editor.edit(dice, kind, scene)
        if edit is None:
            return None
        seen, paraphrase = both(dice, edit)
        return PicturePrompt(
            kind, f"{PICTURE} {seen}", f"{PICTURE} {paraphrase}", (scene,), edit.target
        )

    def _story(self, dice: Dice, scene: Scene) -> PicturePrompt | None:
        """A caption, its picture, and two edits, of which the first is drawn already."""
        first = self.editor.edit(dice, dice.choice(EDIT_KINDS), scene)
        last = self.editor.edit(dice, dice.choice(EDIT_KINDS), first.target) if first else None
        if first is None or last is None:
            return None
        told = self.world.full_caption(scene)
        seen, paraphrase = (
            f"{told} {PICTURE} , {one} {PICTURE} , {other}"
            for one, other in zip(both(dice, first), both(dice, last), strict=True)
        )
        return PicturePrompt("story", seen, paraphrase, (scene, first.target), last.target)

    def _subject(self, dice: Dice, scene: Scene) -> PicturePrompt:
        """A picture of one thing, and another thing in words."""
        one = self._alone(dice, scene)
        places = dice.sample(PLACES, 2)
        things, placed = [PICTURE], [self.editor.moved(one.placed[0], places[0])]
        if dice.chance(SECOND_THING_SHARE):
            name, colour = dice.choice(self.editor.absent(one)), self.editor.tint(dice)
            things.append(noun_phrase(name, colour))
            placed.append(self.editor.new(dice, name, colour, places[1]))
        return self._composed("subject", dice, things, placed, (one,))

    def _pair(self, dice: Dice, scene: Scene) -> PicturePrompt:
        """Two pictures of one thing each."""
        first = self._alone(dice, scene)
        name, colour = dice.choice(self.editor.absent(first)), self.editor.tint(dice)
        second = Scene((self.editor.new(dice, name, colour, dice.choice(PLACES)),), first.ground)
        places = dice.sample(PLACES, 2)
        placed = [
            self.editor.moved(one.placed[0], place)
            for one, place in zip((first, second), places, strict=True)
        ]
        return self._composed("pair", dice, [PICTURE] * 2, placed, (first, second))

    def _alone(self, dice: Dice, scene: Scene) -> Scene:
        """One thing of a scene, by itself."""
        return replace(scene, placed=(dice.choice(scene.placed),))

    def _composed(
        self,
        kind: PictureKind,
        dice: Dice,
        things: list[str],
        placed: list[Placed],
        pictures: tuple[Scene, ...],
    ) -> PicturePrompt:
        """A prompt for `placed` on the first picture's ground, `things` being what each is called.

        What stands first in the text need not be drawn first: places do not overlap.
        """
        seen, paraphrase = (
            opening.format(
                listed(
                    [
                        pattern.format(thing=thing, place=one.place)
                        for thing, one in zip(things, placed, strict=True)
                    ]
                )
            )
            for opening, pattern in (
                (dice.choice(OPENED.training), PLACED_PICTURES.training[0]),
                (OPENED.benchmark, PLACED_PICTURES.benchmark),
            )
        )
        target = Scene(tuple(placed), pictures[0].ground)
        return PicturePrompt(kind, seen, paraphrase, pictures, target)


def both(dice: Dice, edit: Edit) -> tuple[str, str]:
    """Return an edit in one of training's wordings and in the benchmark's."""
    return edit.text(dice), edit.text(dice, benchmark=True)
