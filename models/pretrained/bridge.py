"""`frozen_bridge` around a published language model, which reads every prompt in its own words.

    ids of our closed vocabulary ── text ── chat form ── ids of the checkpoint │ queries

The data stay as they are: captions and questions are translated as they come, image codes shifted.
It differs from `frozen_bridge` in that alone. The language model's tensors stay out of what is
saved while it is frozen: they are the checkpoint's. It sees no image; asked about one, it answers
from the question.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from models.batch import Batch, Sequences, pack_drawn, pad
from models.frozen_bridge import FrozenBridgeConfig, FrozenBridgeModule
from models.pretrained.checkpoint import read_checkpoint
from models.pretrained.source import locate
from models.pretrained.text_model import PretrainedModule, text_model
from models.pretrained.words import PretrainedWords
from models.sampling import SamplingConfig
from models.text_tokens import BEGIN_IMAGE, DROP, GENERATE, SPECIAL, UNDERSTAND, TextTokens
from models.tokenizers.codec import Codec
from models.training import TrainConfig
from models.unified import Vocabulary

BRIEFLY = " Answer with one word."
BEFORE_MARK = re.compile(r" (?=[,.?])")
"""Our vocabulary has marks as words of their own."""
FROZEN = "model.language_model."


class PretrainedBridgeModule(FrozenBridgeModule):
    """`ours` are the words that data and benchmarks speak, `theirs` the checkpoint's."""

    def __init__(
        self,
        config: FrozenBridgeConfig,
        frozen: PretrainedModule,
        words: tuple[TextTokens, PretrainedWords],
        tokenizer: Codec,
        train: TrainConfig,
        seed: int,
    ) -> None:
        sized = replace(config, trunk=frozen.model.trunk.config)
        super().__init__(sized, frozen, tokenizer, train, seed)
        self.ours, self.theirs = words
        if not self.model.tunes:
            self.register_state_dict_post_hook(leave_out_frozen)
            self.register_load_state_dict_post_hook(expect_no_frozen)

    def losses(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        return super().losses({"generate": self.translated(batch["generate"])})

    def generate(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
    ) -> Tensor:
        return super().generate([self.prompt(row) for row in prompts], seeds, config)

    def answer(
        self,
        questions: Sequence[list[int]],
        config: SamplingConfig,
        length: int,
        features: Float[Tensor, "b cells features"] | None = None,
    ) -> list[list[int]]:
        """Answers in our words; what the language model says outside them is left out."""
        asked = [[UNDERSTAND, *self.theirs.chat(self.text(row) + BRIEFLY)] for row in questions]
        answers = super().answer(asked, config, length * self.theirs.tokens_per_word)
        return [self.in_our_words(self.theirs.decode(answer)) for answer in answers]

    def text(self, row: Sequence[int]) -> str:
        """The words of a row as they are written, without special tokens and image codes."""
        words = self.ours.decode(token for token in row if len(SPECIAL) <= token < len(self.ours))
        return BEFORE_MARK.sub("", words)

    def prompt(self, row: Sequence[int]) -> list[int]:
        """The opening of a generated image, `<generate> words <image>`, in the checkpoint's ids."""
        told = [DROP] if DROP in row else self.theirs.chat(self.text(row))
        return [GENERATE, *told, BEGIN_IMAGE]

    def translated(self, sequences: Sequences) -> Sequences:
        """Captions with the codes that they draw in the checkpoint's ids; what else a batch has
        stays. Images of a prompt are left out: the language model sees none."""
        rows, pairs = [], zip(sequences["tokens"], sequences["predicted"], strict=True)
        for tokens, predicted in pairs:
            row, codes = tokens.tolist(), (tokens[predicted] - len(self.ours)).tolist()
            rows.append(pack_drawn(self.prompt(row), len(self.theirs), codes))
        padded = pad(rows, sequences["prompt_dropped"].tolist())
        return {**sequences, **{name: value.to(self.device) for name, value in padded.items()}}

    def in_our_words(self, text: str) -> list[int]:
        spoken = "".join(one if one.isalnum() else " " for one in text.lower()).split()
        known = set(self.ours.words[len(SPECIAL) :])
        return self.ours.encode(" ".join(word for word in spoken if word in known))


def leave_out_frozen(
    module: nn.Module, state: dict[str, Any], prefix: str, local_metadata: Any
) -> None:
    """Takes the language model's tensors out of what is saved."""
    for name in [name for name in state if name.startswith(prefix + FROZEN)]:
        del state[name]


def expect_no_frozen(module: nn.Module, incompatible: Any) -> None:
    """What was left out is not missed."""
    absent = incompatible.missing_keys
    absent[:] = [name for name in absent if FROZEN not in name]


def open_bridge(
    config: FrozenBridgeConfig,
    words: TextTokens,
    tokenizer: Codec,
    train: TrainConfig,
    seed: int,
) -> PretrainedBridgeModule:
    """The bridge around the checkpoint that `config.pretrained` names.

    Raises ValueError where that cannot be read, or its tokenizer is another model's.
    """
    source = locate(config.pretrained)
    checkpoint = read_checkpoint(source)
    theirs = PretrainedWords(source.tokenizer(), checkpoint.config)
    vocabulary = Vocabulary.around(len(theirs), tokenizer)
    model = text_model(checkpoint, theirs, vocabulary, seed)
    frozen = PretrainedModule(model, train, seed)
    return PretrainedBridgeModule(config, frozen, (words, theirs), tokenizer, train, seed)
