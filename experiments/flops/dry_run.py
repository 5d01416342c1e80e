"""Counts what a step costs without paying for it: products and random draws give zeros.

FLOPs and memory follow from shapes alone. Shapes follow from tokens, which are real; where routing
decides on them, all tokens go one way.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, ops
from torch.utils._python_dispatch import TorchDispatchMode

aten = ops.aten


class DryRun(TorchDispatchMode):
    """Modules may be built and stepped inside; nothing that they compute means anything."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        substitute = SUBSTITUTES.get(func.overloadpacket)
        return substitute(*args) if substitute else func(*args, **(kwargs or {}))


def product(first: Tensor, second: Tensor) -> Tensor:
    return first.new_zeros(*first.shape[:-1], second.shape[-1])


def added_product(start: Tensor, first: Tensor, second: Tensor) -> Tensor:
    return product(first, second)


def untouched(start: Tensor, *_: Any) -> Tensor:
    return start


def cleared(tensor: Tensor, *_: Any) -> Tensor:
    return tensor.zero_()


SUBSTITUTES: dict[Any, Callable[..., Tensor]] = {
    aten.mm: product,
    aten.bmm: product,
    aten.addmm: added_product,
    aten.baddbmm: added_product,
    aten.baddbmm_: untouched,
    aten.randn: torch.zeros,
    aten.normal_: cleared,
    aten.uniform_: cleared,
}
