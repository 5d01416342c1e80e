"""Who writes the instruction: a vision-language model of transformers, or a chat endpoint.

Both are shown the sources, then the target, with their captions, and asked for one sentence.
"""

import base64
import io
import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from datamodules.whole_models import whole_model

KEY_VARIABLE = "OPENAI_API_KEY"
TOKENS = 96
TRIES = 5
SECONDS = 120.0


class Writer(Protocol):
    """Replies to a text about images uint8 [h, w, 3]; OSError where it cannot."""

    def reply(self, images: Sequence[np.ndarray], text: str) -> str: ...


def request(sources: Sequence[str], target: str) -> str:
    """What a writer is asked, given the captions."""
    shown = "\n".join(f"Picture {number}: {text}" for number, text in enumerate(sources, 1))
    last = len(sources) + 1
    return (
        f"{shown}\nPicture {last}: {target}\n"
        f"Somebody has pictures 1 to {last - 1} and wants picture {last} to be made from them. "
        f"Write in one sentence what they would ask for. Say what has to change and what has to "
        f"stay, refer to the given pictures, and do not mention picture {last}."
    )


def instruction(reply: str) -> str:
    """The sentence of a reply: its first line with words, without quotation marks around it."""
    lines = (line.strip().strip("\"'“”").strip() for line in reply.splitlines())
    return next((line for line in lines if line), "")


class LocalWriter:
    """The checkpoint of a folder or hub id, greedy. OSError where there is none, ValueError where
    it lacks tensors."""

    def __init__(self, name: str, device: str | None = None) -> None:
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        model = whole_model(AutoModelForImageTextToText, name, dtype=dtype)
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.processor: Any = AutoProcessor.from_pretrained(name)

    def reply(self, images: Sequence[np.ndarray], text: str) -> str:
        pictures = [Image.fromarray(image) for image in images]
        batch = self.processor(
            images=[pictures], text=[self.prompt(len(images), text)], return_tensors="pt"
        ).to(self.device, self.model.dtype)
        made = self.model.generate(**batch, max_new_tokens=TOKENS, do_sample=False)
        return self.processor.decode(
            made[0, batch["input_ids"].shape[1] :], skip_special_tokens=True
        )

    def prompt(self, images: int, text: str) -> str:
        """The text behind its images, as the checkpoint's own template has it."""
        if not getattr(self.processor, "chat_template", None):
            return getattr(self.processor, "image_token", "<image>") * images + text
        content = [*[{"type": "image"}] * images, {"type": "text", "text": text}]
        turns = [{"role": "user", "content": content}]
        return self.processor.apply_chat_template(turns, add_generation_prompt=True)


class ServerWriter:
    """A model behind an OpenAI-compatible endpoint; the key comes from the environment alone."""

    def __init__(self, url: str, model: str) -> None:
        import openai

        self.model, self.failure = model, openai.OpenAIError
        key = os.environ.get(KEY_VARIABLE) or "unset"
        self.client = openai.OpenAI(api_key=key, base_url=url, max_retries=TRIES, timeout=SECONDS)

    def reply(self, images: Sequence[np.ndarray], text: str) -> str:
        content: list[Any] = [{"type": "text", "text": text}]
        content += [{"type": "image_url", "image_url": {"url": data_url(one)}} for one in images]
        asked: list[Any] = [{"role": "user", "content": content}]
        try:
            answer = self.client.chat.completions.create(
                model=self.model, messages=asked, temperature=0.0, max_tokens=TOKENS
            )
        except (self.failure, ValueError) as error:  # ValueError: what is no JSON
            raise OSError(f"{self.client.base_url} must reply, got {error}.") from error
        said = [choice.message.content for choice in answer.choices or ()]
        return (said and said[0]) or ""


def data_url(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
