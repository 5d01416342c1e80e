"""The depth head: a small causal transformer over the codes of one position.

    trunk's state ──┐   e0 ──┐   e0 + e1 ──┐            e_k: the vector of the code of depth k
                    ▼        ▼             ▼
                 [ depth 0 ][ depth 1 ][ depth 2 ]  ──▶ logits of c0, c1, c2

Source: the RQ-Transformer (arXiv 2203.01941), which UniFork and VILA-U (arXiv 2409.04429) put on
their language model; a depth reads the sum of the vectors before it.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.blocks import Block, RMSNorm, run_blocks
from models.context import Context, TrunkConfig, rotary_tables
from models.tokenizers.residual_codes import vectors_of


class DepthHead(nn.Module):
    """`vectors` [v l] are those of all `depths`, end to end; blocks have the trunk's sizes."""

    vectors: Tensor

    def __init__(self, trunk: TrunkConfig, vectors: Tensor, depths: int, layers: int) -> None:
        super().__init__()
        self.config = trunk
        self.register_buffer("vectors", vectors, persistent=False)
        self.input = nn.Linear(vectors.shape[1], trunk.width)
        self.position = nn.Parameter(torch.zeros(depths, trunk.width))
        self.layers = nn.ModuleList(Block(trunk) for _ in range(layers))
        self.norm = RMSNorm(trunk.width, trunk.norm_epsilon)
        self.code_head = nn.Linear(trunk.width, len(vectors) // depths, bias=False)

    def forward(
        self, states: Float[Tensor, "t d"], parts: Int[Tensor, "t known"]
    ) -> Float[Tensor, "t next v"]:
        """Logits of the depths 0 to `known`, each from the state and the parts before it."""
        depths = len(self.position)
        padded = nn.functional.pad(parts, (0, depths - parts.shape[1]))
        before = vectors_of(self.vectors, padded)[:, : parts.shape[1]].cumsum(1)
        read = torch.cat((states[:, None], self.input(before).to(states.dtype)), dim=1)
        read = read + self.position[: read.shape[1]].to(states.dtype)
        places = torch.arange(read.shape[1], device=states.device)
        context = Context(*rotary_tables(places, self.config, read.dtype))
        return self.code_head(run_blocks(self.layers, self.norm, read, context, "generate").states)
