"""`shared`: every layer serves both tasks. The control that the others are compared with.

    text, image ──▶ [ layer 1 … layer L ] ──▶ text head | image head

The single-task controls are this trunk trained on one task's sequences (models/module.py).
Source: the "fully shared" baseline of UniFork (arXiv 2506.17202), the form of Emu3.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn

from models.blocks import Block, RMSNorm, Trunk
from models.context import TrunkConfig


@dataclass(frozen=True, kw_only=True)
class SharedConfig:
    name: str = "shared"
    trunk: TrunkConfig = field(default_factory=TrunkConfig)


class Shared(Trunk):
    def __init__(self, config: SharedConfig) -> None:
        super().__init__()
        self.config = config.trunk
        self.layers = nn.ModuleList(Block(config.trunk) for _ in range(config.trunk.depth))
        self.norm = RMSNorm(config.trunk.width, config.trunk.norm_epsilon)

    def start_from(self, name: str, shared: dict[str, Tensor]) -> Tensor | None:
        """The value that tensor `name` takes from a shared trunk (stage 0): itself."""
        return shared[name]
