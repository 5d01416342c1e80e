"""What a batch holds. A batch is a plain dict: task -> sequences; sequences are a plain dict too.

    batch = {"understand": sequences, "generate": sequences}        a task may be absent

| key              | type and shape | meaning                                                      |
|------------------|----------------|--------------------------------------------------------------|
| tokens           | int64 [b, n]   | text ids, then image codes shifted by the number of text ids |
| predicted        | bool  [b, n]   | True where the token is a target (position i from i-1)       |
| prompt_dropped   | bool  [b]      | the prompt was replaced by `<drop>` (guidance training)      |
| features         | half  [b,s,c]  | a second encoder's view of the picture in s cells, zeros     |
|                  |                | where there is none; only for arms that have such an encoder |
| piece            | int64 [2]      | number and count: these are a piece of a step's batch        |
| shares           | float [2]      | what a piece's losses count by (models/pieces.py)            |
| latents          | half  [b,p,l]  | the picture to be drawn, where images have no codes          |

Layout of a sequence, which opens with its task's token:

    generate     <generate> caption <image> codes      (prompts with pictures: image_prompts.py)
    understand   <understand> <image> codes </image> (question answer <end>)*
                 <understand> text <end> (question answer <end>)*
    text         <text> (caption <end> | question answer <end>)*                    (stage 0)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from models.text_tokens import (
    BEGIN_IMAGE,
    END,
    END_IMAGE,
    GENERATE,
    PAD,
    TEXT,
    UNDERSTAND,
    TextTokens,
)

Sequences = dict[str, Tensor]
Batch = dict[str, Sequences]
KEYS = {"tokens": (torch.int64, 2), "predicted": (torch.bool, 2), "prompt_dropped": (torch.bool, 1)}
OPTIONAL = {
    "features": (torch.float16, 3),
    "latents": (torch.float16, 3),
    "piece": (torch.int64, 1),
    "shares": (torch.float32, 1),
}


@dataclass(frozen=True)
class Packed:
    """One sequence before padding: ids and which of them are targets."""

    tokens: list[int]
    predicted: list[bool]


def pack_generate(words: TextTokens, caption: str, codes: Sequence[int]) -> Packed:
    """Caption to image."""
    return pack_drawn(prompt_tokens(words, caption), len(words), codes)


def pack_drawn(opening: list[int], text: int, codes: Sequence[int]) -> Packed:
    """What stands before an image, and the image, whose codes follow `text` ids and are the
    targets."""
    image = [text + code for code in codes]
    return Packed(opening + image, [False] * len(opening) + [True] * len(image))


def prompt_tokens(words: TextTokens, caption: str) -> list[int]:
    """What stands before the first image code."""
    return [GENERATE, *words.encode(caption), BEGIN_IMAGE]


def pack_understand(
    words: TextTokens, codes: Sequence[int] | None, turns: Sequence[tuple[str, str]]
) -> Packed:
    """Image or none, then questions with answers; answers and their `<end>` are the targets."""
    return _pack_turns(question_opening(words, codes), words, turns)


def pack_comprehension(words: TextTokens, text: str, turns: Sequence[tuple[str, str]]) -> Packed:
    """A text in the place of the image, then questions with answers; the answers are targets."""
    return _pack_turns([UNDERSTAND, *words.encode(text), END], words, turns)


def question_opening(words: TextTokens, codes: Sequence[int] | None) -> list[int]:
    if codes is None:
        return [UNDERSTAND]
    image = [len(words) + code for code in codes]
    return [UNDERSTAND, BEGIN_IMAGE, *image, END_IMAGE]


def pack_text(words: TextTokens, turns: Sequence[tuple[str, str]]) -> Packed:
    """Stage 0: every word is a target; a caption is a turn with an empty question."""
    packed = _pack_turns([TEXT], words, turns)
    return Packed(packed.tokens, [False] + [True] * (len(packed.tokens) - 1))


def _pack_turns(opening: list[int], words: TextTokens, turns: Sequence[tuple[str, str]]) -> Packed:
    tokens, predicted = list(opening), [False] * len(opening)
    for question, answer in turns:
        asked, answered = words.encode(question), [*words.encode(answer), END]
        tokens += asked + answered
        predicted += [False] * len(asked) + [True] * len(answered)
    return Packed(tokens, predicted)


def pad(packed: Sequence[Packed], dropped: Sequence[bool] | None = None) -> Sequences:
    """Pads on the right to the longest; attention is causal, so nothing looks at a pad."""
    length = max(len(one.tokens) for one in packed)
    tokens = torch.full((len(packed), length), PAD)
    predicted = torch.zeros(len(packed), length, dtype=torch.bool)
    for row, one in enumerate(packed):
        tokens[row, : len(one.tokens)] = torch.tensor(one.tokens)
        predicted[row, : len(one.tokens)] = torch.tensor(one.predicted)
    flags = torch.zeros(len(packed), dtype=torch.bool) if dropped is None else torch.tensor(dropped)
    return {"tokens": tokens, "predicted": predicted, "prompt_dropped": flags}


def check(batch: Batch) -> None:
    """Raises ValueError where a batch departs from the table above."""
    for task, sequences in batch.items():
        wanted = KEYS | {key: form for key, form in OPTIONAL.items() if key in sequences}
        for key, (dtype, axes) in wanted.items():
            value = sequences.get(key)
            if value is None or value.dtype != dtype or value.dim() != axes:
                raise ValueError(
                    f"batch.{task}.{key} must be {dtype} with {axes} axes, got {value!r}."
                )


def image_positions(is_image: Bool[Tensor, "b n"], tokens_per_image: int) -> Int[Tensor, "b n"]:
    """Index of each image token within its image; meaningless elsewhere."""
    return (is_image.cumsum(1) - 1).clamp_min(0) % tokens_per_image
