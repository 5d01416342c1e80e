"""The picture prompts of three benchmarks, in the columns of the world's other benchmarks.

`reconstruction` asks for a picture again, `editing` for one change, `interleaved` for scenes that
only text and pictures together tell. The columns `seen` and `paraphrase` ask for the same in unlike
wordings; what a prompt of `unseen` asks for holds a pair that training never shows.
"""

from itertools import count, islice

from datamodules.world.edits import EDIT_KINDS
from datamodules.world.picture_prompts import PictureKind, PicturePrompt, PicturePrompter
from datamodules.world.prompts import PATIENCE, Column
from datamodules.world.world import World

BENCHMARK_KINDS: dict[str, tuple[PictureKind, ...]] = {
    "reconstruction": ("same",),
    "editing": EDIT_KINDS,
    "interleaved": ("subject", "pair", "story"),
}


def benchmark_prompts(
    world: World, kinds: tuple[PictureKind, ...], per_kind: int, column: Column
) -> list[PicturePrompt]:
    """Return up to `per_kind` prompts of each kind on test scenes, for one column.

    Fewer come where PATIENCE scenes a prompt do not suffice, as in a world of few held-out pairs.
    """
    prompter = PicturePrompter(world)
    chosen: list[PicturePrompt] = []
    for kind in kinds:
        tried = (prompter.try_one("test", kind, index) for index in count())
        searched = islice(tried, PATIENCE * per_kind)
        fitting = (one for one in searched if one and belongs(prompter, one, column))
        chosen += islice(fitting, per_kind)
    return chosen


def belongs(prompter: PicturePrompter, prompt: PicturePrompt, column: Column) -> bool:
    """Say whether a prompt belongs to a column: none of its scenes shows a held-out pair, or what
    it asks for does."""
    if column == "unseen":
        return prompter.world.held_out.shown_in(prompt.target.placed)
    return not prompter.shows_held_out(prompt)
