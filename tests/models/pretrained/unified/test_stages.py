"""The published table, layer by layer."""

from models import Task
from models.interaction_loss import InteractionConfig, target_curve, thresholds
from models.pretrained.unified.stages import published_stages

PUBLISHED = InteractionConfig(understand_weight=1.0, generate_weight=1.0)


def targets(task: Task, depth: int) -> list[float]:
    return target_curve(PUBLISHED, task, published_stages(depth))


def deltas(task: Task, depth: int) -> list[float]:
    return thresholds(PUBLISHED, task, published_stages(depth))


def test_janus_of_30_layers_has_the_papers_table() -> None:
    assert targets("generate", 30) == [0.4] * 25 + [0.2] * 5
    assert targets("understand", 30) == [0.1] * 10 + [0.15] * 10 + [0.3] * 10
    assert deltas("generate", 30) == [0.2] * 10 + [0.1] * 15 + [0.05] * 5
    assert deltas("understand", 30) == [0.05] * 30


def test_emu3_of_32_layers_has_the_papers_table_with_its_last_layer_alone() -> None:
    assert targets("generate", 32) == [0.4] * 25 + [0.2] * 7
    assert targets("understand", 32) == [0.1] * 10 + [0.15] * 10 + [0.3] * 11 + [0.2]
    assert deltas("generate", 32) == [0.2] * 10 + [0.1] * 15 + [0.05] * 7
    assert deltas("understand", 32) == [0.05] * 32


def test_another_depth_takes_the_stages_by_relative_depth() -> None:
    assert targets("understand", 24) == [0.1] * 8 + [0.15] * 8 + [0.3] * 8


def test_a_layer_is_of_the_stage_in_which_its_middle_lies() -> None:
    assert targets("understand", 4) == [0.1, 0.15, 0.15, 0.3]
    assert targets("generate", 4) == [0.4, 0.4, 0.4, 0.2]
