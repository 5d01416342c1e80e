"""The published stage of each layer, for models of AIA's depths and of others.

The paper's table (arXiv 2511.22663) counts layers of a model of 30; for Emu3, which has 32, the
fourth stage ends a layer later, and the layer that is left is a stage of its own. Any other depth
takes the stages by relative depth (`models/interaction_loss.py`), which is the table at 30.
"""

from models.interaction_loss import relative_stages

EMU3_STAGES = [0] * 10 + [1] * 10 + [2] * 5 + [3] * 6 + [4]


def published_stages(depth: int) -> list[int]:
    """Counted from 0."""
    return EMU3_STAGES if depth == len(EMU3_STAGES) else relative_stages(depth)
