"""Words to token ids and back, over a closed vocabulary that the caller hands over.

Ids 0 to 7 are special; the words follow in the order given; image codes come after all text ids.
"""

from collections.abc import Iterable, Sequence

SPECIAL = (
    "<pad>",
    "<understand>",
    "<generate>",
    "<text>",
    "<image>",
    "</image>",
    "<drop>",
    "<end>",
)
PAD, UNDERSTAND, GENERATE, TEXT, BEGIN_IMAGE, END_IMAGE, DROP, END = range(len(SPECIAL))
UNPROMPTED = [GENERATE, DROP, BEGIN_IMAGE]
"""What guidance leads away from."""


class TextTokens:
    """A word-level tokenizer; text is lower-case words separated by single spaces.

    `tokens_per_word` is how many tokens the words of an answer may have, one with another.
    """

    tokens_per_word = 1

    def __init__(self, vocabulary: Sequence[str]) -> None:
        if len(set(vocabulary)) != len(vocabulary):
            raise ValueError(f"vocabulary must not repeat a word, got {_repeated(vocabulary)}.")
        self.words = (*SPECIAL, *vocabulary)
        self._ids = {word: index for index, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, text: str) -> list[int]:
        """Ids of the words of `text`; ValueError names every word outside the vocabulary."""
        words = text.split()
        unknown = sorted({word for word in words if word not in self._ids})
        if unknown:
            raise ValueError(f"text must stay inside the vocabulary, got {unknown} in {text!r}.")
        return [self._ids[word] for word in words]

    def decode(self, ids: Iterable[int]) -> str:
        """Text up to the first `<end>`; pads are dropped."""
        words = []
        for index in ids:
            if index == END:
                break
            if index != PAD:
                words.append(self.words[index])
        return " ".join(words)


def _repeated(vocabulary: Sequence[str]) -> list[str]:
    return sorted({word for word in vocabulary if vocabulary.count(word) > 1})
