"""FLOPs of a training step, counted before it is trained."""

from torch import Tensor

from experiments.flops.counter import flop_counter
from experiments.flops.dry_run import DryRun
from models.batch import Batch, Sequences
from models.module import UnifiedModule

WHOLE_TOKENS = 16_384
"""A batch of so many tokens or fewer is counted whole, as it runs."""
PART_TOKENS = 2_048
"""Of the smaller of the two parts that stand for a larger batch."""


def batch_flops(module: UnifiedModule, batch: Batch) -> int:
    """FLOPs of one step on `batch`, forward and backward.

    Counting runs the step once, on the CPU and in one process. A batch for a GPU, or for many, is
    therefore counted on each task's line through two parts of it, and not multiplied out.
    """
    if sum(part["tokens"].numel() for part in batch.values()) <= WHOLE_TOKENS:
        return step_flops(module, batch)
    with DryRun():
        return sum(task_flops(module, task, part) for task, part in batch.items())


def task_flops(module: UnifiedModule, task: str, part: Sequences) -> int:
    """FLOPs of a task's sequences, on the line through a few of them and twice as many."""
    count, length = part["tokens"].shape
    few = max(1, PART_TOKENS // length)
    if count <= 2 * few:
        return step_flops(module, {task: part})
    low, high = (step_flops(module, {task: first(part, size)}) for size in (few, 2 * few))
    return round(low + (high - low) * (count / few - 1))


def step_flops(module: UnifiedModule, batch: Batch) -> int:
    """FLOPs of one step on `batch`, counted as it runs."""
    with flop_counter() as counter:
        module.training_step(batch, 0).backward()
    module.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def first(part: Sequences, size: int) -> dict[str, Tensor]:
    return {name: values[:size] for name, values in part.items()}
