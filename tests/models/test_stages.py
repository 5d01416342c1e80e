"""The recipe of stages: what a stage starts from, and what it leaves untrained."""

import copy
from dataclasses import replace

import pytest
import torch

from models.batch import Batch
from models.training import TrainConfig, build_optimizer
from models.unified import Vocabulary
from tests.models.conftest import TRAIN, build, gradients


def test_frozen_attention_stays_bit_identical_and_all_else_is_trained(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    module = build("task_moe", vocabulary, train=replace(TRAIN, frozen="attention"))
    before = copy.deepcopy(module.state_dict())
    optimizer = build_optimizer(module, module.train_config)
    found = gradients(module, batch)
    optimizer.step()
    frozen = {name for name in before if ".attention" in name}
    assert len(frozen) == len(module.model.trunk.layers) * 7  # 4 matrices, 2 head scales, a norm
    assert frozen.isdisjoint(found)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]) == (name not in found), name


def test_a_stage_takes_all_that_the_trained_control_has(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    trained = build("shared", vocabulary)
    generator = torch.Generator().manual_seed(7)
    for parameter in trained.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    whole = build("task_moe", vocabulary, experts=1, top_k=1, shared_experts=0)
    whole.start_from_shared(trained)
    for task in ("understand", "generate"):
        losses = [
            module.model.losses(batch[task], task)["loss"].detach() for module in (whole, trained)
        ]
        assert torch.equal(*losses)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stage": 1}, r"train\.stage must lie in \[0, train\.stages=1\), got 1"),
        ({"frozen": "norms"}, r"train\.frozen must be none or attention, got 'norms'"),
    ],
)
def test_a_stage_that_makes_no_sense_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**fields)


def test_alpha_stays_one_where_mixing_is_fixed(vocabulary: Vocabulary, batch: Batch) -> None:
    learnt, fixed = (build("task_moe", vocabulary, mixing=one) for one in ("learnt", "fixed"))
    names = [n for n, _ in fixed.named_parameters() if n.endswith("alpha")]
    assert names
    assert set(names) <= set(gradients(learnt, batch))
    assert set(names).isdisjoint(gradients(fixed, batch))
