"""The sizes of a published language model as a trunk's, read from its Hugging Face config.

What our block cannot do (biases of the output projection, sliding windows, positions whose scaling
depends on the length, another activation) is refused by name.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from models.context import TrunkConfig

FAMILIES = {
    "llama": {"qkv_bias": False, "qk_norm": "none"},
    "qwen2": {"qkv_bias": True, "qk_norm": "none"},
    "qwen3": {"qkv_bias": False, "qk_norm": "channel"},
}
"""What tells the families apart, by `model_type`; SmolLM2 is of the form llama."""
ROPE_TYPES = ("default", "linear", "llama3")
PLAIN = {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False}
"""What a family's config may also say, and the one value that the block stands for."""


@dataclass(frozen=True, kw_only=True)
class PretrainedTrunkConfig(TrunkConfig):
    """A trunk's sizes with heads of their own width and rotary frequencies as they were trained."""

    head_channels: int
    frequencies: tuple[float, ...]

    @property
    def head_width(self) -> int:
        return self.head_channels

    def turns(self, device: torch.device) -> Float[Tensor, "w"]:
        return torch.tensor(self.frequencies, dtype=torch.float32, device=device)


def trunk_config(config: Any) -> PretrainedTrunkConfig:
    """The trunk of a transformers config of one of the `FAMILIES`.

    Raises ValueError that names each option of the config that our block does not have.
    """
    if faults := unsupported(config):
        raise ValueError(f"{config.model_type} config must {'; '.join(faults)}.")
    positions = LlamaRotaryEmbedding(config)
    head_channels = getattr(config, "head_dim", None)
    return PretrainedTrunkConfig(
        depth=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        feed_forward=config.intermediate_size,
        rope_base=config.rope_parameters["rope_theta"],
        norm_epsilon=config.rms_norm_eps,
        head_channels=head_channels or config.hidden_size // config.num_attention_heads,
        frequencies=tuple(positions.inv_freq.tolist()),
        **FAMILIES[config.model_type],
    )


def unsupported(config: Any) -> list[str]:
    """What a config would have to say for our block to compute it, each as a clause."""
    if config.model_type not in FAMILIES:
        return [f"have model_type one of {', '.join(FAMILIES)}, got {config.model_type!r}"]
    faults = [
        f"have {name} {wanted!r}, got {getattr(config, name)!r}"
        for name, wanted in PLAIN.items()
        if getattr(config, name, wanted) != wanted
    ]
    rope = config.rope_parameters
    if rope.get("rope_type", "default") not in ROPE_TYPES:
        faults.append(f"have rope_type one of {', '.join(ROPE_TYPES)}, got {rope['rope_type']!r}")
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        faults.append(f"have partial_rotary_factor 1, got {rope['partial_rotary_factor']}")
    others = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    if others:
        faults.append(f"have layer_types full_attention alone, got {', '.join(sorted(others))}")
    return faults
