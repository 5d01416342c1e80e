"""Prompts by example: training draws nothing that it would not draw without them."""

from datamodules.world import World, WorldConfig
from datamodules.world.examples import EXAMPLES, ExamplePrompter, example_prompts
from datamodules.world.picture_prompts import PICTURE

WORLD = World(WorldConfig())
FACTS = {fact.predicate: (entry.name, fact.tier) for entry in WORLD.objects for fact in entry.facts}


def told(text: str) -> list[tuple[str, str]]:
    """The object and tier of each description of a prompt."""
    parts = [part.strip() for part in text.split(PICTURE)]
    assert all(part.startswith("a photo of the ") for part in parts)
    return [FACTS[part.partition(" that ")[2]] for part in parts]


def test_training_describes_and_draws_three_unlike_objects_by_facts_that_captions_tell() -> None:
    prompter = ExamplePrompter(WORLD)
    for index in range(200):
        prompt = prompter.sample("train", index)
        facts = told(prompt.seen)
        scenes = [*prompt.pictures, prompt.target]
        assert len(facts) == len(scenes) == EXAMPLES + 1
        assert {tier for _, tier in facts} == {"shown"}
        assert [name for name, _ in facts] == [scene.placed[0].name for scene in scenes]
        assert len({name for name, _ in facts}) == len(facts)
        assert not any(WORLD.held_out.shown_in(scene.placed) for scene in scenes)


def test_the_benchmark_asks_for_every_other_fact_after_examples_of_other_objects() -> None:
    prompts = example_prompts(WORLD)
    assert len(prompts) == sum(tier != "shown" for _, tier in FACTS.values())
    for record, prompt in prompts:
        *examples, asked = told(prompt.seen)
        assert asked == (record["target"], record["tier"])
        assert prompt.target.placed[0].name == record["target"]
        assert {tier for _, tier in examples} == {"shown"}
        assert record["target"] not in {name for name, _ in examples}
        assert len(examples) == EXAMPLES
