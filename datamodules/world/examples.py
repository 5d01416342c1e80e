"""Drawing by example: two descriptions with their pictures, then a third without.

    a photo of the animal that barks <image> a photo of … <image> a photo of the food that …

A description never names its object. Training describes by facts that captions tell as well, so
that nothing is drawn that is not drawn without examples; a benchmark asks for all other facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datamodules.world.facts import Fact
from datamodules.world.objects import WorldObject
from datamodules.world.picture_prompts import PICTURE, PicturePrompt
from datamodules.world.prompts import wise_prompts
from datamodules.world.randomness import Dice
from datamodules.world.scenes import PLACES, Scene, SceneSampler
from datamodules.world.splits import Split
from datamodules.world.wishes import OPENING
from datamodules.world.wordings import IMPLICIT
from datamodules.world.world import World

EXAMPLES = 2


@dataclass(frozen=True)
class Example:
    """A description and the object that it is of."""

    text: str
    name: str


class ExamplePrompter:
    """Writes the prompts by example of one world."""

    def __init__(self, world: World) -> None:
        self.sampler = SceneSampler(world.config, world.objects, world.held_out)
        self.shown = [
            Example(described(entry, fact), entry.name)
            for entry in world.objects
            for fact in entry.facts
            if fact.tier == "shown"
        ]

    def sample(self, split: Split, index: int) -> PicturePrompt:
        """Return prompt `index` of `split`, all of facts that captions tell, of unlike objects."""
        dice = Dice(split, index, "examples")
        *examples, asked = self.unlike(dice, EXAMPLES + 1)
        return self.prompt(dice, examples, asked)

    def before(self, dice: Dice, asked: Example) -> PicturePrompt:
        """Return a prompt for `asked` after examples of other objects."""
        return self.prompt(dice, self.unlike(dice, EXAMPLES, asked.name), asked)

    def unlike(self, dice: Dice, number: int, other_than: str = "") -> list[Example]:
        """Return examples of as many different objects; fewer where the world has not as many."""
        by_name = {one.name: one for one in dice.sample(self.shown, len(self.shown))}
        names = [name for name in by_name if name != other_than]
        return [by_name[name] for name in names[:number]]

    def prompt(self, dice: Dice, examples: Sequence[Example], asked: Example) -> PicturePrompt:
        """Return the prompt; every picture shows one thing in its natural colours."""
        text = " ".join([*(f"{one.text} {PICTURE}" for one in examples), asked.text])
        *pictures, target = [self._alone(dice, one.name) for one in (*examples, asked)]
        return PicturePrompt("examples", text, text, tuple(pictures), target)

    def _alone(self, dice: Dice, name: str) -> Scene:
        return self.sampler.arrange(dice, [(name, None)], [dice.choice(PLACES)])


def described(entry: WorldObject, fact: Fact) -> str:
    """Return the caption that alludes to an object by a fact."""
    return OPENING.format(IMPLICIT.format(kind=entry.kind, predicate=fact.predicate))


def example_prompts(world: World) -> list[tuple[dict[str, Any], PicturePrompt]]:
    """Return WISE's records of the world, each with its prompt after examples."""
    prompter = ExamplePrompter(world)
    return [
        (
            record,
            prompter.before(
                Dice("test", record["prompt_id"], "examples"),
                Example(record["Prompt"], record["target"]),
            ),
        )
        for record in wise_prompts(world)
    ]
