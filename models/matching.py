"""What an architecture costs: the parameters that a token of a task meets."""

from models import Task
from models.task_moe import TaskExperts
from models.unified import UnifiedModel


def active_parameters(model: UnifiedModel, task: Task) -> int:
    """Parameters that a token of `task` meets: its path through the trunk, embeddings, its head.

    Of an expert group a token meets `top_k` experts; of a fork it meets its own branch.
    """
    heads = {"understand": model.image_head, "generate": model.text_head}
    unused = {id(p) for p in heads[task].parameters()}
    unused |= {id(p) for p in skipped_by(model, task)}
    met = sum(p.numel() for p in model.parameters() if id(p) not in unused)
    return met - sum(idle_expert_parameters(part) for part in model.modules())


def skipped_by(model: UnifiedModel, task: Task) -> list:
    """Trunk parameters that are not on the path of `task`."""
    layers, norm = model.trunk.path(task)
    on_path = {id(p) for part in (*layers, norm) for p in part.parameters()}
    return [p for p in model.trunk.parameters() if id(p) not in on_path]


def idle_expert_parameters(part: object) -> int:
    """Parameters of the experts that a token does not choose."""
    if not isinstance(part, TaskExperts):
        return 0
    size = sum(p.numel() for p in part.experts[0].parameters())
    return size * (len(part.experts) - part.config.top_k)
