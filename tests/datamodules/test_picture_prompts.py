"""Prompts that hold pictures: what each asks for, what training never shows, their columns."""

from collections import Counter

import pytest

from datamodules.world import World, WorldConfig
from datamodules.world.language import noun_phrase
from datamodules.world.picture_benchmarks import BENCHMARK_KINDS, benchmark_prompts
from datamodules.world.picture_prompts import PICTURE, WEIGHTS, PicturePrompt, PicturePrompter
from tests.datamodules.second_reader import asked, objects

WORLD = World(WorldConfig())
PROMPTER = PicturePrompter(WORLD)
TRAINED = [PROMPTER.sample("train", index) for index in range(600)]
KINDS = tuple(WEIGHTS)


def of_kind(kind: str) -> list[PicturePrompt]:
    return [one for one in TRAINED if one.kind == kind]


def test_a_training_prompt_neither_shows_nor_asks_for_a_held_out_pair() -> None:
    for prompt in TRAINED:
        for scene in (*prompt.pictures, prompt.target):
            assert not WORLD.held_out.shown_in(scene.placed)


def test_training_has_every_kind_about_as_often_as_it_should() -> None:
    counts = Counter(one.kind for one in TRAINED)
    assert set(counts) == set(WEIGHTS)
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    for kind, share in WEIGHTS.items():
        assert abs(counts[kind] / 600 - share) < 0.05, kind


def test_a_text_marks_each_of_its_pictures_and_stays_in_the_vocabulary() -> None:
    known = {*WORLD.vocabulary, PICTURE}
    for prompt in TRAINED:
        for text in (prompt.seen, prompt.paraphrase):
            assert text.split(" ").count(PICTURE) == len(prompt.pictures)
            assert set(text.split(" ")) <= known


def test_a_prompt_is_a_function_of_its_split_and_number() -> None:
    again = PicturePrompter(World(WorldConfig()))
    assert [again.sample("train", index) for index in range(50)] == TRAINED[:50]


def test_the_same_picture_is_asked_for_again() -> None:
    for prompt in of_kind("same"):
        assert prompt.pictures == (prompt.target,)


def test_a_story_ends_with_the_edit_of_its_second_picture() -> None:
    for prompt in of_kind("story"):
        first, second = prompt.pictures
        for text in (prompt.seen, prompt.paraphrase):
            told, one, other = text.split(f" {PICTURE}")
            assert told == WORLD.full_caption(first)
            assert asked(one.removeprefix(" , "), objects(first)) == objects(second)
            assert asked(other.removeprefix(" , "), objects(second)) == objects(prompt.target)


def test_a_subjects_colour_is_told_by_its_picture_alone() -> None:
    for prompt in of_kind("subject"):
        (subject,) = prompt.pictures[0].placed
        drawn = prompt.target.placed[0]
        assert (drawn.name, drawn.colour, drawn.picture) == (
            subject.name,
            subject.colour,
            subject.picture,
        )
        assert subject.name not in prompt.seen
        things = [PICTURE, *(noun_phrase(o.name, o.colour) for o in prompt.target.placed[1:])]
        placed = list(zip(things, (o.place for o in prompt.target.placed), strict=True))
        listed = " and ".join(f"{thing} in the {place}" for thing, place in placed)
        assert prompt.seen.endswith(listed)
        listed = " and ".join(f"the {place} shows {thing}" for thing, place in placed)
        assert prompt.paraphrase == f"a picture where {listed}"


def test_a_pair_puts_the_things_of_both_pictures_where_its_text_says() -> None:
    for prompt in of_kind("pair"):
        shown = [one.placed[0] for one in prompt.pictures]
        assert [(one.name, one.colour) for one in shown] == [
            (one.name, one.colour) for one in prompt.target.placed
        ]
        first, second = (one.place for one in prompt.target.placed)
        assert prompt.seen.endswith(f"{PICTURE} in the {first} and {PICTURE} in the {second}")


@pytest.mark.parametrize("benchmark", BENCHMARK_KINDS)
def test_a_benchmarks_columns_say_and_show_what_they_should(benchmark: str) -> None:
    kinds = BENCHMARK_KINDS[benchmark]
    columns = {
        column: benchmark_prompts(WORLD, kinds, 12, column)
        for column in ("seen", "paraphrase", "unseen")
    }
    assert columns["seen"] == columns["paraphrase"]
    for column, prompts in columns.items():
        assert Counter(one.kind for one in prompts) == dict.fromkeys(kinds, 12)
        for one in prompts:
            assert one.seen != one.paraphrase
            unseen = WORLD.held_out.shown_in(one.target.placed)
            assert unseen == (column == "unseen")


def test_no_training_prompt_says_what_a_paraphrase_says() -> None:
    openings = {" ".join(one.paraphrase.split(" ")[:6]) for one in of_kind("same")}
    assert openings == {f"{PICTURE} a picture that is the"}
    assert not any("a picture that is the same" in one.seen for one in TRAINED)
    assert not any("a picture where" in one.seen for one in TRAINED)


def test_every_kind_of_prompt_has_a_benchmark() -> None:
    assert {kind for kinds in BENCHMARK_KINDS.values() for kind in kinds} == set(KINDS)
