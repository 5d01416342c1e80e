"""What keeps saved tensors from being a module's, in words."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

Shape = tuple[int, ...]
REPORTED = {"missing_keys": "missing", "unexpected_keys": "extra", "mismatched_keys": "misshapen"}


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


def reported_faults(about: Mapping[str, Any]) -> list[str]:
    """The same of what `from_pretrained` of diffusers or transformers reports as its loading info;
    a misshapen tensor comes by its name or with its shapes."""
    return [
        f"{word} {one if isinstance(one, str) else one[0]}"
        for key, word in REPORTED.items()
        for one in sorted(about.get(key, ()), key=str)
    ]
