"""The step `train` of a cell that merges two trained ones in place of training.

It leaves what training leaves, so that all that follows takes it for a trained cell, but for
checkpoints on the way: there is none, and the curve has no points.
"""

import json
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.world import World
from experiments.artifacts.data import fitting, turns
from experiments.build import build_module
from experiments.fitting.fit import Spent, parameter_counts, save_weights
from experiments.fitting.run_files import process_peak_bytes
from experiments.flops.step import batch_flops
from experiments.language.words import text_tokens
from experiments.store.markers import write_json, write_text
from models import TASKS
from models.batch import Batch, Packed, pack_generate, pack_understand, pad
from models.merged import TaskVectors
from models.module import UnifiedModule
from models.tokenizers.codec import image_ids
from models.tokenizers.encoders import Encoder, open_encoder
from models.tokenizers.kinds import load_codec

Inputs = dict[str, Path]
FIRST_SCENE = 1000
"""Of the split `dev`."""
SCENES = 32
"""A step of fitting."""


def merge(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Merges the cells `understand` and `generate`, both of which started from stage 0."""
    began = time.monotonic()
    module = build_module(config, inputs)
    start = {name: value.clone() for name, value in module.state_dict().items()}
    trained = {task: torch.load(inputs[task] / "model.pt", weights_only=True) for task in TASKS}
    vectors = TaskVectors(start, trained)
    coefficients, flops = fitted(config, inputs, module, vectors, out)
    module.load_state_dict(vectors.merged(coefficients))
    save_weights(module.state_dict(), out / "model.pt")
    summary = summarise(inputs, module, flops, config.model.fit_steps)
    summary["wall_seconds"] = time.monotonic() - began
    write_json(out / "summary.json", summary)
    write_json(out / "coefficients.json", dict(zip(TASKS, coefficients.tolist(), strict=True)))


def fitted(
    config: SimpleNamespace,
    inputs: Inputs,
    module: UnifiedModule,
    vectors: TaskVectors,
    out: Path,
) -> tuple[Tensor, int]:
    """The coefficients after `model.fit_steps` on the split `dev`, and the FLOPs of a step."""
    coefficients = config.model.coefficients()
    optimizer = torch.optim.Adam([coefficients], lr=config.model.fit_rate)
    flops, lines = 0, []
    encoder = open_encoder(config.encoder) if module.second_encoder else None
    for step in range(config.model.fit_steps):
        module.load_state_dict(vectors.merged(coefficients))
        batch = dev_batch(config, inputs, step, encoder)
        flops = flops or batch_flops(module, batch)
        module.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, config.train.precision.startswith("bf16")):
            loss = module.training_step(batch, step)
        loss.backward()
        gradients = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
        coefficients.grad = vectors.slopes(gradients, coefficients)
        optimizer.step()
        line = {"step": step, "tokens": 0, "name": "train/merge/loss", "value": loss.item()}
        lines.append(json.dumps(line) + "\n")
    write_text(out / "metrics.jsonl", "".join(lines))
    return coefficients, flops


def dev_batch(
    config: SimpleNamespace, inputs: Inputs, step: int, encoder: Encoder | None = None
) -> Batch:
    """Scenes of the split `dev` with captions, and with questions as in training."""
    world, words = World(config.world), text_tokens(config)
    first = FIRST_SCENE + step * SCENES
    indices = range(first, first + SCENES)
    scenes = [world.scene("dev", index) for index in indices]
    codec = load_codec(inputs["tokenizer"])
    images = np.stack([world.render(scene) for scene in scenes])
    codes = image_ids(codec, images)
    drawn: list[Packed] = []
    asked: list[Packed] = []
    for index, scene, code in zip(indices, scenes, codes, strict=True):
        drawn.append(pack_generate(words, world.caption("dev", index, scene), code))
        questions = turns(world.questions("dev", index, scene, config.data.questions))
        asked.append(fitting(questions, config.data.longest, partial(pack_understand, words, code)))
    seen = {"features": encoder.encode(images)} if encoder else {}
    return {"understand": {**pad(asked), **seen}, "generate": pad(drawn)}


def summarise(inputs: Inputs, module: UnifiedModule, step_flops: int, steps: int) -> dict[str, Any]:
    """What both cells have cost together, their common start counted once, and the fitting."""
    parts = {task: json.loads((inputs[task] / "summary.json").read_text()) for task in TASKS}
    before = Spent.of_both(inputs)
    return {
        "parameters": parameter_counts(module),
        "flops": before.flops + steps * step_flops,
        "flops_before": before.flops,
        "flops_per_step": step_flops,
        "steps": steps,
        "tokens": before.tokens,
        "tokens_before": before.tokens,
        "tokens_by_task": {task: parts[task]["tokens_by_task"][task] for task in TASKS},
        "sequences": {task: parts[task]["sequences"][task] for task in TASKS},
        "peak_bytes": process_peak_bytes(),
    }
