"""`unifork`: shared shallow layers, then one copy of the deep layers a task (a Y).

                               ┌──▶ [ layer M+1 … L, norm ]  understand ──▶ text head
    text, image ──▶ [ 1 … M ] ─┤
                               └──▶ [ copy  M+1 … L, norm ]  generate ────▶ image head

A sequence belongs to one task and takes one branch whole; branches never attend to each other.
It differs from `shared` in `path` alone: at `fork_at = depth` it is `shared`, tensor by tensor.
Source: UniFork (arXiv 2506.17202); its code forks at half depth, its paper leaves the depth open.
"""

import copy
from dataclasses import dataclass, field, replace

from torch import Tensor, nn

from models import Task
from models.blocks import Block, RMSNorm, Trunk
from models.context import TrunkConfig
from models.module import Architecture, TokenModule
from models.shared import SharedConfig

SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class UniForkConfig:
    """`fork_share` of the layers are shared, rounded; or, where given, `fork_at` of them, 0 to
    `trunk.depth`."""

    name: str = "unifork"
    trunk: TrunkConfig = field(default_factory=TrunkConfig)
    fork_share: float = SHARE
    fork_at: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.fork_share <= 1:
            raise ValueError(f"model.fork_share must lie in [0, 1], got {self.fork_share}.")
        if not 0 <= self.layers_shared <= self.trunk.depth:
            raise ValueError(
                f"model.fork_at must lie in [0, trunk.depth={self.trunk.depth}], "
                f"got {self.fork_at}."
            )

        if self.fork_share != SHARE and self.layers_shared != self.shared_by_share:
            raise ValueError(
                f"model.fork_share must be left out beside model.fork_at, or mean the same "
                f"{self.shared_by_share} layers, got {self.fork_at}."
            )

    @property
    def shared_by_share(self) -> int:
        return round(self.fork_share * self.trunk.depth)

    @property
    def layers_shared(self) -> int:
        """How many layers both tasks pass through."""
        return self.shared_by_share if self.fork_at is None else self.fork_at

    def canonical(self) -> "UniForkConfig | SharedConfig":
        """The one config of the same model: without a branch it is `shared`."""
        if self.layers_shared == self.trunk.depth:
            return SharedConfig(trunk=self.trunk)
        share = self.layers_shared / self.trunk.depth
        return replace(self, fork_at=self.layers_shared, fork_share=share)


class UniFork(Trunk):
    def __init__(self, config: UniForkConfig) -> None:
        super().__init__()
        self.config, self.fork_at = config.trunk, config.layers_shared
        self.layers = nn.ModuleList(Block(config.trunk) for _ in range(config.trunk.depth))
        self.norm = RMSNorm(config.trunk.width, config.trunk.norm_epsilon)
        self.generate_layers = copy.deepcopy(self.layers[self.fork_at :])
        self.generate_norm = copy.deepcopy(self.norm) if len(self.generate_layers) else None

    def path(self, task: Task) -> tuple[list[nn.Module], nn.Module]:
        """The layers and the final norm that a sequence of `task` passes through."""
        if task == "understand" or self.generate_norm is None:
            return list(self.layers), self.norm
        return [*self.layers[: self.fork_at], *self.generate_layers], self.generate_norm

    def start_from(self, name: str, shared: dict[str, Tensor]) -> Tensor:
        """The value that tensor `name` takes from a shared trunk: the branch starts as a copy."""
        if name.startswith("generate_layers."):
            index, rest = name.removeprefix("generate_layers.").split(".", 1)
            return shared[f"layers.{int(index) + self.fork_at}.{rest}"]
        return shared[name.replace("generate_norm.", "norm.")]


class UniForkModule(TokenModule):
    trunk_class = UniFork


ARCHITECTURE = Architecture(UniForkConfig, UniForkModule)
