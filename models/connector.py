"""The connector: what turns a language model's states into what a diffusion decoder attends to.

    enc_proj   states ─ blocks at the source's width ─ projection ─ norm ─▶
    proj_enc   states ─ projection ─ blocks at the target's width ─ norm ─▶

The blocks attend in both directions. Without any, the orders are one and the same: a projection.
Source: MetaQuery (arXiv 2504.06256), table 3.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.blocks import Block, RMSNorm, run_blocks
from models.context import Context, TrunkConfig, rotary_tables

CONNECTORS = ("enc_proj", "proj_enc")


class Connector(nn.Module):
    """`depth` bidirectional blocks and a projection to width `target`, in either order."""

    def __init__(self, trunk: TrunkConfig, target: int, order: str, depth: int) -> None:
        super().__init__()
        self.encode_first = order == "enc_proj"
        width = trunk.width if self.encode_first else target
        most = max(1, width // trunk.head_width)
        heads = next(count for count in range(most, 0, -1) if width % (2 * count) == 0)
        self.config = TrunkConfig(width=width, heads=heads, kv_heads=heads, feed_forward=4 * width)
        self.layers = nn.ModuleList(Block(self.config) for _ in range(depth))
        self.projection = nn.Sequential(
            nn.Linear(trunk.width, target), nn.GELU(approximate="tanh"), nn.Linear(target, target)
        )
        self.norm = RMSNorm(target, 1e-6)

    def forward(
        self, states: Float[Tensor, "b q d"], kept: Bool[Tensor, "b q"] | None = None
    ) -> Float[Tensor, "b q w"]:
        """Where `kept` is given, nothing attends to the other positions."""
        if not self.encode_first:
            states = self.projection(states)
        places = torch.arange(states.shape[1], device=states.device)
        tables = rotary_tables(places, self.config, states.dtype)
        context = Context(*tables, everywhere(states, kept))
        states = run_blocks(self.layers, nn.Identity(), states, context, "generate").states
        return self.norm(self.projection(states) if self.encode_first else states)


def everywhere(states: Float[Tensor, "b q d"], kept: Bool[Tensor, "b q"] | None) -> Tensor:
    """The additive mask, `[q q]` or `[b q q]`, by which all positions see all that are kept."""
    count = states.shape[1]
    mask = torch.zeros(count, count, dtype=states.dtype, device=states.device)
    if kept is None:
        return mask
    hidden = ~kept[:, None].expand(-1, count, -1)
    return mask.expand(len(kept), -1, -1).masked_fill(hidden, float("-inf"))
