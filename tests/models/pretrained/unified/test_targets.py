"""The published table, layer by layer."""

import pytest

from models.interaction_loss import InteractionConfig
from models.pretrained.unified.targets import targets, thresholds

PUBLISHED = InteractionConfig(understand_weight=1.0, generate_weight=1.0)


def test_janus_of_30_layers_has_the_papers_table() -> None:
    assert targets(PUBLISHED, "generate", 30) == [0.4] * 25 + [0.2] * 5
    assert targets(PUBLISHED, "understand", 30) == [0.1] * 10 + [0.15] * 10 + [0.3] * 10
    assert thresholds(PUBLISHED, "generate", 30) == [0.2] * 10 + [0.1] * 15 + [0.05] * 5
    assert thresholds(PUBLISHED, "understand", 30) == [0.05] * 30


def test_emu3_of_32_layers_has_the_papers_table_with_its_last_layer_alone() -> None:
    assert targets(PUBLISHED, "generate", 32) == [0.4] * 25 + [0.2] * 7
    understand = [0.1] * 10 + [0.15] * 10 + [0.3] * 11 + [0.2]
    assert targets(PUBLISHED, "understand", 32) == understand
    assert thresholds(PUBLISHED, "generate", 32) == [0.2] * 10 + [0.1] * 15 + [0.05] * 7
    assert thresholds(PUBLISHED, "understand", 32) == [0.05] * 32


def test_another_depth_takes_the_stages_by_relative_depth() -> None:
    assert targets(PUBLISHED, "understand", 24) == [0.1] * 8 + [0.15] * 8 + [0.3] * 8


def test_swapped_targets_keep_their_thresholds() -> None:
    swapped = InteractionConfig(understand_weight=1.0, swapped=True)
    assert targets(swapped, "understand", 32) == targets(PUBLISHED, "generate", 32)
    assert thresholds(swapped, "understand", 32) == thresholds(PUBLISHED, "understand", 32)


def test_a_curve_of_another_length_is_refused_by_name() -> None:
    given = InteractionConfig(targets="values", generate_values=[0.1, 0.2])
    with pytest.raises(ValueError, match=r"generate_values must hold one value a layer.*got 2"):
        targets(given, "generate", 3)
    with pytest.raises(ValueError, match="understand_values must hold"):
        targets(given, "understand", 3)


def test_own_values_and_one_threshold_for_all_layers() -> None:
    given = InteractionConfig(targets="values", generate_values=[0.1, 0.2], delta=1.5)
    assert targets(given, "generate", 2) == [0.1, 0.2]
    assert thresholds(given, "generate", 2) == [1.5, 1.5]
