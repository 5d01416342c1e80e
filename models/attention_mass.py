"""How much of its attention a token gives to marked keys, without a second pass over the map.

A CPU reads the mass off the probabilities that causal attention holds anyway. A fused kernel keeps
no probabilities: there the marks become one more column of the values, so that the mass comes out
as one more channel. All three inputs are padded to a width that the kernels take, and no other
kernel may step in.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.causal_attention import causal_attention_mass

FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]
WIDTH_STEP = 8
"""Fused kernels take heads whose width is a multiple of this."""


class Watch:
    """Which tokens ask and which are asked about; every layer appends its mass to `masses`.

    A layer's mass is, for each sequence `[b]`, the mean over heads and asking tokens; 0 where
    nobody asks or nobody is asked about. FSDP2 hands a layer copies of dataclasses and lists; so
    this is no dataclass: all layers have to share it.
    """

    def __init__(
        self, queries: Bool[Tensor, "b n"], keys: Bool[Tensor, "b n"], masses: Sequence[Tensor] = ()
    ) -> None:
        self.queries, self.keys, self.masses = queries, keys, list(masses)

    @property
    def counted(self) -> Bool[Tensor, "b"]:
        """The sequences that have both."""
        return self.queries.any(1) & self.keys.any(1)

    def attend(
        self,
        query: Float[Tensor, "b h n c"],
        key: Float[Tensor, "b h n c"],
        value: Float[Tensor, "b h n c"],
    ) -> Float[Tensor, "b h n c"]:
        """Causal attention as it is without a watch; the mass is kept."""
        marked = self.keys.to(query.dtype)
        if query.is_cuda:
            mixed, mass = fused_attention_mass(query, key, value, marked)
        else:
            mixed, mass = causal_attention_mass(query, key, value, marked)
        self.masses.append(self.mean_mass(mass.float()))
        return mixed

    def mean_mass(self, mass: Float[Tensor, "b h n"]) -> Float[Tensor, "b"]:
        shares = self.queries / self.queries.sum(1, keepdim=True).clamp_min(1)
        return (mass.mean(1) * shares).sum(1)


def fused_attention_mass(
    query: Float[Tensor, "b h n c"],
    key: Float[Tensor, "b h n c"],
    value: Float[Tensor, "b h n c"],
    marked: Float[Tensor, "b n"],
) -> tuple[Float[Tensor, "b h n c"], Float[Tensor, "b h n"]]:
    """Causal attention by a fused kernel, and each query's mass on the keys where `marked` is 1.

    Raises RuntimeError where no fused kernel takes the inputs.
    """
    width = value.shape[-1]
    padding = WIDTH_STEP - width % WIDTH_STEP
    column = marked[:, None, :, None].expand(-1, value.shape[1], -1, 1)
    values = torch.cat((value, nn.functional.pad(column, (0, padding - 1))), dim=-1)
    queries, keys = (nn.functional.pad(one, (0, padding)) for one in (query, key))
    with sdpa_kernel(FUSED):
        out = nn.functional.scaled_dot_product_attention(
            queries, keys, values, is_causal=True, scale=width**-0.5
        )
    return out[..., :width], out[..., width]
