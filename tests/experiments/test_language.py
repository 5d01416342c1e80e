"""An experiment in a published model's words: its data, its stage 0, its arms."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.protocol import Request as Asked
from datamodules.sequences import DataConfig, SequenceStore
from experiments.artifacts.data import texts, training_data
from experiments.artifacts.stage0 import stage0
from experiments.build import build_module
from experiments.language import LanguageConfig
from experiments.language.words import text_tokens
from experiments.planning.plan import Request
from experiments.planning.planner import Planner, Project
from experiments.scoring.model import TrainedModel
from experiments.sharing.exported import load_arm, save_arm
from experiments.store.markers import write_marker
from experiments.train import train
from models import TASKS
from models.architectures import architecture
from models.image_tokens import ImageTokenizerConfig
from models.pretrained.words import SHIFT, PretrainedWords
from models.sampling import SamplingConfig
from models.training import TrainConfig
from tests.experiments.builders import STATED, cell_folders, tiny_config
from tests.experiments.fakes import EntryAlone
from tests.models.pretrained.tiny_checkpoints import SIZES, save

CODEC = ImageTokenizerConfig(pixels=32, levels=(3, 3, 3), width=8)
TOKENS = torch.tensor([[1, 4, 5, 6, 4, 7, 8, 2, 9, 13]])
TRAIN = TrainConfig(
    steps=3, understand_batch=2, generate_batch=2, warmup_steps=1, precision="32-true"
)


@pytest.fixture
def config(tmp_path: Path) -> SimpleNamespace:
    return tiny_config(
        tokenizer=CODEC,
        language=LanguageConfig(checkpoint=str(tmp_path / "checkpoint")),
        data=DataConfig(scenes=12, texts=6, longest=200),
        model=architecture("unifork").config(trunk=STATED),
        stage0=TRAIN,
        train=TRAIN,
    )


@pytest.fixture
def inputs(config: SimpleNamespace, tmp_path: Path) -> dict[str, Path]:
    """An untrained image tokenizer, and stage 0, which is the published model."""
    save("qwen2", tmp_path / "checkpoint")
    folders = cell_folders(config, tmp_path, "stage0", "data", "texts", "train")
    stage0(config, {}, folders["stage0"])
    return folders


@pytest.mark.parametrize("name", ["shared", "unifork", "mot"])
def test_arms_start_as_the_published_model(
    name: str, config: SimpleNamespace, inputs: dict[str, Path], tmp_path: Path
) -> None:
    reference = save("qwen2", tmp_path / "again")
    config.model = architecture(name).config(trunk=STATED)
    model = build_module(config, inputs).model.eval()
    for task in TASKS:
        found = model.text_head(model(TOKENS + SHIFT, task).states)[..., SHIFT:]
        torch.testing.assert_close(found, reference(TOKENS).logits, rtol=0, atol=1e-4)


def test_stage_0_costs_nothing_that_is_known_and_says_what_it_is(
    config: SimpleNamespace, inputs: dict[str, Path]
) -> None:
    about = json.loads((inputs["stage0"] / "summary.json").read_text())
    assert about == {"flops": 0, "tokens": 0, "checkpoint": config.language.checkpoint}


def test_texts_are_written_in_the_published_models_ids(
    config: SimpleNamespace, inputs: dict[str, Path]
) -> None:
    words = text_tokens(config)
    assert isinstance(words, PretrainedWords)
    texts(config, {}, inputs["texts"])
    store = SequenceStore.load(inputs["texts"], "text")
    assert store.tokens.max() < SHIFT + SIZES["vocab_size"]
    assert int((store.tokens == words.encode("a")[0]).sum()) > 0


@pytest.mark.filterwarnings("default")
def test_a_fork_trains_draws_answers_and_is_exported_in_the_published_models_words(
    config: SimpleNamespace, inputs: dict[str, Path], tmp_path: Path
) -> None:
    given = {name: inputs[name] for name in ("tokenizer", "stage0", "data")}
    training_data(config, given, inputs["data"])
    train(config, given, inputs["train"])
    write_marker(inputs["train"], {})
    sampling = SamplingConfig(chunk=1, prompt_length=64, question_length=128)
    model = TrainedModel.of_cell(config, inputs, sampling)
    (image,) = model.generate([Asked("a photo of a dog", seed=1)])
    assert image.shape == (32, 32, 3)
    picture = np.zeros((32, 32, 3), dtype=np.uint8)
    asked = [Asked("is it red ?", images=(picture,))]
    (answer,) = model.answer(asked)
    assert isinstance(answer, str)
    save_arm(model, config, tmp_path / "arm")
    shutil.rmtree(config.language.checkpoint)
    exported = load_arm(tmp_path / "arm")
    assert exported.answer(asked) == [answer]
    np.testing.assert_array_equal(exported.generate([Asked("a photo of a dog", seed=1)])[0], image)


def test_sizes_that_are_not_the_published_models_are_all_named(
    config: SimpleNamespace, inputs: dict[str, Path]
) -> None:
    config.model = replace(config.model, trunk=replace(STATED, depth=2, kv_heads=4, rope_base=1e4))
    with pytest.raises(ValueError, match=r"model\.trunk must be that of") as raised:
        build_module(config, inputs)
    assert str(raised.value).endswith(
        "got depth 2 for 3, kv_heads 4 for 2, rope_base 10000.0 for 300.0."
    )


def test_a_published_model_moves_what_has_words_or_weights_and_no_picture() -> None:
    project, named = Project(sources=EntryAlone()), "language.checkpoint=smollm2"
    here, there = (
        Planner(project, Request("architectures", "smoke", arms=("shared",), overrides=one)).plan()
        for one in ((), (named,))
    )
    before, after = (plan.cells[0].steps for plan in (here, there))
    moved = {name for name in before if before[name] != after[name]}
    assert {"data", "texts", "stage0", "train", "tune", "generate_vqa"} <= moved
    assert not moved & {"tokenizer", "judge", "brackets", "prompts_wise", "prompts_vqa"}
