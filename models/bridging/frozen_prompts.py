"""What a frozen model is told: a text behind images, in the model's own chat template.

A checkpoint without a template gets the system text, its image token once an image, and the text;
its opening token where all of that is empty.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

DIFFERENT_TEXTS = ("a", "The", "0")


@dataclass(frozen=True, eq=False)
class Prompt:
    """A text behind images, each uint8 [height, width, 3]."""

    text: str
    images: tuple[np.ndarray, ...] = ()

    @cached_property
    def key(self) -> str:
        """A hash of text and pixels."""
        digest = hashlib.sha256(self.text.encode())
        for image in self.images:
            digest.update(str(image.shape).encode() + np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()


class ChatEncoder:
    """Prompts to what the model's forward takes; `processor` may be a plain tokenizer."""

    def __init__(self, processor: Any, system: str = "") -> None:
        self.processor, self.system = processor, system
        self.tokenizer = getattr(processor, "tokenizer", processor)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    def __call__(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        """Inputs of prompts with equally many images, padded on the right.

        Raises ValueError for images that go to a model which reads text alone.
        """
        images = [[Image.fromarray(image) for image in prompt.images] for prompt in prompts]
        if images[0] and not self.sees_images:
            raise ValueError(f"a prompt to a text model must have no image, got {len(images[0])}.")
        texts = [self.rendered(prompt) for prompt in prompts]
        pictures: dict[str, Any] = {"images": images} if images[0] else {}
        batch = self.processor(
            text=texts,
            **pictures,
            padding=True,
            padding_side="right",
            add_special_tokens=not self.has_template,
            return_tensors="pt",
        )
        return dict(batch)

    @cached_property
    def nothing(self) -> str:
        """How no text at all is told: by the opening token, unless the tokenizer adds it."""
        opened = self.tokenizer("")["input_ids"]
        return "" if opened else self.tokenizer.bos_token or self.tokenizer.eos_token

    @property
    def sees_images(self) -> bool:
        return self.processor is not self.tokenizer

    @property
    def has_template(self) -> bool:
        return bool(getattr(self.processor, "chat_template", None))

    def rendered(self, prompt: Prompt) -> str:
        """A prompt as the model's own template has it, up to where its reply would begin."""
        if not self.has_template:
            token = getattr(self.processor, "image_token", "<image>")
            text = token * len(prompt.images) + prompt.text
            return "\n".join(filter(None, [self.system, text])) or self.nothing
        system = self.turn("system", self.system)
        user = self.turn("user", prompt.text, len(prompt.images))
        turns = [*([system] if self.system else []), user]
        return self.processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)

    def turn(self, role: str, text: str, images: int = 0) -> dict[str, Any]:
        """One turn; a tokenizer's template wants plain text, a processor's a list of parts."""
        if self.processor is self.tokenizer:
            return {"role": role, "content": text}
        parts = [*[{"type": "image"}] * images, {"type": "text", "text": text}]
        return {"role": role, "content": parts}

    def head(self) -> list[int]:
        """The tokens that prompts without images open with, whatever their text."""
        rows = [self([Prompt(text)])["input_ids"][0].tolist() for text in DIFFERENT_TEXTS]
        alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*rows, strict=False))
        return [tokens[0] for tokens in alike]
