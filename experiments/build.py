"""From a config and finished steps to a module: the one place where arms are put together."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from experiments.language.trunk import trunk_of, with_published_trunk
from experiments.language.words import text_tokens
from experiments.store.markers import read_marker
from models.architectures import architecture
from models.module import SharedModule, TokenModule, UnifiedModule
from models.shared import SharedConfig
from models.tensor_faults import shapes, tensor_faults
from models.tokenizers.codec import Codebook, Codec, FeatureMap
from models.tokenizers.encoders import feature_map
from models.tokenizers.kinds import load_codec
from models.unified import Vocabulary


def vocabulary(
    config: SimpleNamespace, tokenizer: Codec, view: FeatureMap | None = None
) -> Vocabulary:
    """`view` is what a second encoder sees, for a model that understands images by one."""
    return Vocabulary.around(len(text_tokens(config)), tokenizer, view)


def text_module(
    config: SimpleNamespace, tokenizer: Codec, view: FeatureMap | None = None
) -> SharedModule:
    """The model of stage 0: the shared trunk of the cell's sizes."""
    shared = SharedConfig(trunk=trunk_of(config))
    return SharedModule(shared, vocabulary(config, tokenizer, view), config.stage0, config.seed)


def untrained_module(config: Any, known: Vocabulary, codec: Codebook, seed: int) -> UnifiedModule:
    """The arm with all its parts as they are drawn, a bridge around an untrained model."""
    kind: Any = architecture(config.model.name).module
    if issubclass(kind, TokenModule):
        return kind(config.model, known, config.train, seed)
    text = SharedModule(SharedConfig(trunk=config.model.trunk), known, config.stage0, seed)
    return kind(config.model, text, codec, config.train, seed)


def build_module(config: SimpleNamespace, inputs: Mapping[str, Path]) -> UnifiedModule:
    """The untrained arm: from scratch, from stage 0, from a trained arm, or around a trained model.

    `inputs` holds the folders `tokenizer` and `stage0`; `start` for an arm that goes on from a
    trained one; and for the bridge what its arm needs.
    """
    tokenizer, config = load_codec(inputs["tokenizer"]), with_published_trunk(config)
    kind: Any = architecture(config.model.name).module
    if not issubclass(kind, TokenModule):
        return bridge_module(kind, config, inputs, tokenizer)
    words = vocabulary(config, tokenizer, feature_map(config.encoder))
    module = kind(config.model, words, config.train, config.seed)
    check_codes(config, tokenizer, module)
    if "start" in inputs:
        go_on(module, SharedConfig(trunk=config.model.trunk), inputs["start"] / "model.pt")
    elif config.train.init == "text":
        text = text_module(config, tokenizer)
        load_weights(text, inputs["stage0"] / "model.pt")
        module.start_from_text(text)
    return module


def check_codes(config: SimpleNamespace, tokenizer: Codec, module: TokenModule) -> None:
    """Raises ValueError for a token arm that would draw or see images where there are no codes."""
    if tokenizer.is_continuous and "generate" in module.trained_tasks:
        raise ValueError(
            f"tokenizer.kind must give codes where model.name={config.model.name} draws, "
            f"got {config.tokenizer.kind}."
        )
    if tokenizer.is_continuous and not module.second_encoder:
        raise ValueError(
            f"encoder.kind must name an encoder under tokenizer.kind={config.tokenizer.kind}, "
            f"which has no codes to understand images by, got {config.encoder.kind}."
        )


def go_on(module: TokenModule, control: SharedConfig, weights: Path) -> None:
    """Starts from the weights of a trained arm: of the same architecture, or of the control."""
    saved: dict[str, Tensor] = torch.load(weights, weights_only=True)
    if saved.keys() == module.state_dict().keys():
        load_weights(module, weights)
        return
    words = module.model.vocabulary
    if not any("adapter" in name for name in saved):
        words = replace(words, view=None)
    shared = SharedModule(control, words, module.train_config, module.seed)
    load_weights(shared, weights)
    module.start_from_shared(shared)


def bridge_module(
    kind: Any, config: SimpleNamespace, inputs: Mapping[str, Path], tokenizer: Codec
) -> UnifiedModule:
    """The bridge around the published model that it names, or the cell `frozen`, or stage 0, or
    untrained weights.

    Its decoder starts from the cell `decoder`, or untrained; ValueError where it then is frozen.
    """
    if config.model.pretrained:
        parts = (text_tokens(config), tokenizer, config.train, config.seed)
        module = kind.published(config.model, *parts)
    else:
        view = feature_map(config.encoder) if "frozen" in inputs else None
        language_model = text_module(config, tokenizer, view)
        if "frozen" in inputs or config.train.init == "text":
            load_weights(language_model, inputs.get("frozen", inputs["stage0"]) / "model.pt")
        module = kind(config.model, language_model, tokenizer, config.train, config.seed)
    if "decoder" in inputs:
        load_weights(module.model.decoder, inputs["decoder"] / "model.pt", "model.decoder.")
    elif config.model.decoder == "frozen":
        raise ValueError("arm.needs must name a cell as decoder where that is frozen, got none.")
    return module


def load_weights(module: torch.nn.Module, path: Path, prefix: str = "") -> None:
    """Takes the tensors whose names begin with `prefix`, the module's place in what was saved.

    Raises ValueError that names missing, extra and misshapen tensors.
    """
    everything: dict[str, Tensor] = torch.load(path, weights_only=True)
    saved = {n.removeprefix(prefix): v for n, v in everything.items() if n.startswith(prefix)}
    if faults := tensor_faults(shapes(module.state_dict()), shapes(saved)):
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
    return module.to(device()).eval()


def device() -> torch.device:
    """Where this process puts its models (devices.py): on the CUDA device that it was shown."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
