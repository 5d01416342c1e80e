"""What keeps saved tensors from being a module's, in words."""

from collections.abc import Mapping

from torch import Tensor

Shape = tuple[int, ...]


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, Shape]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def tensor_faults(wanted: Mapping[str, Shape], found: Mapping[str, Shape]) -> list[str]:
    """Every missing, extra and misshapen tensor, in that order; nothing where they agree."""
    faults = [f"missing {name}" for name in wanted if name not in found]
    faults += [f"extra {name}" for name in found if name not in wanted]
    faults += [
        f"{name} of shape {found[name]} for {shape}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    return faults
