"""Tiny models and batches that the tests of this folder share."""

from typing import Any

import numpy as np
import pytest
import torch

from models import TASKS, Task
from models.architectures import architecture, names
from models.batch import Batch, Sequences, pack_generate, pack_understand, pad
from models.causal_attention import causal_mask
from models.context import TrunkConfig
from models.frozen_bridge import FrozenBridgeConfig, FrozenBridgeModule
from models.image_tokens import ImageTokenizer, ImageTokenizerConfig, train_image_tokenizer
from models.module import SharedModule, TokenModule, UnifiedModule
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from models.tokenizers.efficientnet import CELLS, CHANNELS
from models.tokenizers.residual import ResidualTokenizer
from models.training import TrainConfig
from models.unified import Vocabulary

TRUNK = TrunkConfig(depth=3, width=32, heads=2, kv_heads=2, feed_forward=48)
CODEC = ImageTokenizerConfig(pixels=16, patch=4, levels=(3, 3, 3), width=8)
RESIDUAL = ImageTokenizerConfig(
    kind="residual", pixels=16, patch=4, levels=(3, 4), width=8, depths=3, steps=3, batch_size=4
)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8)
WORDS = ("a", "cat", "dog", "is", "it", "no", "of", "photo", "red", "the", "there", "yes", "?")
TRAIN = TrainConfig(
    steps=20,
    warmup_steps=2,
    learning_rate=1e-3,
    muon_learning_rate=5e-3,
    precision="32-true",
)
NOT_TRAINED = ("merged",)
TOKEN_ARMS = tuple(
    name
    for name in names()
    if issubclass(architecture(name).module, TokenModule) and name not in NOT_TRAINED
)


@pytest.fixture(scope="session")
def words() -> TextTokens:
    return TextTokens(WORDS)


@pytest.fixture(scope="session")
def codec() -> ImageTokenizer:
    torch.manual_seed(0)
    return ImageTokenizer(CODEC).eval()


@pytest.fixture(scope="session")
def residual() -> ResidualTokenizer:
    fitted = train_image_tokenizer(RESIDUAL, IMAGES, 0, kind=ResidualTokenizer)
    assert isinstance(fitted, ResidualTokenizer)
    return fitted


@pytest.fixture(scope="session")
def vocabulary(words: TextTokens, codec: ImageTokenizer) -> Vocabulary:
    return Vocabulary(len(words), codec.features(), CODEC.grid)


@pytest.fixture
def batch(words: TextTokens) -> Batch:
    """Three sequences a task, of unequal lengths."""
    generator = torch.Generator().manual_seed(1)
    codes = torch.randint(CODEC.codes, (3, CODEC.tokens_per_image), generator=generator).tolist()
    captions = ["a photo of a red cat", "a dog", "<drop>"]
    drawn = [pack_generate(words, text, image) for text, image in zip(captions, codes, strict=True)]
    asked = [
        pack_understand(words, codes[0], [("is there a cat ?", "yes"), ("is it red ?", "no")]),
        pack_understand(words, codes[1], [("is there a dog ?", "no")]),
        pack_understand(words, None, [("is a cat red ?", "no")]),
    ]
    features = torch.randn(3, CELLS**2, CHANNELS, generator=generator).half()
    understand = {**pad(asked), "features": features}
    return {"generate": pad(drawn, [False, False, True]), "understand": understand}


def build(name: str, vocabulary: Vocabulary, seed: int = 0, **fields: object) -> TokenModule:
    """A tiny token arm."""
    train = fields.pop("train", TRAIN)
    kind: Any = architecture(name)
    return kind.module(kind.config(**{"trunk": TRUNK, **fields}), vocabulary, train, seed)


def build_bridge(
    vocabulary: Vocabulary, codec: ImageTokenizer, **fields: object
) -> FrozenBridgeModule:
    """A tiny bridge around an untrained language model."""
    frozen = SharedModule(SharedConfig(trunk=TRUNK), vocabulary, TRAIN, 0)
    train = fields.pop("train", TRAIN)
    config = FrozenBridgeConfig(
        trunk=TRUNK,
        **{
            "queries": 4,
            "connector_depth": 1,
            "decoder_depth": 2,
            "decoder_heads": 2,
            "decoder_head_width": 16,
            **fields,
        },
    )
    return FrozenBridgeModule(config, frozen, codec, train, 0)


@torch.no_grad()
def loss(module: TokenModule, sequences: Sequences, task: Task = "understand") -> torch.Tensor:
    """The task's own loss, without what the trunk adds."""
    return module.model.losses(sequences, task)["loss"]


def losses(module: TokenModule, batch: Batch) -> dict[str, torch.Tensor]:
    """The same of every task."""
    return {task: loss(module, batch[task], task) for task in TASKS}


def gradients(module: UnifiedModule, batch: Batch) -> dict[str, torch.Tensor]:
    """Gradients by parameter name; a parameter without one is absent."""
    module.zero_grad(set_to_none=True)
    module.training_step(batch, 0).backward()
    return {n: p.grad for n, p in module.named_parameters() if p.grad is not None}


def whole_map(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, marked: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Causal attention and each query's mass on the marked keys, from the full map."""
    logits = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    attention = (logits + causal_mask(query.shape[-2], query.device, query.dtype)).softmax(-1)
    return attention @ value, (attention * marked[:, None, None]).sum(-1)
