"""Benchmark prompts have the official forms, stay in the vocabulary, and keep to their column."""

import re
from collections import Counter, defaultdict

import pytest

from datamodules.world import World, WorldConfig
from datamodules.world.dense_prompts import dpg_prompts
from datamodules.world.facts import PREDICATES
from datamodules.world.prompts import (
    caption_prompts,
    geneval_prompts,
    official_geneval_records,
    vqa_questions,
    wise_prompts,
)
from datamodules.world.questions import QUESTION_KINDS
from datamodules.world.relations import relation
from tests.datamodules.second_reader import HELD_OUT

WORLD = World(WorldConfig())
LARGE = World(WorldConfig(classes=24, colours=10))
COLUMNS = ("seen", "paraphrase", "unseen")
YES_OR_NO = ("existence", "comparison")
TAGS = {"single_object", "two_object", "counting", "colors", "position", "color_attr"}


def words_are_known(world, *texts):
    return {word for text in texts for word in text.split(" ")} <= set(world.vocabulary)


def held_out_clauses(record):
    """Return the held-out pairs that a GenEval record asks for."""
    include = record["include"]
    pairs = {(each["class"], each.get("color")) for each in include} & WORLD.held_out.colours
    for each in include:
        if "position" in each:
            wanted, target = each["position"]
            triple = (each["class"], include[target]["class"], wanted)
            pairs |= {triple} & WORLD.held_out.relations
    return pairs


@pytest.mark.parametrize("column", COLUMNS)
def test_geneval_records_have_the_official_form_and_keep_to_their_column(column):
    records = geneval_prompts(WORLD, 12, column)
    pair_tags = {"colors", "position", "color_attr"}
    assert {record["tag"] for record in records} == (pair_tags if column == "unseen" else TAGS)
    assert max(Counter(record["tag"] for record in records).values()) == 12
    assert len({record["prompt"] for record in records}) == len(records)
    for record in records:
        assert words_are_known(WORLD, record["prompt"])
        assert record["prompt"].startswith("a photo of ") == (column != "paraphrase")
        assert bool(held_out_clauses(record)) == (column == "unseen")
        more = [{**one, "count": one["count"] + 1} for one in record["include"]]
        assert record.get("exclude", more) == more
        assert ("exclude" in record) == (record["tag"] == "counting")
        assert all(each["class"] in record["prompt"] for each in record["include"])


def test_a_geneval_position_record_names_its_target_first():
    for record in geneval_prompts(WORLD, 5, "seen"):
        if record["tag"] == "position":
            target, subject = record["include"]
            wanted, index = subject["position"]
            assert index == 0
            phrase = rf"an? {subject['class']} {wanted} an? {target['class']}"
            assert re.fullmatch(f"a photo of {phrase}", record["prompt"])


def test_the_paraphrased_column_asks_for_the_same_as_the_seen_one():
    seen, paraphrase = (geneval_prompts(WORLD, 10, column) for column in COLUMNS[:2])
    assert [record["include"] for record in seen] == [record["include"] for record in paraphrase]
    assert not {r["prompt"] for r in seen} & {r["prompt"] for r in paraphrase}


def test_training_never_speaks_in_a_paraphrase():
    spoken = {WORLD.caption("train", i, WORLD.scene("train", i)) for i in range(3000)}
    assert not spoken & {record["prompt"] for record in geneval_prompts(WORLD, 100, "paraphrase")}
    paraphrase = re.compile(f"picture (that|where) |that is ({'|'.join(WORLD.colours)})")
    assert not any(paraphrase.search(caption) for caption in spoken)


def test_official_records_are_kept_where_objects_colours_and_counts_exist():
    def record(name, count=1, **more):
        return {"tag": "t", "include": [{"class": name, "count": count, **more}], "prompt": "p"}

    kept = [record("dog"), record("dog", color="red"), record("clock", 4)]
    dropped = [record("zeppelin"), record("dog", color="brown"), record("clock", 5), record("car")]
    assert official_geneval_records(WORLD, [*kept, *dropped]) == kept
    assert official_geneval_records(LARGE, dropped) == [dropped[1], dropped[3]]


@pytest.mark.parametrize("world", [WORLD, LARGE], ids=["small", "large"])
def test_wise_asks_at_least_twenty_facts_of_every_group(world):
    records = wise_prompts(world)
    groups = Counter(record["Category"] for record in records)
    assert set(groups) == {"Cultural knowledge", "Time", "Space", "Biology"}
    assert min(groups.values()) >= 20
    assert len({record["prompt_id"] for record in records}) == len(records)
    for record in records:
        assert words_are_known(world, record["Prompt"], record["question"])
        assert f" {record['target']} " not in f" {record['Prompt']} "
        described = record["Prompt"].removeprefix("a photo of ")
        assert record["question"] == f"what is {described} ?"  # in no wording of training


def test_tiers_say_what_generation_training_has_drawn():
    drawn = {
        (each.name, fact.group)
        for each in WORLD.objects
        for fact in each.facts
        if fact.tier == "shown"
    }
    groups = {group for _, group in drawn}
    for record in wise_prompts(WORLD):
        kind_is_drawn = record["Category"] in groups
        itself_is_drawn = (record["target"], record["Category"]) in drawn
        expected = "kind_drawn" if kind_is_drawn else "never_drawn"
        assert record["tier"] == ("drawn" if itself_is_drawn else expected)


def test_only_shown_facts_are_drawn_in_training():
    other = {
        fact.predicate for each in WORLD.objects for fact in each.facts if fact.tier != "shown"
    }
    for index in range(3000):
        caption = WORLD.caption("train", index, WORLD.scene("train", index))
        assert not any(caption.endswith(f" that {predicate}") for predicate in other)


def test_facts_are_unique_and_never_name_an_object():
    predicates = [p for groups in PREDICATES.values() for group in groups.values() for p in group]
    assert len(set(predicates)) == len(predicates)
    for predicate in predicates:
        for entry in LARGE.objects:
            assert f" {entry.name} " not in f" {predicate} "
            assert f" {entry.plural} " not in f" {predicate} "


def test_every_object_has_at_least_three_facts():
    assert min(len(entry.facts) for entry in LARGE.objects) >= 3


def test_dpg_questions_depend_on_earlier_ones_and_hold_in_their_scene():
    for item in dpg_prompts(WORLD, 40):
        scene = WORLD.scene("test", int(item["item_id"].removeprefix("world")))
        names = Counter(one.name for one in scene.placed)
        assert words_are_known(WORLD, item["text"])
        assert not WORLD.held_out.shown_in(scene.placed)
        terms = [one["tuple"].partition(" (")[2].removesuffix(")") for one in item["questions"]]
        for number, question in enumerate(item["questions"], start=1):
            assert question["proposition_id"] == str(number)
            parents = [int(parent) for parent in question["dependency"].split(",")]
            assert all(parent < number for parent in parents)
            if question["category_broad"] != "entity":
                spoken_of = [one for one in terms[number - 1].split(", ") if one in names]
                assert [terms[parent - 1] for parent in parents] == spoken_of
            assert words_are_known(WORLD, question["question"])
            assert proposition_holds(question, scene, names)


def proposition_holds(question, scene, names):
    kind, terms = re.fullmatch(r"(.+) \((.+)\)", question["tuple"]).groups()
    name, *rest = terms.split(", ")
    found = [one for one in scene.placed if one.name == name]
    match kind:
        case "entity - whole":
            return names[name] > 0
        case "other - count":
            return ("zero", "one", "two", "three", "four")[names[name]] == rest[0]
        case "attribute - color":
            return {one.colour for one in found} == {rest[0]}
        case "relation - spatial" if len(rest) == 1:
            return [one.place for one in found] == rest
        case "relation - spatial":
            (target,) = (one for one in scene.placed if one.name == rest[1])
            return rest[0] in relation(found[0].box, target.box)
    raise AssertionError(kind)


@pytest.mark.parametrize("column", COLUMNS)
def test_vqa_asks_every_kind_with_fair_answers(column):
    questions = vqa_questions(WORLD, 20, column)
    assert Counter(each["kind"] for each in questions) == dict.fromkeys(QUESTION_KINDS, 20)
    assert len({each["question_id"] for each in questions}) == len(questions)
    for kind in YES_OR_NO:
        answers = Counter(each["answer"] for each in questions if each["kind"] == kind)
        assert answers == {"yes": 10, "no": 10}
    answers = Counter((each["kind"], each["answer"]) for each in questions)
    assert max(n for (kind, _), n in answers.items() if kind not in YES_OR_NO) == 7  # a third of 20
    for each in questions:
        assert words_are_known(WORLD, each["question"], each["answer"])
        assert column == "unseen" or not HELD_OUT.search(each["question"]), each
        shown = WORLD.held_out.shown_in(WORLD.scene("test", each["image_id"]).placed)
        assert shown == (column == "unseen")


@pytest.mark.parametrize("column", COLUMNS)
def test_the_wording_of_a_yes_or_no_question_tells_nothing_of_its_answer(column):
    forms = defaultdict(Counter)
    for each in vqa_questions(WORLD, 20, column):
        if each["answer"] in ("yes", "no"):
            forms[each["form"]][each["answer"]] += 1
    assert {"coloured thing", "more", "same colour", "related"} <= set(forms)
    assert all(abs(found["yes"] - found["no"]) <= 1 for found in forms.values()), forms


def test_an_unseen_question_speaks_of_an_object_of_a_held_out_pair():
    for each in vqa_questions(WORLD, 20, "unseen"):
        names = WORLD.held_out.names_in(WORLD.scene("test", each["image_id"]).placed)
        objects = [WORLD.by_name[name] for name in names]
        words = {word for one in objects for word in (one.name, one.plural, f"{one.kind}s")}
        said = f" {each['question']} {each['answer']} "
        assert any(f" {word} " in said for word in words), each


def test_vqa_of_a_tiny_world_ends_with_what_can_be_asked():
    tiny = World(WorldConfig(classes=4, colours=4, max_objects=2))
    assert vqa_questions(tiny, 3, "unseen")


def test_caption_prompts_are_captions_of_test_scenes():
    prompts = caption_prompts(WORLD, 30)
    assert len({each["id"] for each in prompts}) == 30
    for each in prompts:
        scene = WORLD.scene("test", each["scene"])
        assert not WORLD.held_out.shown_in(scene.placed)
        assert each["prompt"] == WORLD.caption("test", each["scene"], scene)
        assert each["category"] in {WORLD.by_name[one.name].category for one in scene.placed}


def test_an_unknown_column_is_refused_by_name():
    with pytest.raises(ValueError, match=r"column must be one of seen, .*, got 'x'\."):
        geneval_prompts(WORLD, 1, "x")
