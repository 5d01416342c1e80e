"""The sizes of the published parts that a config names, so that a plan needs no weights.

A part on disk, or in a package, is opened as far as its sizes. What the presets name on the hub
stands here, from the authors' own configs: a plan fetches nothing of it.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.world import World
from experiments.config import with_sections
from experiments.language import bridged_to, checkpoint_of
from experiments.language.words import published_words, text_tokens
from models.context import TrunkConfig
from models.image_tokens import ImageTokenizerConfig
from models.text_tokens import SPECIAL, TextTokens
from models.tokenizers.encoders import feature_map
from models.tokenizers.kinds import new_codec
from models.tokenizers.pretrained import PretrainedSizes
from models.unified import Vocabulary


@dataclass(frozen=True)
class LanguageSizes:
    """A language model's trunk, the rows of its word embeddings, and whether its head is those."""

    trunk: TrunkConfig
    rows: int
    tied: bool


@dataclass(frozen=True)
class CodecSizes:
    """Pixels that a token covers along a side, and the codebook: `codes` vectors of `width`."""

    patch: int
    codes: int
    width: int


QWEN_HALF_BILLION = TrunkConfig(
    depth=24,
    width=896,
    heads=14,
    kv_heads=2,
    feed_forward=4864,
    qk_norm="none",
    qkv_bias=True,
    rope_base=1e6,
)
LANGUAGE_MODELS = {"Qwen/Qwen2.5-0.5B": LanguageSizes(QWEN_HALF_BILLION, 151_936, tied=True)}
CODECS = {"deepseek-community/Janus-Pro-1B": CodecSizes(16, 16_384, 8)}


def on_record(name: str) -> bool:
    """Whether the sizes of a part stand here, and the part itself does not lie on disk."""
    return name in LANGUAGE_MODELS | CODECS and not Path(name).exists()


def taken_from_record(config: Any) -> list[str]:
    """The parts of a config of which a plan knows the sizes alone."""
    named = (checkpoint_of(config), bridged_to(config), config.tokenizer.path)
    return [name for name in dict.fromkeys(named) if on_record(name)]


class OutlinedCodec:
    """An image tokenizer's sizes and an empty codebook; it neither sees nor draws."""

    depths, head_layers, is_continuous = 1, 0, False
    nearest = None

    def __init__(self, config: ImageTokenizerConfig, sizes: CodecSizes) -> None:
        self.config = PretrainedSizes(config.kind, config.pixels, sizes.patch, sizes.codes)
        self.width = sizes.width

    def latents(self) -> Tensor:
        return torch.zeros(self.config.codes, self.width)

    features = latents


class OutlinedWords(TextTokens):
    """The world's words, in a vocabulary of a published model's size: about a token a word."""

    def __init__(self, world: World, rows: int) -> None:
        super().__init__(world.vocabulary)
        self.rows = rows

    def __len__(self) -> int:
        return len(SPECIAL) + self.rows

    chat = TextTokens.encode


def codec_of(config: ImageTokenizerConfig) -> Any:
    """The image tokenizer, or its outline."""
    if on_record(config.path):
        return OutlinedCodec(config, CODECS[config.path])
    return new_codec(config)


def words_of(config: Any) -> TextTokens:
    """What writes the texts of the data: the words of the experiment's language."""
    return written_by(config, checkpoint_of(config)) or text_tokens(config)


def written_by(config: Any, name: str) -> TextTokens | None:
    """The words of a published model; None where `name` is empty."""
    if on_record(name):
        return OutlinedWords(World(config.world), LANGUAGE_MODELS[name].rows)
    return published_words(name) if name else None


@cache
def language_sizes(name: str) -> LanguageSizes:
    """The sizes of a published language model; ValueError where it cannot be read."""
    if on_record(name):
        return LANGUAGE_MODELS[name]
    from models.pretrained.source import locate  # they import transformers
    from models.pretrained.trunk_config import trunk_config

    config = locate(name).config()
    return LanguageSizes(trunk_config(config), config.vocab_size, config.tie_word_embeddings)


def with_planned_trunk(config: Any) -> Any:
    """The config with a published model's trunk in its model, the bridge's own or the experiment's;
    itself without one."""
    if not (name := bridged_to(config) or checkpoint_of(config)):
        return config
    model = replace(config.model, trunk=language_sizes(name).trunk)
    return with_sections(config, model=model)


def vocabulary_of(config: Any, codec: Any) -> Vocabulary:
    """What stands around the arm's trunk; around a bridge's own language model, its own words."""
    own = written_by(config, bridged_to(config))
    return Vocabulary.around(len(own or words_of(config)), codec, feature_map(config.encoder))


def is_tied(config: Any) -> bool:
    """Whether the bridge's own language model has its words for a head."""
    name = bridged_to(config)
    return bool(name) and language_sizes(name).tied
