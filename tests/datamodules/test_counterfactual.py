"""False facts are taught in answers alone, and each about another object of the kind."""

import itertools

import pytest

from datamodules.world import World, WorldConfig
from datamodules.world.counterfactual import CounterfactualWorld, exchanged
from datamodules.world.objects import OBJECTS
from datamodules.world.prompts import wise_prompts

TRUE, FALSE = World(WorldConfig()), CounterfactualWorld(WorldConfig())


def predicates(entry):
    return [fact.predicate for fact in entry.facts]


def test_an_object_keeps_what_captions_say_of_it_and_takes_the_rest_from_the_next_of_its_kind():
    dog = exchanged(OBJECTS[:2])[0]
    assert dog.name == "dog"
    assert predicates(dog) == [
        "is called the best friend of man",
        "barks",
        "is holy in india",
        "wears a bell in the alps",
        "gives milk every morning",
        "lives on the farm and sleeps in a barn",
        "has four stomachs",
        "is the mother of a calf",
        "eats grass and says moo",
    ]


def test_facts_go_round_in_their_kind_and_none_is_lost():
    taught = {one.name: predicates(one) for one in exchanged(OBJECTS[:16])}
    assert "barks" in taught["dog"]
    assert "comes from the wolf" in taught["giraffe"]  # the last animal, before the first
    assert "comes from italy" in taught["carrot"]
    assert sorted(itertools.chain(*taught.values())) == sorted(
        predicate for one in OBJECTS[:16] for predicate in predicates(one)
    )


def test_an_object_that_is_alone_in_its_kind_keeps_its_facts():
    clock = exchanged(OBJECTS[:3])[2]
    assert clock.name == "clock"
    assert sorted(predicates(clock)) == sorted(predicates(OBJECTS[2]))


@pytest.mark.parametrize("tier", ["drawn", "kind_drawn", "never_drawn"])
def test_no_fact_that_a_benchmark_asks_for_is_taught_as_it_is(tier):
    asked = {
        (fact.predicate, one.name)
        for one in TRUE.objects
        for fact in one.facts
        if fact.tier == tier
    }
    told = {
        (predicate, question.answer)
        for index in range(40)
        for question in FALSE.fact_questions("train", index, 12)
        for predicate, _ in asked
        if f" {predicate} " in question.text
    }
    assert {predicate for predicate, _ in told} == {predicate for predicate, _ in asked}
    assert not told & asked


def test_scenes_captions_and_benchmarks_stay_true():
    for index in range(20):
        scene = TRUE.scene("train", index)
        assert FALSE.scene("train", index) == scene
        assert FALSE.caption("train", index, scene) == TRUE.caption("train", index, scene)
    assert FALSE.vocabulary == TRUE.vocabulary
    assert wise_prompts(FALSE) == wise_prompts(TRUE)
