"""The inside of a token model, layer by layer, through hooks that exist while somebody looks.

A model that nobody looks at runs the code that it always runs: nothing here is called by it. The
attention of a layer is computed once more from its queries and keys, because the layer itself keeps
no map.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from einops import repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models import Task
from models.batch import Sequences
from models.causal_attention import causal_mask
from models.context import Context
from models.fused import rotary
from models.text_tokens import SPECIAL
from models.unified import UnifiedModel

Hook = Callable[[int, Any, tuple, Any], None]
"""Called with a layer's number, a module of it, and what went in and came out."""
NUMBER = re.compile(r"\.\d+\.")


@runtime_checkable
class Router(Protocol):
    """A feed-forward that sends tokens `[t d]` to experts; `route` says which. Its submodule
    `experts` holds those of the first task, then as many of the second."""

    def route(self, x: Tensor) -> Any: ...


@runtime_checkable
class Projecting(Protocol):
    """Attention that gives queries, keys and values before they are rotated."""

    def project(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]: ...


@contextmanager
def hooked(parts: Sequence[nn.Module], hook: Hook) -> Iterator[None]:
    """Calls `hook` after each of `parts`, one a layer, while the context lasts."""
    with ExitStack() as stack:
        for layer, part in enumerate(parts):
            handle = part.register_forward_hook(
                lambda module, given, made, layer=layer: hook(layer, module, given, made)
            )
            stack.callback(handle.remove)
        yield


@torch.no_grad()
def mean_states(
    model: UnifiedModel, tokens: Int[Tensor, "b n"], task: Task, chosen: Bool[Tensor, "b n"]
) -> Float[Tensor, "depth b d"]:
    """What each layer gives out, averaged over the `chosen` positions of each sequence."""
    layers, _ = model.trunk.path(task)
    shares = chosen / chosen.sum(1, keepdim=True)
    found: dict[int, Tensor] = {}

    def keep(layer: int, module: Any, given: tuple, made: Any) -> None:
        found[layer] = torch.einsum("bnd,bn->bd", made[0].float(), shares)

    with hooked(layers, keep):
        model(tokens, task)
    return torch.stack([found[layer] for layer in range(len(layers))])


@dataclass(frozen=True)
class Roles:
    """Which positions ask, and which are asked about."""

    queries: Bool[Tensor, "b n"]
    keys: Bool[Tensor, "b n"]

    def uniform(self) -> Float[Tensor, "b"]:
        """The mass on the keys if each position looked at itself and all earlier ones alike."""
        seen = self.keys.cumsum(1) / torch.arange(
            1, self.keys.shape[1] + 1, device=self.keys.device
        )
        return (seen * self.queries).sum(1) / self.queries.sum(1)


def roles(sequences: Sequences, task: Task, text: int) -> Roles:
    """Who asks: each position that predicts a target. Asked about: words of the caption, or the
    image; ids from `text` on are image codes."""
    tokens, predicted = sequences["tokens"], sequences["predicted"]
    is_image = tokens >= text
    before_target = torch.cat((predicted[:, 1:], torch.zeros_like(predicted[:, :1])), dim=1)
    if task == "understand":
        return Roles(before_target & ~is_image, is_image)
    return Roles(before_target & is_image, (tokens >= len(SPECIAL)) & ~is_image)


@torch.no_grad()
def attention_masses(
    model: UnifiedModel, tokens: Int[Tensor, "b n"], task: Task, marked: Roles
) -> Float[Tensor, "depth b h"]:
    """Each head's attention from the queries to the keys, mean over a sequence's queries."""
    layers, _ = model.trunk.path(task)
    found: dict[int, Tensor] = {}

    def keep(layer: int, module: Any, given: tuple, made: Any) -> None:
        found[layer] = masses(attention_map(module, *given[:2]), marked)

    with hooked([layer.get_submodule("attention") for layer in layers], keep):
        model(tokens, task)
    return torch.stack([found[layer] for layer in range(len(layers))])


def masses(probabilities: Float[Tensor, "b h n n"], marked: Roles) -> Float[Tensor, "b h"]:
    """The share of the queries' attention that falls on the keys."""
    on_keys = torch.einsum("bhnm,bm->bhn", probabilities, marked.keys.float())
    shares = marked.queries / marked.queries.sum(1, keepdim=True)
    return torch.einsum("bhn,bn->bh", on_keys, shares)


def attention_map(
    attention: Projecting, x: Float[Tensor, "b n d"], context: Context
) -> Float[Tensor, "b h n n"]:
    """Causal attention probabilities of a layer, in fp32, from its own queries and keys."""
    query, key, _ = attention.project(x, context)
    query = rotary(query, context.cosine, context.sine).float()
    key = rotary(key, context.cosine, context.sine).float()
    key = repeat(key, "b m g c -> b m (g r) c", r=query.shape[2] // key.shape[2])
    logits = torch.einsum("bnhc,bmhc->bhnm", query, key) * query.shape[-1] ** -0.5
    return (logits + causal_mask(x.shape[1], x.device, logits.dtype)).softmax(-1)


@torch.no_grad()
def expert_choices(
    model: UnifiedModel, tokens: Int[Tensor, "b n"], task: Task
) -> Int[Tensor, "depth t k"] | None:
    """The experts that each token chose, sequences end to end; None where nothing is routed."""
    layers, _ = model.trunk.path(task)
    forwards = [layer.get_submodule("feed_forward") for layer in layers]
    if not all(isinstance(forward, Router) for forward in forwards):
        return None
    found: dict[int, Tensor] = {}

    def keep(layer: int, module: Any, given: tuple, made: Any) -> None:
        found[layer] = module.route(given[0].flatten(0, -2)).choice

    with hooked(forwards, keep):
        model(tokens, task)
    return torch.stack([found[layer] for layer in range(len(layers))])


@dataclass(frozen=True)
class MatrixGradient:
    """The gradient of one matrix of layer `layer`, counted from 0 along the task's path."""

    layer: int
    projection: str
    slope: Tensor


def layer_gradients(
    model: UnifiedModel, sequences: Sequences, task: Task
) -> dict[str, MatrixGradient]:
    """Gradients of the task's own loss in the matrices of its layers, by the trunk's names.

    What an arm adds to it, such as a router's supervision by the task, is no pull of the task. A
    projection is a matrix's name in its layer; all experts' are one. A frozen matrix is left out;
    one that the sequences do not reach has zeros. The parameters' own gradients stay as they are.
    """
    names = {id(parameter): name for name, parameter in model.trunk.named_parameters()}
    layers, _ = model.trunk.path(task)
    matrices = [
        (index, name, parameter)
        for index, layer in enumerate(layers)
        for name, parameter in layer.named_parameters()
        if parameter.dim() == 2 and parameter.requires_grad
    ]
    loss = model.losses(sequences, task)["loss"]
    slopes = torch.autograd.grad(
        loss, [parameter for *_, parameter in matrices], allow_unused=True, materialize_grads=True
    )
    return {
        names[id(parameter)]: MatrixGradient(index, projection(name), slope)
        for (index, name, parameter), slope in zip(matrices, slopes, strict=True)
    }


def projection(name: str) -> str:
    """`attention.query` of `attention.query.weight`; an expert's number is left out."""
    return NUMBER.sub(".", name.removesuffix(".weight"))
