"""`fork_random`: a fork whose branch is chosen by a hash of the sample. A placebo for `unifork`.

It has `unifork`'s branches, parameters and cost; what it lacks is that a branch belongs to a task.
A gain that it shares with `unifork` comes from the additional parameters. The hash is of the
prompt, which training and sampling both see before the first target (sample_coin.py); the row
without a prompt, for guidance, has a coin of its own, as a dropped prompt has in training.
"""

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
from torch import Tensor, nn

from models import Task
from models.blocks import Block, Trunk, TrunkOutput, run_blocks
from models.context import Context
from models.module import Architecture, TokenModule
from models.unifork import UniForkConfig
from models.untied import UntiedBlock, of_one_copy, untied_norm


@dataclass(frozen=True, kw_only=True)
class ForkRandomConfig(UniForkConfig):
    name: str = "fork_random"


def coin_of_sample(context: Context) -> Bool[Tensor, "b n"]:
    """All tokens of a sequence go the same way."""
    assert context.coin is not None
    return context.coin


class ForkRandom(Trunk):
    def __init__(self, config: ForkRandomConfig) -> None:
        super().__init__()
        self.config = config.trunk
        shared = (Block(config.trunk) for _ in range(config.layers_shared))
        own = range(config.trunk.depth - config.layers_shared)
        branches = (UntiedBlock(config.trunk, coin_of_sample) for _ in own)
        self.layers = nn.ModuleList([*shared, *branches])
        self.norm = untied_norm(config.trunk, coin_of_sample)

    def forward(self, x: Float[Tensor, "b n d"], context: Context, task: Task) -> TrunkOutput:
        output = run_blocks(self.layers, nn.Identity(), x, context, task)
        return replace(output, states=self.norm(output.states, context))

    def start_from(self, name: str, shared: dict[str, Tensor]) -> Tensor:
        """The value that tensor `name` takes from a shared trunk: both branches start as it."""
        return shared[of_one_copy(name)]


class ForkRandomModule(TokenModule):
    trunk_class = ForkRandom
    needs_coin = True


ARCHITECTURE = Architecture(ForkRandomConfig, ForkRandomModule)
