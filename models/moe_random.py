"""`moe_random`: task experts whose group labels are shuffled. A placebo for `task_moe`.

It has `task_moe`'s experts, routers, losses and cost; what it lacks is that supervision tells the
groups apart by task: the label of a sequence is a hash of its prompt (sample_coin.py). A gain that
it shares with `task_moe` comes from routing as such.
"""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from models import Task
from models.context import Context
from models.module import Architecture, TokenModule
from models.task_moe import TaskMoE, TaskMoEBlock, TaskMoEConfig


@dataclass(frozen=True, kw_only=True)
class MoERandomConfig(TaskMoEConfig):
    name: str = "moe_random"


class MoERandomBlock(TaskMoEBlock):
    def labels(self, context: Context, task: Task, x: Float[Tensor, "b n d"]) -> Int[Tensor, "t"]:
        """One group for all tokens of a sequence, by its coin."""
        assert context.coin is not None
        return context.coin.flatten().long()


class MoERandom(TaskMoE):
    block_class = MoERandomBlock


class MoERandomModule(TokenModule):
    trunk_class = MoERandom


ARCHITECTURE = Architecture(MoERandomConfig, MoERandomModule)
