"""The connector of the bridge: bidirectional blocks between a language model and a decoder.

Enc-Proj encodes at the language model's width and then projects; Proj-Enc does it the other way
round. Source: MetaQuery (arXiv 2504.06256), table 3.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.blocks import Block, Context, RMSNorm, TrunkConfig, rotary_tables, run_blocks

CONNECTORS = ("enc_proj", "proj_enc")


class Connector(nn.Module):
    """Bidirectional blocks and a projection to the decoder's width, in either order."""

    def __init__(self, source: TrunkConfig, target: int, order: str, depth: int) -> None:
        """From states of trunk `source` to width `target`; `order` is one of CONNECTORS."""
        super().__init__()
        self.encode_first = order == "enc_proj"
        width = source.width if self.encode_first else target
        self.config = TrunkConfig(
            depth=depth,
            width=width,
            heads=source.heads,
            kv_heads=source.heads,
            feed_forward=4 * width,
        )
        self.layers = nn.ModuleList(Block(self.config) for _ in range(depth))
        self.projection = nn.Sequential(
            nn.Linear(source.width, target), nn.GELU(approximate="tanh"), nn.Linear(target, target)
        )
        self.norm = RMSNorm(target, 1e-6)

    def forward(self, states: Float[Tensor, "b q d"]) -> Float[Tensor, "b q w"]:
        if not self.encode_first:
            states = self.projection(states)
        count = states.shape[1]
        everywhere = torch.zeros(count, count, dtype=states.dtype, device=states.device)
        places = torch.arange(count, device=states.device)
        context = Context(*rotary_tables(places, self.config, states.dtype), everywhere)
        states = run_blocks(self.layers, nn.Identity(), states, context, "generate").states
        return self.norm(self.projection(states) if self.encode_first else states)
