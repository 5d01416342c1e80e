"""AIA's targets and thresholds by layer, for models of the published depths and of others.

The paper's table (arXiv 2511.22663) counts layers of a model of 30; for Emu3, which has 32, the
fourth stage ends a layer later, and the layer that is left is a stage of its own. Any other depth
takes the stages by relative depth (`models/interaction_loss.py`), which is the table at 30.
"""

from models import TASKS, Task
from models.interaction_loss import DELTAS, PUBLISHED, InteractionConfig, stages, target_curve

EMU3_DEPTH = 32
EMU3_STAGES = [0] * 10 + [1] * 10 + [2] * 5 + [3] * 6 + [4]
LAST_TARGET, LAST_DELTA = 0.2, 0.05
"""Of the layer beyond the fourth stage, for both tasks."""


def stages_of(depth: int) -> list[int]:
    """The stage of each layer, counted from 0."""
    return EMU3_STAGES if depth == EMU3_DEPTH else stages(depth)


def targets(config: InteractionConfig, task: Task, depth: int) -> list[float]:
    """A target for each layer. Raises ValueError for a curve of another length, and for targets
    from controls: a published model has none."""
    if config.targets != "published":
        return target_curve(config, task, depth)
    source = TASKS[1 - TASKS.index(task)] if config.swapped else task
    return [(*PUBLISHED[source], LAST_TARGET)[stage] for stage in stages_of(depth)]


def thresholds(config: InteractionConfig, task: Task, depth: int) -> list[float]:
    """The Huber threshold of each layer."""
    return [config.delta or (*DELTAS[task], LAST_DELTA)[stage] for stage in stages_of(depth)]
