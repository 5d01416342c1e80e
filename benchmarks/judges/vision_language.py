"""Questions about images, answered by any of transformers' image-text-to-text models."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from benchmarks.dpg.scoring import read_reply
from benchmarks.images import batched
from benchmarks.judges.checkpoints import chosen_device, load_model, load_part, revision, short_name

INSTRUCTION = "Answer with yes or no."
NEW_TOKENS = 8
QUESTIONS_AT_ONCE = 16


class VisionLanguageJudge:
    """A `QuestionJudge` by the checkpoint of a folder or hub id; OSError if it cannot be loaded."""

    def __init__(self, name: str, device: str | None = None) -> None:
        self.device = chosen_device(device)
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.model = load_model(AutoModelForImageTextToText, name, self.device, dtype)
        self.processor = load_part(AutoProcessor.from_pretrained, name)
        self.processor.tokenizer.padding_side = "left"
        self.label = short_name(name)
        self.protocol = {
            "judge": self.label,
            "revision": revision(name, self.model.config),
            "instruction": INSTRUCTION,
            "precision": str(dtype).removeprefix("torch."),
        }

    def answer(
        self, images: Sequence[np.ndarray], questions: Sequence[Sequence[Mapping[str, Any]]]
    ) -> list[list[str]]:
        """Return "yes" or "no" to each image's questions, or the reply itself if it is neither."""
        pictures = [Image.fromarray(image) for image in images]
        asked = [
            (picture, row["question_natural_language"])
            for picture, rows in zip(pictures, questions, strict=True)
            for row in rows
        ]
        replies = (
            reply for chunk in batched(asked, QUESTIONS_AT_ONCE) for reply in self._replies(chunk)
        )
        return [[next(replies) for _ in rows] for rows in questions]

    @torch.inference_mode()
    def _replies(self, asked: Sequence[tuple[Image.Image, str]]) -> list[str]:
        """Return the greedy replies to some questions."""
        batch = self.processor(
            images=[[picture] for picture, _ in asked],
            text=[self._prompt(question) for _, question in asked],
            padding=True,
            return_tensors="pt",
        ).to(self.device, self.model.dtype)
        made = self.model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False)
        tokens = made[:, batch["input_ids"].shape[1] :]
        texts = self.processor.batch_decode(tokens, skip_special_tokens=True)
        return [plain_reply(text) for text in texts]

    def _prompt(self, question: str) -> str:
        """Return the question as the model's own chat template has it, behind the image."""
        content = [{"type": "image"}, {"type": "text", "text": f"{question} {INSTRUCTION}"}]
        turns = [{"role": "user", "content": content}]
        return self.processor.apply_chat_template(turns, add_generation_prompt=True)


def plain_reply(text: str) -> str:
    """Return "yes" or "no" for what says so, and the text as it is for what does not."""
    reading = read_reply(text)
    return text if reading is None else ("yes" if reading else "no")
