"""`bridge:FOLDER`: a saved bridge as the model of a benchmark, `FOLDER?steps=30&guidance=3.0`.

It draws texts, and texts behind reference images; what it answers is its frozen reader's answer,
without the system prompt that the bridge is trained behind.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.adapters.settings import Number, split_settings
from benchmarks.images import batched
from benchmarks.protocol import Request
from experiments.build import device
from models.pretrained.decoder_bridge import CONFIG, open_pipeline_bridge
from models.pretrained.frozen_prompts import ChatEncoder, Prompt
from models.pretrained.frozen_reader import on_model

SETTINGS: dict[str, Number] = {"steps": 30, "guidance": 3.0, "max_tokens": 64}
"""Steps and guidance are those of MetaQuery's evaluation."""
AT_ONCE = 8


class BridgeModel:
    """The bridge of a folder, on the GPU if there is one; ValueError where there is none."""

    def __init__(self, given: str) -> None:
        name, self.settings = split_settings(given, SETTINGS)
        if not (Path(name) / CONFIG).is_file():
            raise ValueError(f"--model bridge:FOLDER must hold a saved bridge, got {name!r}.")
        place = device()
        dtype = torch.bfloat16 if place.type == "cuda" else torch.float32
        self.bridge = open_pipeline_bridge(Path(name), dtype).to(place).eval()
        self.protocol = {
            "model": name,
            "reader": json.loads((Path(name) / CONFIG).read_text())["reader"]["name"],
            "decoder": type(self.bridge.decoder.pipeline).__name__,
            "precision": str(dtype).removeprefix("torch."),
            **self.settings,
        }

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """One image, uint8 [h, w, 3], for each request; its own images are what it refers to."""
        steps, guidance = int(self.settings["steps"]), float(self.settings["guidance"])
        images: list[np.ndarray] = []
        for some in batched(requests, AT_ONCE):
            prompts = [Prompt(one.text, one.images) for one in some]
            drawn = self.bridge.draw(prompts, [one.seed for one in some], steps, guidance)
            pixels = (drawn.float().clamp(0, 1) * 255).round().byte().cpu()
            images.extend(pixels.permute(0, 2, 3, 1).numpy())
        return images

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
