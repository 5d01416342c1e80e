"""Who gets gradient from which task, and that a step moves nothing else."""

import copy

import torch

from models.batch import Batch
from models.image_tokens import ImageTokenizer
from models.training import build_optimizer
from models.unified import Vocabulary
from tests.models.conftest import TRUNK, build, build_bridge, gradients


def test_no_gradient_of_one_task_reaches_the_other_branch_of_a_fork(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    module = build("unifork", vocabulary, fork_at=1)
    understand = gradients(module, {"understand": batch["understand"]})
    generate = gradients(module, {"generate": batch["generate"]})
    branch = {n for n, _ in module.named_parameters() if "generate_" in n}
    own = {n for n, _ in module.named_parameters() if "layers.1" in n or "layers.2" in n} - branch
    assert branch
    assert branch.isdisjoint(understand)
    assert branch <= set(generate)
    assert own.isdisjoint(generate)
    assert own <= set(understand)
    assert {n for n in understand if "trunk.layers.0" in n} == {
        n for n in generate if "trunk.layers.0" in n
    }


def test_an_expert_gets_gradient_from_the_tokens_routed_to_it_alone(
    vocabulary: Vocabulary,
) -> None:
    module = build("task_moe", vocabulary).model.trunk.layers[0].feed_forward
    tokens = torch.randn(60, TRUNK.width, generator=torch.Generator().manual_seed(0))
    out, _ = module(tokens, torch.zeros(60, dtype=torch.long))
    choice = module.route(tokens).choice
    for index, expert in enumerate(module.experts):
        own = (choice == index).any(1)
        assert 0 < own.sum() < 60
        for rows, is_reached in ((own, True), (~own, False)):
            slopes = torch.autograd.grad(
                out[rows].sum(), list(expert.parameters()), retain_graph=True
            )
            assert [bool(slope.any()) for slope in slopes] == [is_reached] * len(slopes)


def test_every_router_gets_gradient(vocabulary: Vocabulary, batch: Batch) -> None:
    module = build("task_moe", vocabulary)
    found = gradients(module, batch)
    routers = [name for name in found if "router" in name]
    assert len(routers) == 2 * len(module.model.trunk.layers)
    assert all(found[name].abs().sum() > 0 for name in routers)


def test_the_frozen_model_of_a_bridge_gets_no_gradient_and_does_not_train(
    vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch
) -> None:
    module = build_bridge(vocabulary, codec).train()
    found = gradients(module, batch)
    assert not any("language_model" in name for name in found)
    assert {"model.queries"} < set(found)
    assert not module.model.language_model.training


def test_a_parameter_without_gradient_is_not_decayed(vocabulary: Vocabulary, batch: Batch) -> None:
    module = build("unifork", vocabulary, fork_at=1)
    before = copy.deepcopy(module.state_dict())
    optimizer = build_optimizer(module, module.train_config)
    found = gradients(module, {"understand": batch["understand"]})
    optimizer.step()
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]) == (name not in found), name


def test_muon_takes_the_matrices_of_blocks_and_nothing_else(vocabulary: Vocabulary) -> None:
    module = build("task_moe", vocabulary)
    optimizer = build_optimizer(module, module.train_config)
    names = {id(p): n for n, p in module.named_parameters()}
    muon, adamw = (
        {names[id(p)] for group in part.param_groups for p in group["params"]}
        for part in optimizer.parts
    )
    assert muon | adamw == set(names.values())
    assert all(n.endswith("weight") and ".layers." in n and "router" not in n for n in muon)
    assert {n for n in adamw if ".layers." in n} == {
        n
        for n in names.values()
        if ".layers." in n and ("norm" in n or "router" in n or "alpha" in n)
    }
