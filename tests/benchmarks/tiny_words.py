"""A tokenizer of a handful of words, in the real format."""

from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

MARKS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def word_tokenizer(words: Sequence[str], **named: Any) -> PreTrainedTokenizerFast:
    """Ids are places in `words`, which opens with <pad>, <s>, </s> and <unk>; `named` are further
    special tokens, or take the place of these."""
    ids = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{**MARKS, **named})
