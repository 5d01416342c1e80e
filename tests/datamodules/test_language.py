"""Captions are true and exact, as read by a parser that does not know how they are written."""

import re
from collections import Counter

import pytest

from datamodules.world import SPLITS, World, WorldConfig
from datamodules.world.wordings import FULL_OPENINGS, OPENINGS, QUESTIONS, words_of_patterns
from tests.datamodules.second_reader import HELD_OUT

WORLD = World(WorldConfig())
LARGE = World(WorldConfig(classes=24, colours=10, detail=3))
NUMBERS = {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4}
OPENING = re.compile(r"^(a photo of|a picture of|the picture shows|there is) ")
RELATED = re.compile(r"^(.+) (left of|right of|above|below) (.+)$")
ITEM = re.compile(
    r"^(?P<number>a|an|two|three|four) (?:(?P<colour>{colours}) )?(?P<name>{names})"
    r"(?: (?:in the )?(?P<place>(?:top|bottom) (?:left|right)))?$".format(
        colours="|".join(LARGE.colours),
        names="|".join(name for each in LARGE.objects for name in (each.plural, each.name)),
    )
)
SINGULAR = {entry.plural: entry.name for entry in LARGE.objects}


def captions(world, split="train", count=1500):
    scenes = [world.scene(split, index) for index in range(count)]
    return [(scene, world.caption(split, index, scene)) for index, scene in enumerate(scenes)]


def items(text):
    """Return (number, colour, name, place) of every phrase of a list."""
    read = []
    for phrase in re.split(r" , | and ", text):
        found = ITEM.match(phrase)
        assert found, phrase
        name = SINGULAR.get(found["name"], found["name"])
        read.append((NUMBERS[found["number"]], found["colour"], name, found["place"]))
    return read


def is_implicit(text):
    return text.startswith("the ") and " that " in text


def boxes(scene, number, colour, name, place):
    assert number == 1
    assert place is None
    return [one.box for one in scene.placed if (one.name, one.colour) == (name, colour)]


@pytest.mark.parametrize("world", [WORLD, LARGE], ids=["small", "large"])
def test_a_caption_says_exactly_what_the_scene_holds(world):
    for scene, caption in captions(world):
        text = OPENING.sub("", caption)
        if is_implicit(text) or RELATED.match(text):
            continue
        read = items(text)
        said = Counter()
        for number, colour, name, place in read:
            assert number == 1 or place is None
            said[name, colour, place] += number
        placed = all(place for *_, place in read)
        assert placed or len({name for _, _, name, _ in read}) == len(read), caption
        shown = Counter((o.name, o.colour, o.place if placed else None) for o in scene.placed)
        assert said == shown, caption


@pytest.mark.parametrize("world", [WORLD, LARGE], ids=["small", "large"])
def test_a_relation_in_a_caption_holds_by_the_official_rule(world):
    related = 0
    for scene, caption in captions(world):
        found = RELATED.match(OPENING.sub("", caption))
        if found is None or is_implicit(OPENING.sub("", caption)):
            continue
        related += 1
        (subject,), (target,) = (boxes(scene, *items(found[side])[0]) for side in (1, 3))
        assert found[2] in official_relations(subject, target)
    assert related > 50


def official_relations(box, other):
    """The rule as GenEval states it, written out again."""
    centres = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in (box, other)]
    sides = [(b[2] - b[0], b[3] - b[1]) for b in (box, other)]
    offset = [centres[0][axis] - centres[1][axis] for axis in (0, 1)]
    length = (offset[0] ** 2 + offset[1] ** 2) ** 0.5
    found = set()
    for axis, (less, more) in enumerate((("left of", "right of"), ("above", "below"))):
        reduced = max(abs(offset[axis]) - 0.1 * (sides[0][axis] + sides[1][axis]), 0) / length
        if reduced > 0.5:
            found.add(more if offset[axis] > 0 else less)
    return found


def test_an_implicit_caption_describes_the_one_natural_object_there():
    found = 0
    for scene, caption in captions(WORLD, count=4000):
        text = OPENING.sub("", caption)
        if not is_implicit(text):
            continue
        found += 1
        (one,) = scene.placed
        assert one.colour is None
        shown = [fact for fact in WORLD.by_name[one.name].facts if fact.tier == "shown"]
        assert text.split(" that ", 1)[1] in {fact.predicate for fact in shown}
    assert found > 20


def test_most_captions_name_every_object_with_colour_and_place():
    told = captions(WORLD)
    full = sum(all(one.place in caption for one in scene.placed) for scene, caption in told)
    assert full / len(told) > 0.5


@pytest.mark.parametrize(
    "form",
    [
        r"^a photo of an? [a-z ]+$",
        r"^a photo of (two|three|four) [a-z ]+$",
        r"^a photo of an? [a-z ]+ (left of|right of|above|below) an? [a-z ]+$",
        r"^a photo of an? [a-z ]+ and an? [a-z ]+$",
        r"^a photo of an? (red|blue|green) [a-z ]+$",
    ],
)
def test_training_speaks_in_the_official_forms_too(form):
    matching = sum(bool(re.match(form, caption)) for _, caption in captions(WORLD))
    assert matching > 20


@pytest.mark.parametrize("split", [split for split in SPLITS if split != "test"])
def test_no_training_text_mentions_a_held_out_pair(split):
    for index in range(1000):
        scene = WORLD.scene(split, index)
        told, exam = WORLD.comprehension(split, index, 5)
        questions = (*WORLD.questions(split, index, scene, 5), *exam)
        texts = [WORLD.caption(split, index, scene), told, *(q.text for q in questions)]
        texts += [turn if isinstance(turn, str) else turn.text for turn in WORLD.text_turns(index)]
        for text in texts:
            assert not HELD_OUT.search(text), text


@pytest.mark.parametrize("world", [WORLD, LARGE], ids=["small", "large"])
def test_every_text_stays_in_the_vocabulary_and_within_its_length(world):
    vocabulary = set(world.vocabulary)
    assert world.vocabulary == tuple(sorted(vocabulary))
    for index in range(500):
        for split in ("train", "test"):
            scene = world.scene(split, index)
            caption = world.caption(split, index, scene)
            questions = world.questions(split, index, scene, 5)
            questions += world.fact_questions(split, index, 3)
            assert len(caption.split(" ")) <= 30
            assert all(len(question.text.split(" ")) <= 20 for question in questions)
            texts = [caption, *(f"{each.text} {each.answer}" for each in questions)]
            assert {word for text in texts for word in text.split(" ")} <= vocabulary


def test_stage_0_reads_facts_in_words_of_the_vocabulary():
    lengths = []
    for index in range(500):
        turns = WORLD.text_turns(index)
        texts = [turn if isinstance(turn, str) else f"{turn.text} {turn.answer}" for turn in turns]
        words = " ".join(texts).split(" ")
        assert set(words) <= set(WORLD.vocabulary)
        lengths.append(len(words))
    assert 45 < sum(lengths) / len(lengths) < 75
    assert WORLD.text_turns(3) == World(WorldConfig()).text_turns(3)


def test_the_vocabulary_stays_small():
    assert 250 <= len(WORLD.vocabulary) <= len(LARGE.vocabulary) <= 450


def test_benchmark_wordings_are_not_training_wordings():
    assert OPENINGS.benchmark not in (*OPENINGS.training, *FULL_OPENINGS)
    for wording in QUESTIONS.values():
        assert wording.benchmark not in wording.training


def test_every_word_of_every_pattern_is_learnt_in_training():
    learnt = set()
    for index in range(2000):
        scene = WORLD.scene("train", index)
        turns = [*WORLD.text_turns(index), *WORLD.questions("train", index, scene, 5)]
        turns += [WORLD.caption("train", index, scene), *WORLD.fact_questions("train", index, 2)]
        for turn in turns:
            learnt |= set((turn if isinstance(turn, str) else f"{turn.text} {turn.answer}").split())
    assert words_of_patterns() <= learnt
    assert set(WORLD.vocabulary) <= learnt | {"foods", "devices", "animals"} | set(LARGE.colours)
