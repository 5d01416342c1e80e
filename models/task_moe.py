"""`task_moe`: attention is shared, the feed-forward is two task groups of experts plus shared ones.

                ┌─ group router (hard, supervised by the task) ─ expert router (top-k) ─┐
    norm(x) ──▶ ┤     understand: [E1 … En]     generate: [E1 … En]                     ├─▶
                └─ shared experts ────────────────────────────────── × alpha (learnt) ──┘

`out = group + alpha * shared`, gates renormalised over the top-k. Only chosen experts are computed
and no token is dropped. Source: UTAMoE / UniDecouple (arXiv 2506.03591). Its code is unpublished:
the numbers of experts and of choices, the form of alpha, the loss weights and the balance loss are
not in what could be read, so each is a field.
"""

from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from models import TASKS, Task
from models.blocks import Auxiliary, Block, FeedForward, RMSNorm, Trunk
from models.context import Context, Place, TrunkConfig
from models.fused import permute, weighted_sum
from models.module import Architecture, TokenModule
from models.ranks import over_ranks, ranks
from models.seats import seats


@dataclass(frozen=True, kw_only=True)
class TaskMoEConfig:
    """`experts` and `top_k` count within one group. `mixing` says whether alpha is learnt or fixed.

    An expert's width is `trunk.feed_forward / (top_k + shared_experts)`, so that a token meets as
    many feed-forward parameters as in the control.
    """

    name: str = "task_moe"
    trunk: TrunkConfig = field(default_factory=TrunkConfig)
    experts: int = 4
    shared_experts: int = 1
    top_k: int = 2
    group_loss_weight: float = 0.1
    balance_loss_weight: float = 0.01
    mixing: str = "learnt"

    def __post_init__(self) -> None:
        if self.mixing not in ("learnt", "fixed"):
            raise ValueError(f"model.mixing must be learnt or fixed, got {self.mixing!r}.")
        if not 1 <= self.top_k <= self.experts:
            raise ValueError(
                f"model.top_k must lie in [1, model.experts={self.experts}], got {self.top_k}."
            )
        if self.shared_experts < 0:
            raise ValueError(
                f"model.shared_experts must not be negative, got {self.shared_experts}."
            )
        if self.trunk.feed_forward % self.slices:
            raise ValueError(
                f"trunk.feed_forward must be a multiple of model.top_k + model.shared_experts="
                f"{self.slices}, got {self.trunk.feed_forward}."
            )

    @property
    def slices(self) -> int:
        return self.top_k + self.shared_experts

    @property
    def expert_width(self) -> int:
        return self.trunk.feed_forward // self.slices


@dataclass(frozen=True)
class Routing:
    """Which experts a token meets (global index and gate), and what the routers said."""

    choice: Int[Tensor, "t k"]
    gates: Float[Tensor, "t k"]
    group_logits: Float[Tensor, "t 2"]
    expert_probabilities: Float[Tensor, "t e"]


class TaskExperts(nn.Module):
    """The routed feed-forward. Experts 0 to n-1 belong to `understand`, n to 2n-1 to `generate`."""

    def __init__(self, config: TaskMoEConfig) -> None:
        super().__init__()
        width, hidden = config.trunk.width, config.expert_width
        self.config = config
        self.group_router = nn.Linear(width, len(TASKS), bias=False)
        self.expert_router = nn.Linear(width, len(TASKS) * config.experts, bias=False)
        self.experts = nn.ModuleList(
            FeedForward(width, hidden) for _ in range(len(TASKS) * config.experts)
        )
        self.shared = (
            FeedForward(width, hidden * config.shared_experts) if config.shared_experts else None
        )
        learnt = config.mixing == "learnt"
        one = nn.Parameter(torch.ones(1), requires_grad=learnt)
        self.alpha = one if config.shared_experts else None

    def idle_parameters(self) -> int:
        """Parameters of the experts that a token does not choose."""
        size = sum(p.numel() for p in self.experts[0].parameters())
        return size * (len(self.experts) - self.config.top_k)

    def route(self, x: Float[Tensor, "t d"]) -> Routing:
        count = self.config.experts
        group_logits = self.group_router(x).float()
        group = group_logits.argmax(-1)
        logits = rearrange(self.expert_router(x).float(), "t (g e) -> t g e", e=count)
        probabilities = torch.where(group[:, None] == 0, logits[:, 0], logits[:, 1]).softmax(-1)
        gates, choice = probabilities.topk(self.config.top_k, dim=-1)
        gates = gates / gates.sum(-1, keepdim=True)
        return Routing(choice + count * group[:, None], gates, group_logits, probabilities)

    def forward(
        self, x: Float[Tensor, "*n d"], labels: Int[Tensor, "t"]
    ) -> tuple[Tensor, Auxiliary]:
        """`labels`: the group that supervision wants for each token."""
        flat = x.flatten(0, -2)
        routing = self.route(flat)
        parts, weights = self.dispatch(flat, routing), routing.gates.t()[..., None].to(x.dtype)
        if self.shared is not None and self.alpha is not None:
            alpha = self.alpha.to(x.dtype).expand(1, len(flat), 1)
            parts, weights = [*parts, self.shared(flat)], torch.cat((weights, alpha))
        return weighted_sum(weights, parts).view_as(x), self.auxiliary(routing, labels)

    def dispatch(self, x: Float[Tensor, "t d"], routing: Routing) -> list[Float[Tensor, "t d"]]:
        """Sorts tokens by expert, runs each expert on its own tokens, and puts the results back:
        what the first choices gave, the second ones, and so on."""
        slots, places, sizes = seats(routing.choice.t().flatten(), len(self.experts))
        tokens = torch.where(slots == len(places) - 1, len(x), slots % len(x))
        by_choice = nn.functional.pad(places[:-1].view(-1, len(x)), (0, 1))
        source = torch.cat((x, x.new_zeros(1, x.shape[1])))
        rows = permute(source, tokens, *by_choice).split(sizes)
        results = [
            expert(part) for expert, part in zip(self.experts, rows, strict=True) if len(part)
        ]
        places = places[:-1]
        restored = permute(torch.cat(results), places, slots.clamp(max=len(places) - 1))
        return list(restored.split(len(x)))

    def auxiliary(self, routing: Routing, labels: Int[Tensor, "t"]) -> Auxiliary:
        """Group supervision, load balance inside the chosen groups, and what a probe sees.

        The load is that of all processes, and means count by a process's share of the tokens.
        """
        count = self.config.experts
        group_loss = nn.functional.cross_entropy(routing.group_logits, labels)
        own = routing.choice.flatten().bincount(minlength=2 * count).float()
        everywhere = over_ranks(own)
        load = everywhere / everywhere.sum()
        share = ranks() * own.sum() / everywhere.sum()
        balance = count * (within_group(load, count) * self.probabilities(routing)).sum()
        return {
            "group_loss": share * self.config.group_loss_weight * group_loss,
            "balance_loss": share * self.config.balance_loss_weight * balance,
            "group_accuracy": share * (routing.group_logits.argmax(-1) == labels).float().mean(),
            "load": load,
        }

    def probabilities(self, routing: Routing) -> Float[Tensor, "2 count"]:
        """Each expert's probability, summed over the tokens of its group, as a mean over all."""
        group = nn.functional.one_hot(routing.choice[:, 0] // self.config.experts, 2)
        return (
            group.to(routing.expert_probabilities).t() @ routing.expert_probabilities / len(group)
        )


def within_group(load: Float[Tensor, "e"], count: int) -> Float[Tensor, "2 count"]:
    """Each expert's share of what its group has; none where a group has nothing."""
    by_group = load.view(2, count)
    return by_group / by_group.sum(1, keepdim=True).clamp_min(torch.finfo(load.dtype).tiny)


class TaskMoEBlock(Block):
    """The common block with the routed feed-forward in place of the dense one."""

    def __init__(self, config: TaskMoEConfig) -> None:
        super().__init__(config.trunk)
        self.feed_forward = TaskExperts(config)

    def forward(
        self, x: Float[Tensor, "b n d"], context: Context, task: Task, place: Place
    ) -> tuple[Float[Tensor, "*n d"], Auxiliary]:
        labels = self.labels(context, task, x)
        x = self.attend(x, context, place)
        if place.is_last and context.wanted is not None:
            labels = labels[context.wanted]
        out, auxiliary = self.feed_forward(self.feed_forward_norm(x), labels)
        return x + out, auxiliary

    def labels(self, context: Context, task: Task, x: Float[Tensor, "b n d"]) -> Int[Tensor, "t"]:
        """The group that supervision wants for each of all tokens: the task's."""
        return x.new_full((x.shape[0] * x.shape[1],), TASKS.index(task), dtype=torch.long)


class TaskMoE(Trunk):
    block_class = TaskMoEBlock

    def __init__(self, config: TaskMoEConfig) -> None:
        super().__init__()
        self.config, self.routing = config.trunk, config
        self.layers = nn.ModuleList(self.block_class(config) for _ in range(config.trunk.depth))
        self.norm = RMSNorm(config.trunk.width, config.trunk.norm_epsilon)

    def start_from(self, name: str, shared: dict[str, Tensor]) -> Tensor | None:
        """Experts start as slices of the dense feed-forward: shared ones first, then one a choice.

        A gate is about 1 / top_k at the start, so the down projection is scaled by top_k; with one
        choice and no shared expert an expert is the dense feed-forward itself. Routers and alpha
        are the arm's own (None).
        """
        if "router" in name or name.endswith("alpha"):
            return None
        layer, _, part = name.partition(".feed_forward.")
        if not part:
            return shared[name]
        width, fixed = self.routing.expert_width, self.routing.shared_experts
        owner, matrix = part.rsplit(".", 2)[0], ".".join(part.rsplit(".", 2)[1:])
        dense = shared[f"{layer}.feed_forward.{matrix}"]
        axis = 1 if matrix.startswith("down") else 0
        if owner == "shared":
            return dense.narrow(axis, 0, width * fixed)
        index = int(owner.removeprefix("experts.")) % self.routing.experts % self.routing.top_k
        piece = dense.narrow(axis, width * (fixed + index), width)
        return piece * self.routing.top_k if axis else piece


class TaskMoEModule(TokenModule):
    trunk_class = TaskMoE


ARCHITECTURE = Architecture(TaskMoEConfig, TaskMoEModule)
