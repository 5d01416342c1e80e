"""PyTorch's FLOP counter, with what it leaves out or counts wrong on our models."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, baddbmm_flop, conv_flop_count


def flop_counter() -> FlopCounterMode:
    """Counts matrix products, convolutions and attention.

    It does not know the product in place, by which our attention adds up the gradients of keys and
    values (models/causal_attention.py); and it takes the gradient of a convolution's weights to
    join all of its groups, which makes Sana's, one channel a group, five times as dear as they are.
    """
    own = {
        torch.ops.aten.baddbmm_: product_flops,
        torch.ops.aten.convolution_backward: gradient_flops,
    }
    return FlopCounterMode(display=False, custom_mapping=own)


def product_flops(total: Any, first: Any, second: Any, **named: Any) -> int:
    """Of matrices `first` and `second`, a batch of each, added to `total`."""
    return baddbmm_flop(total, first, second)


def gradient_flops(grad: Any, given: Any, weights: Any, *rest: Any, **named: Any) -> int:
    """As many as forward for each gradient that is asked for, of inputs and of weights."""
    *_, transposed, _padding, _groups, wanted = rest[:8]
    return conv_flop_count(given, weights, grad, transposed) * sum(wanted[:2])
