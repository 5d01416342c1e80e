"""The attention of transformers' decoders, so that a layer can leave its mass behind.

A model is opened with this attention for good; whether a pass keeps masses is said pass by pass,
by `watch=` among the arguments of its forward, which transformers hands down to every layer. So
nothing is switched on and off, and layers that are computed again in the backward pass attend as
before.

Rows are padded behind, where no causal query looks: no mask is needed, and fused kernels take them.
"""

from typing import Any

from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from models.attention_mass import Watch

INTERACTION = "interaction"
"""The name that transformers knows this attention by."""


def attend(
    module: Any,
    query: Float[Tensor, "b h n c"],
    key: Float[Tensor, "b g m c"],
    value: Float[Tensor, "b g m c"],
    attention_mask: Tensor | None,
    watch: Watch | None = None,
    **settings: Any,
) -> tuple[Float[Tensor, "b n h c"], None]:
    """transformers' scaled-dot-product attention; with a watch, the layer's mass is appended to it.

    Raises ValueError for what the masses are not defined for: a mask, dropped probabilities, a
    scale other than the root of the head's width.
    """
    if watch is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    if attention_mask is not None:
        raise ValueError("rows with a watch must be padded behind, without a mask, got a mask.")
    if settings.get("dropout"):
        raise ValueError(f"attention must drop nothing under a watch, got {settings['dropout']}.")
    usual = query.shape[-1] ** -0.5
    if settings.get("scaling") not in (None, usual):
        raise ValueError(f"attention must be scaled by {usual}, got {settings['scaling']}.")
    groups = query.shape[1] // key.shape[1]
    keys, values = (repeat(one, "b g m c -> b (g r) m c", r=groups) for one in (key, value))
    mixed = watch.attend(query, keys, values)
    return rearrange(mixed, "b h n c -> b n h c").contiguous(), None


def use_interaction_attention(decoder: Any) -> None:
    """Let a decoder of transformers attend as above, without dropped probabilities."""
    AttentionInterface.register(INTERACTION, attend)
    AttentionMaskInterface.register(INTERACTION, sdpa_mask)
    decoder.set_attn_implementation(INTERACTION)
    for layer in decoder.layers:
        layer.self_attn.attention_dropout = 0.0
