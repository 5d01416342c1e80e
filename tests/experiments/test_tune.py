"""Sampling is tuned on captions that leave places open, and every arm gets the same ones."""

from itertools import islice

from datamodules.world import World, WorldConfig
from datamodules.world.scenes import PLACES
from experiments.tune import briefly_told

WORLD = World(WorldConfig())


def test_the_prompts_are_brief_captions_of_different_scenes_of_dev() -> None:
    told = list(islice(briefly_told(WORLD), 60))
    indices = [index for index in range(400) if WORLD.scene("dev", index) in [s for s, _ in told]]
    assert len(indices) == 60
    captions = [WORLD.caption("dev", index, WORLD.scene("dev", index)) for index in indices]
    assert [caption for _, caption in told] == captions
    assert not [one for one in captions if any(place in one for place in PLACES)]


def test_every_arm_is_tuned_on_the_same_prompts() -> None:
    assert list(islice(briefly_told(WORLD), 20)) == list(islice(briefly_told(WORLD), 20))
