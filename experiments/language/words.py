"""The vocabulary of an experiment."""

from functools import cache
from types import SimpleNamespace

from datamodules.world import World
from experiments.language import checkpoint_of
from models.text_tokens import TextTokens


def text_tokens(config: SimpleNamespace) -> TextTokens:
    """The world's closed vocabulary, or the tokenizer of the published model."""
    if checkpoint := checkpoint_of(config):
        return published_words(checkpoint)
    return TextTokens(World(config.world).vocabulary)


@cache
def published_words(checkpoint: str) -> TextTokens:
    from models.pretrained.source import locate  # they import transformers
    from models.pretrained.words import PretrainedWords

    source = locate(checkpoint)
    return PretrainedWords(source.tokenizer(), source.config())
