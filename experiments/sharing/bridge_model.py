"""`bridge:FOLDER`: a bridge of published parts as a benchmark sees it.

FOLDER is what `PipelineBridge.save` wrote. Settings stand behind `?`, as in `FOLDER?guidance=7.5`;
they begin as MetaQuery draws for FID. It draws texts, and texts behind reference images; what it
answers is its frozen reader's answer, without the system prompt that the bridge is trained behind.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.abilities import negative_of
from benchmarks.adapters.settings import Number, split_settings
from benchmarks.images import batched
from benchmarks.judges.checkpoints import chosen_device, revision, short_name
from benchmarks.protocol import Request
from models.bridging.decoder_bridge import CONFIG, open_pipeline_bridge
from models.bridging.frozen_prompts import ChatEncoder, Prompt
from models.bridging.frozen_reader import on_model

SETTINGS: dict[str, Number] = {"steps": 30, "guidance": 3.0, "max_tokens": 64}
AT_ONCE = 8


class BridgeModel:
    """Reads a request's pictures and text; what it guides away from is the request's negative.

    Raises ValueError for a folder without a bridge.
    """

    def __init__(self, given: str) -> None:
        name, self.settings = split_settings(given, SETTINGS)
        if not (Path(name) / CONFIG).is_file():
            raise ValueError(f"--model bridge:FOLDER must hold a saved bridge, got {name!r}.")
        chosen = chosen_device(None)
        dtype = torch.bfloat16 if chosen.type == "cuda" else torch.float32
        self.bridge = open_pipeline_bridge(Path(name), dtype).to(chosen).eval()
        self.protocol = {
            "model": short_name(name),
            "revision": revision(name, None),
            "reader": self.bridge.reader.name,
            "decoder": type(self.bridge.decoder.pipeline).__name__,
            "precision": str(dtype).removeprefix("torch."),
            **self.settings,
        }

    @property
    def draws_from_images(self) -> bool:
        """Whether the frozen reader sees pictures."""
        return self.bridge.reader.encoder.sees_images

    @property
    def takes_negatives(self) -> bool:
        """Whether anything is guided away from."""
        return self.settings["guidance"] > 1

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """uint8 images `[h w 3]`; each depends on its request alone."""
        return [image for chunk in batched(requests, AT_ONCE) for image in self.drawn(chunk)]

    def drawn(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Images drawn together."""
        pixels = self.bridge.draw(
            [Prompt(one.text, one.images) for one in requests],
            [one.seed for one in requests],
            int(self.settings["steps"]),
            float(self.settings["guidance"]),
            [Prompt(negative_of(one)) for one in requests],
        )
        shades = (pixels.float().clamp(0, 1) * 255).round().byte().cpu()
        return list(shades.permute(0, 2, 3, 1).numpy())

    @torch.inference_mode()
    def answer(self, requests: Sequence[Request]) -> list[str]:
        """The frozen reader's greedy reply to each request, asked alone."""
        model: Any = self.bridge.reader.model
        encoder = ChatEncoder(self.bridge.reader.encoder.processor)
        replies = []
        for one in requests:
            batch = encoder([Prompt(one.text, one.images)])
            inputs = {name: on_model(value, model) for name, value in batch.items()}
            limit = int(self.settings["max_tokens"])
            made = model.generate(**inputs, max_new_tokens=limit, do_sample=False)
            said = made[0, batch["input_ids"].shape[1] :]
            replies.append(encoder.tokenizer.decode(said, skip_special_tokens=True).strip())
        return replies


def open_model(name: str) -> BridgeModel:
    return BridgeModel(name)
