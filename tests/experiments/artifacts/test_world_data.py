"""The training set of a cell: each sequence is of its scene, its source and its facts."""

from pathlib import Path

import pytest

from datamodules.sequences import DataConfig, SequenceStore
from datamodules.world import Question, World
from datamodules.world.counterfactual import CounterfactualWorld
from experiments.artifacts.data import texts, training_data
from experiments.language.words import text_tokens
from models import TASKS
from models.batch import prompt_tokens
from models.text_tokens import BEGIN_IMAGE, END, TEXT, UNDERSTAND, TextTokens
from models.tokenizers.kinds import load_codec
from tests.experiments.builders import cell_folders, tiny_config

FACTS, TEXTS, SCENES = 3, 3, 10
"""The first ask about facts, the next about a text, the rest about a picture."""
SHARES = {"fact_share": FACTS / 1000, "text_share": TEXTS / 1000, "plain_share": FACTS / 1000}


def answers(store: SequenceStore, index: int, words: TextTokens) -> list[str]:
    """What a sequence has as targets, answer by answer."""
    tokens, predicted = store.row(index)
    told = [words.words[one] for one in tokens[predicted].tolist()]
    return " ".join(told).removesuffix(words.words[END]).strip().split(f" {words.words[END]} ")


@pytest.mark.parametrize("kind", [World, CounterfactualWorld])
def test_each_sequence_is_of_its_scene_and_teaches_what_its_source_says(
    kind: type[World], tmp_path: Path
) -> None:
    taught = DataConfig(scenes=SCENES, counterfactual_facts=kind is CounterfactualWorld, **SHARES)
    config = tiny_config(data=taught)
    inputs = cell_folders(config, tmp_path, "data")
    training_data(config, inputs, inputs["data"])
    words, world, codec = text_tokens(config), kind(config.world), load_codec(inputs["tokenizer"])
    told, drawn = (SequenceStore.load(inputs["data"], task) for task in TASKS)
    assert len(told) == len(drawn) == SCENES
    for index in range(SCENES):
        scene = world.scene("train", index)
        image = [len(words) + code for code in codec.encode(world.render(scene)[None])[0].tolist()]
        caption = world.caption("train", index, scene)
        assert drawn.row(index)[0].tolist() == [*prompt_tokens(words, caption), *image]
        opening = told.row(index)[0].tolist()[: len(image) + 2]
        shows = index >= FACTS + TEXTS
        assert (opening == [UNDERSTAND, BEGIN_IMAGE, *image]) == shows
        asked: tuple[Question, ...] = world.questions("train", index, scene, taught.questions)
        if index < FACTS:
            asked = world.fact_questions("train", index, taught.facts)
        elif not shows:
            asked = world.comprehension("train", index, taught.questions)[1]
        found = answers(told, index, words)
        assert found == [one.answer for one in asked][-len(found) :]


@pytest.mark.parametrize("kind", [World, CounterfactualWorld])
def test_stage_0_reads_the_facts_that_the_world_teaches_and_then_questions_on_texts(
    kind: type[World], tmp_path: Path
) -> None:
    data = DataConfig(texts=6, counterfactual_facts=kind is CounterfactualWorld, **SHARES)
    config = tiny_config(data=data)
    texts(config, {}, tmp_path)
    words, world = text_tokens(config), kind(config.world)
    store = SequenceStore.load(tmp_path, "text")
    assert [int(store.row(index)[0][0]) for index in range(6)] == [TEXT] * 3 + [UNDERSTAND] * 3
    for index in range(6):
        if index < FACTS:
            *asked, told = world.text_turns(index)
            wanted = [*(f"{one.text} {one.answer}" for one in asked), told]
        else:
            questions = world.comprehension("train", index, data.text_questions)[1]
            wanted = [one.answer for one in questions]
        found = answers(store, index, words)
        assert found == wanted[-len(found) :]
