"""`fork_random`: a fork whose branch is chosen by a hash of the sample. A placebo for `unifork`.

It has `unifork`'s branches, parameters and cost; what it lacks is that a branch belongs to a task.
A gain that it shares with `unifork` comes from the additional parameters. The hash is of the
prompt, which training and sampling both see before the first target (sample_coin.py); the row
without a prompt, for guidance, has a coin of its own, as a dropped prompt has in training.
"""

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from models.context import Context
from models.module import Architecture, TokenModule
from models.unifork import UniForkConfig
from models.untied import UntiedTrunk


@dataclass(frozen=True, kw_only=True)
class ForkRandomConfig(UniForkConfig):
    name: str = "fork_random"


def coin_of_sample(context: Context) -> Bool[Tensor, "b n"]:
    """All tokens of a sequence go the same way."""
    assert context.coin is not None
    return context.coin


class ForkRandom(UntiedTrunk):
    def __init__(self, config: ForkRandomConfig) -> None:
        super().__init__(config.trunk, coin_of_sample, config.layers_shared)


class ForkRandomModule(TokenModule):
    trunk_class = ForkRandom
    needs_coin = True


ARCHITECTURE = Architecture(ForkRandomConfig, ForkRandomModule)
