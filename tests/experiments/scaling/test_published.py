"""Published trunks, language models and second encoders count in a plan as they do in training."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from datamodules.pairs.config import PairsConfig
from datamodules.pairs.sources import SourceConfig
from datamodules.sequences import DataConfig
from datamodules.world import World, WorldConfig
from experiments.artifacts.features import picture_flops
from experiments.flops.step import step_flops
from experiments.language import LanguageConfig
from experiments.scaling.estimate import encoder_flops, step_sizes
from experiments.scaling.memory import blueprint
from experiments.scaling.published import language_sizes, taken_from_record, words_of
from experiments.scaling.samples import Samples
from experiments.scaling.step_cost import StepCost
from models.frozen_bridge import FrozenBridgeConfig
from models.image_tokens import ImageTokenizerConfig
from models.module import SharedModule
from models.pretrained.bridge import open_bridge
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from models.tokenizers.encoders import EncoderConfig, open_encoder
from models.tokenizers.kinds import new_codec
from models.training import TrainConfig
from models.unified import Vocabulary
from tests.experiments.builders import STATED
from tests.experiments.scaling.planned import config
from tests.models.pretrained.tiny_checkpoints import save

HALF_BILLION = "Qwen/Qwen2.5-0.5B"
CODEC = ImageTokenizerConfig(pixels=32, levels=(3, 3, 3), width=8)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_half_billion_on_record_has_the_parameters_that_its_authors_state() -> None:
    named = config("shared", language=LanguageConfig(checkpoint=HALF_BILLION))
    model = blueprint(named)
    assert count(model.trunk) == 494_032_768 - 151_936 * 896  # of all, less the word embeddings
    assert model.embedding.text.weight.shape == (8 + 151_936, 896)
    assert taken_from_record(named) == [HALF_BILLION]
    assert words_of(named).encode("a") == TextTokens(World(WorldConfig()).vocabulary).encode("a")


def test_a_checkpoint_on_disk_sizes_the_trunk_and_the_vocabulary(tmp_path: Path) -> None:
    save("qwen3", tmp_path)
    spoken = config(
        "shared",
        language=LanguageConfig(checkpoint=str(tmp_path)),
        model=SharedConfig(trunk=replace(STATED, qkv_bias=False, qk_norm="channel")),
    )
    sizes = language_sizes(str(tmp_path))
    assert (sizes.rows, sizes.trunk.head_width) == (20, 10)  # wider heads than 24 / 4
    known = Vocabulary(28, new_codec(spoken.tokenizer).features(), 8)
    built = SharedModule(SharedConfig(trunk=sizes.trunk), known, spoken.train, 0)
    assert count(blueprint(spoken)) == count(built)


@pytest.fixture
def bridge(tmp_path: Path) -> SimpleNamespace:
    """A bridge to a published language model, which reads prompts in its own words."""
    save("qwen2_tied", tmp_path)
    model = FrozenBridgeConfig(
        pretrained=str(tmp_path), queries=3, decoder_depth=1, decoder_heads=1, connector_depth=1
    )
    train = TrainConfig(generate_batch=40, precision="32-true")
    return config("frozen_bridge", model=model, tokenizer=CODEC, train=train)


def test_a_bridge_is_planned_around_the_language_model_that_it_names(
    bridge: SimpleNamespace,
) -> None:
    words, codec = TextTokens(World(bridge.world).vocabulary), new_codec(bridge.tokenizer)
    module = open_bridge(bridge.model, words, codec, bridge.train, 0)
    planned = blueprint(bridge)
    assert count(planned) == count(module)  # a head that is the words once more counts once
    assert [p.requires_grad for p in planned.parameters()] == [
        p.requires_grad for p in module.model.parameters()
    ]


def test_a_step_behind_a_published_language_model_costs_what_is_planned(
    bridge: SimpleNamespace,
) -> None:
    samples, sizes = Samples(bridge), step_sizes(bridge)
    words, codec = TextTokens(World(bridge.world).vocabulary), new_codec(bridge.tokenizer)
    module = open_bridge(bridge.model, words, codec, bridge.train, 0)
    ours = Samples(config("shared", tokenizer=CODEC)).sequences("generate", 40)
    cost = StepCost(bridge, samples, ("generate",))
    assert cost.at(sizes).flops == pytest.approx(step_flops(module, {"generate": ours}), rel=0.1)


def test_what_a_second_encoder_looks_at_is_planned_once_a_picture() -> None:
    data = DataConfig(scenes=1000, fact_share=0.1, text_share=0.3)
    seeing = config("shared", data=data, encoder=EncoderConfig(kind="efficientnet"))
    one = picture_flops(open_encoder(seeing.encoder), np.zeros((32, 32, 3), dtype=np.uint8))
    assert encoder_flops(seeing) == 600 * one > 0
    drawing = config("double_encoder", data=data, train=TrainConfig(understand_weight=0.0))
    assert encoder_flops(drawing) == encoder_flops(config("shared", data=data)) == 0
    assert encoder_flops(config("double_encoder", data=data)) == 600 * one


def test_pairs_are_planned_as_long_as_they_may_be() -> None:
    source = SourceConfig(form="webdataset", path="0.tar")
    pairs = PairsConfig(understand=[source], generate=[source], longest=150)
    samples = Samples(config("shared", pairs=pairs))
    for task in ("understand", "generate"):
        lengths = [len(one.tokens) for one in samples.packed[task]]
        assert max(lengths) <= 150
        assert samples.tokens(task) > 120
    short = replace(pairs, longest=60)
    with pytest.raises(ValueError, match=r"pairs\.longest must leave room for an image"):
        Samples(config("shared", pairs=short))
