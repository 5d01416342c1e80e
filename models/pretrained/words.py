"""A published tokenizer behind the interface of our closed vocabulary.

    id   0 … 7     8 … 7 + v
         ours      the tokenizer's own, in its order

Our special tokens come first, as everywhere; image codes follow all of these.
"""

from collections.abc import Iterable
from typing import Any

from models.text_tokens import END, GENERATE, SPECIAL, TEXT, UNDERSTAND, TextTokens

SHIFT = len(SPECIAL)
MOST_PADDING = 1024
"""Rows that published checkpoints have beyond their tokenizer, so that sizes divide."""


class PretrainedWords(TextTokens):
    """`tokenizer` is transformers', `config` that of the language model it belongs to.

    Raises ValueError where the two do not belong together.
    """

    tokens_per_word = 2

    def __init__(self, tokenizer: Any, config: Any) -> None:
        if faults := mismatches(tokenizer, config):
            raise ValueError(f"tokenizer must be the checkpoint's own, got {'; '.join(faults)}.")
        self.tokenizer, self.rows = tokenizer, config.vocab_size

    def __len__(self) -> int:
        return SHIFT + self.rows

    def encode(self, text: str) -> list[int]:
        found = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return [SHIFT + index for index in found]

    def chat(self, text: str) -> list[int]:
        """`text` as a user's turn with the answer's opening behind it, to follow our task token,
        which does the work of a first token that opens all; as it is without a template."""
        if not self.tokenizer.chat_template:
            return self.encode(text)
        turn = [{"role": "user", "content": text}]
        written = self.tokenizer.apply_chat_template(
            turn, add_generation_prompt=True, tokenize=False
        )
        ids = self.encode(written)
        return ids[1:] if ids[0] == SHIFT + self.begin else ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text up to the first `<end>` or end token of the tokenizer's own."""
        kept = []
        for index in ids:
            if index in (END, SHIFT + self.tokenizer.eos_token_id):
                break
            if index >= SHIFT:
                kept.append(index - SHIFT)
        return self.tokenizer.decode(kept, skip_special_tokens=True).strip()

    def starts(self) -> dict[int, int]:
        """The token of the tokenizer's own whose embedding a special token of ours starts as."""
        begin = self.begin
        return {UNDERSTAND: begin, GENERATE: begin, TEXT: begin, END: self.tokenizer.eos_token_id}

    @property
    def begin(self) -> int:
        """The tokenizer's own token that opens a text, or else the one that ends it."""
        own = self.tokenizer
        return own.eos_token_id if own.bos_token_id is None else own.bos_token_id


def mismatches(tokenizer: Any, config: Any) -> list[str]:
    """In what a tokenizer cannot be that of a language model."""
    faults = []
    if not config.vocab_size - MOST_PADDING <= len(tokenizer) <= config.vocab_size:
        faults.append(f"{len(tokenizer)} tokens for {config.vocab_size} embeddings")
    for name in ("bos_token_id", "eos_token_id"):
        own, wanted = getattr(tokenizer, name), getattr(config, name)
        known = wanted if isinstance(wanted, list) else [wanted]
        if own is not None and wanted is not None and own not in known:
            faults.append(f"{name} {own} for {wanted}")
    return faults
