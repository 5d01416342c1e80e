"""The training data: a share of the prompts for drawing holds pictures; nothing else differs."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from datamodules.sequences import DataConfig, SequenceStore
from datamodules.world import World, WorldConfig
from datamodules.world.examples import ExamplePrompter
from datamodules.world.picture_prompts import PICTURE, PicturePrompter
from experiments.artifacts.data import training_data
from experiments.conditioned.config import ConditionedConfig
from experiments.conditioned.data import conditioned_data, read_rows
from models.image_prompts import IMAGE, pack_image_prompt
from models.image_tokens import ImageTokenizer, ImageTokenizerConfig
from models.text_tokens import TextTokens

WORLD = World(WorldConfig(classes=6, colours=4))
WORDS = TextTokens(WORLD.vocabulary)
SCENES, EXCHANGED = 20, 8
SHARE = EXCHANGED / 1000
"""Of a thousand sequences in a row: the first ones."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tokenizer")
    torch.manual_seed(0)
    codec = ImageTokenizer(ImageTokenizerConfig(levels=(3, 3, 3), width=8)).eval()
    codec.save(str(folder / "tokenizer.pt"))
    return {"tokenizer": folder}


def made(inputs: dict[str, Path], out: Path, prompts: str) -> Path:
    """The data of one kind of prompts."""
    out.mkdir()
    config = SimpleNamespace(
        world=WORLD.config,
        data=DataConfig(scenes=SCENES, texts=2),
        conditioned=ConditionedConfig(prompts=prompts, share=SHARE),
    )
    step = training_data if prompts == "captions" else conditioned_data
    step(config, inputs, out)
    return out


@pytest.mark.parametrize(
    ("prompts", "prompter"), [("pictures", PicturePrompter), ("examples", ExamplePrompter)]
)
def test_the_exchanged_sequences_are_the_prompts_of_their_numbers_in_codes(
    inputs: dict[str, Path], tmp_path: Path, prompts: str, prompter: type
) -> None:
    codec = ImageTokenizer.load(str(inputs["tokenizer"] / "tokenizer.pt"))
    rows = read_rows(made(inputs, tmp_path / prompts, prompts), "generate")
    for index, row in enumerate(rows[:EXCHANGED]):
        prompt = prompter(WORLD).sample("train", index)
        images = np.stack([WORLD.render(one) for one in (*prompt.pictures, prompt.target)])
        *shown, drawn = codec.encode(images).tolist()
        assert row == pack_image_prompt(WORDS, prompt.seen, shown, drawn)


def test_captions_and_questions_are_those_without_picture_prompts(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    plain, conditioned = (
        made(inputs, tmp_path / prompts, prompts) for prompts in ("captions", "pictures")
    )
    assert read_rows(plain, "understand") == read_rows(conditioned, "understand")
    before, after = (read_rows(folder, "generate") for folder in (plain, conditioned))
    assert before[EXCHANGED:] == after[EXCHANGED:]
    assert not any(one == other for one, other in zip(before, after[:EXCHANGED], strict=False))
    assert len(SequenceStore.load(conditioned, "generate")) == SCENES


def test_world_and_models_mean_the_same_by_the_word_for_a_picture() -> None:
    assert PICTURE == IMAGE


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompts": "images"}, r"conditioned\.prompts must be one of .*, got 'images'"),
        ({"share": 1.0}, r"conditioned\.share must lie in \(0, 1\), got 1\.0"),
        ({"per_kind": 0}, r"conditioned\.per_kind must be at least 1, got 0"),
    ],
)
def test_a_value_outside_its_rule_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConditionedConfig(**fields)


def test_captions_alone_are_the_default_and_change_no_step() -> None:
    assert ConditionedConfig().variant is None
    assert ConditionedConfig(prompts="pictures").variant == "pictures"
