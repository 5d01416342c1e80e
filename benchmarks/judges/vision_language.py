"""Texts about images, answered by any of transformers' image-text-to-text models."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from benchmarks.images import batched
from benchmarks.judges.checkpoints import chosen_device, load_model, load_part, revision, short_name
from benchmarks.judges.yes_or_no import INSTRUCTION, NEW_TOKENS, plain_reply

ASKED_AT_ONCE = 16
Asked = tuple[Sequence[np.ndarray], str]
"""Images, uint8 [h, w, 3] each, and a text about them."""


class VisionLanguageModel:
    """The checkpoint of a folder or hub id, its replies greedy; OSError if it cannot be loaded.

    A chat template puts the images before the text; a checkpoint without one gets its image token
    that often and then the text.
    """

    def __init__(
        self, name: str, device: str | None = None, max_tokens: int = NEW_TOKENS, system: str = ""
    ) -> None:
        self.device = chosen_device(device)
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.model = load_model(AutoModelForImageTextToText, name, self.device, dtype)
        self.processor = load_part(AutoProcessor.from_pretrained, name)
        self.processor.tokenizer.padding_side = "left"
        self.max_tokens, self.system = max_tokens, system
        self.label = short_name(name)
        self.protocol: Mapping[str, object] = {
            "model": self.label,
            "revision": revision(name, self.model.config),
            "precision": str(dtype).removeprefix("torch."),
            "max_tokens": max_tokens,
            **({"system": system} if system else {}),
        }

    def ask(self, images: Sequence[np.ndarray], text: str) -> str:
        """Return the reply to a text about images uint8 [h, w, 3]."""
        return self.replies([(images, text)])[0]

    def replies(self, asked: Sequence[Asked]) -> list[str]:
        """Return the reply to each; those with as many images are answered together."""
        found: dict[int, str] = {}
        order = sorted(range(len(asked)), key=lambda place: len(asked[place][0]))
        for _, places in groupby(order, key=lambda place: len(asked[place][0])):
            for chunk in batched(places, ASKED_AT_ONCE):
                replies = self._together([asked[place] for place in chunk])
                found |= dict(zip(chunk, replies, strict=True))
        return [found[place] for place in range(len(asked))]

    @torch.inference_mode()
    def _together(self, asked: Sequence[Asked]) -> list[str]:
        pictures = [[Image.fromarray(image) for image in images] for images, _ in asked]
        batch = self.batch([self.prompt(len(images), text) for images, text in asked], pictures)
        made = self.model.generate(**batch, max_new_tokens=self.max_tokens, do_sample=False)
        tokens = made[:, batch["input_ids"].shape[1] :]
        return self.processor.batch_decode(tokens, skip_special_tokens=True)

    def batch(self, texts: Sequence[str], pictures: Sequence[Sequence[Image.Image]]) -> Any:
        """Return the processor's batch of texts with as many pictures each.

        Where a template has written the token that opens a text, the processor adds none: some
        tokenizers would let a text open twice, as none did in training.
        """
        opening = self.processor.tokenizer.bos_token
        opened = opening and all(text.startswith(opening) for text in texts)
        return self.processor(
            images=pictures if pictures[0] else None,
            text=texts,
            padding=True,
            return_tensors="pt",
            **({"add_special_tokens": False} if opened else {}),
        ).to(self.device, self.model.dtype)

    def prompt(self, images: int, text: str) -> str:
        """Return a text behind so many images, as the model's own template has it."""
        if not getattr(self.processor, "chat_template", None):
            token = getattr(self.processor, "image_token", "<image>")
            return "\n".join(filter(None, [self.system, token * images + text]))
        content = [*[{"type": "image"}] * images, {"type": "text", "text": text}]
        system = {"role": "system", "content": [{"type": "text", "text": self.system}]}
        turns = [*([system] if self.system else []), {"role": "user", "content": content}]
        return self.processor.apply_chat_template(turns, add_generation_prompt=True)


class VisionLanguageJudge:
    """A `QuestionJudge`: DPG's questions, many images at once."""

    def __init__(self, name: str, device: str | None = None) -> None:
        self.model = VisionLanguageModel(name, device)
        self.label = self.model.label
        self.protocol = {"judge": self.label, **self.model.protocol, "instruction": INSTRUCTION}

    def answer(
        self, images: Sequence[np.ndarray], questions: Sequence[Sequence[Mapping[str, Any]]]
    ) -> list[list[str]]:
        """Return "yes" or "no" to each image's questions, or the reply itself if it is neither."""
        asked: list[Asked] = [
            ([image], f"{row['question_natural_language']} {INSTRUCTION}")
            for image, rows in zip(images, questions, strict=True)
            for row in rows
        ]
        replies = iter(self.model.replies(asked))
        return [[plain_reply(next(replies)) for _ in rows] for rows in questions]
