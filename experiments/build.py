"""From a config and finished steps to a module: the one place where arms are put together."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from datamodules.world import World
from experiments.markers import read_marker
from models import TASKS
from models.architectures import architecture
from models.image_tokens import ImageTokenizer
from models.module import SharedModule, TokenModule, UnifiedModule
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from models.training import TrainConfig
from models.unified import Vocabulary


def read_tokenizer(folder: Path) -> ImageTokenizer:
    return ImageTokenizer.load(str(folder / "tokenizer.pt"))


def text_tokens(config: SimpleNamespace) -> TextTokens:
    return TextTokens(World(config.world).vocabulary)


def vocabulary(config: SimpleNamespace, tokenizer: ImageTokenizer) -> Vocabulary:
    return Vocabulary(len(text_tokens(config)), tokenizer.features(), tokenizer.config.grid)


def trained_tasks(train: TrainConfig) -> tuple[str, ...]:
    """The tasks that a config trains: those with a weight."""
    return tuple(task for task in TASKS if train.weight(task))


def text_module(config: SimpleNamespace, tokenizer: ImageTokenizer) -> SharedModule:
    """The model of stage 0: the shared trunk of the cell's sizes."""
    shared = SharedConfig(trunk=config.model.trunk)
    return SharedModule(shared, vocabulary(config, tokenizer), config.stage0, config.seed)


def build_module(config: SimpleNamespace, inputs: Mapping[str, Path]) -> UnifiedModule:
    """The untrained arm: from scratch, from stage 0, or around a frozen model.

    `inputs` holds the folders `tokenizer` and `stage0`, and `frozen` for the bridge.
    """
    tokenizer = read_tokenizer(inputs["tokenizer"])
    kind: Any = architecture(config.model.name).module
    if "frozen" in inputs:
        frozen = SharedModule(
            SharedConfig(trunk=config.model.trunk),
            vocabulary(config, tokenizer),
            config.train,
            config.seed,
        )
        load_weights(frozen, inputs["frozen"] / "model.pt")
        return kind(config.model, frozen, tokenizer, config.train, config.seed)
    module = kind(config.model, vocabulary(config, tokenizer), config.train, config.seed)
    assert isinstance(module, TokenModule)
    if config.train.init == "text":
        text = text_module(config, tokenizer)
        load_weights(text, inputs["stage0"] / "model.pt")
        module.start_from_text(text)
    return module


def load_weights(module: torch.nn.Module, path: Path) -> None:
    """Raises ValueError that names missing, extra and misshapen tensors."""
    saved: dict[str, Tensor] = torch.load(path, weights_only=True)
    own = module.state_dict()
    faults = [f"missing {name}" for name in own if name not in saved]
    faults += [f"extra {name}" for name in saved if name not in own]
    faults += [
        f"{name} of shape {tuple(saved[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in saved and saved[name].shape != own[name].shape
    ]
    if faults:
        raise ValueError(f"{path} must hold this config's tensors, got {', '.join(faults)}.")
    module.load_state_dict(saved)


def trained_module(
    config: SimpleNamespace, inputs: Mapping[str, Path], weights: str = "model.pt"
) -> UnifiedModule:
    """The arm with the weights that `train` left; ValueError where that step is unfinished."""
    if read_marker(inputs["train"]) is None:
        raise ValueError(f"{inputs['train']} must be a finished training step.")
    module = build_module(config, inputs)
    load_weights(module, inputs["train"] / weights)
    return module.eval()
