"""What hooks see of a tiny model: states, masses, choices and gradients known otherwise."""

from dataclasses import replace

import pytest
import torch

from models import TASKS
from models.batch import Batch, prompt_tokens
from models.blocks import Attention
from models.context import causal_context
from models.inspection import (
    Roles,
    attention_map,
    attention_masses,
    expert_choices,
    layer_gradients,
    masses,
    mean_states,
    projection,
    roles,
)
from models.text_tokens import TextTokens
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, TRAIN, TRUNK, build


@pytest.mark.parametrize("name", TOKEN_ARMS)
def test_a_layers_mean_state_is_the_mean_of_what_it_gives_out(
    name: str, vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build(name, vocabulary).model
    for task, sequences in batch.items():
        tokens = sequences["tokens"]
        chosen = tokens >= vocabulary.text
        rows = chosen.any(1)
        found = mean_states(model, tokens[rows], task, chosen[rows])
        assert found.shape == (TRUNK.depth, int(rows.sum()), TRUNK.width)
        layers = model(tokens[rows], task).layers
        for layer, states in enumerate(layers):
            torch.testing.assert_close(found[layer, 0], states[0][chosen[rows][0]].mean(0))


def test_layers_that_are_copies_and_add_nothing_give_equal_states(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build("shared", vocabulary).model
    for name, parameter in model.trunk.named_parameters():
        if name.endswith(("output.weight", "down.weight")):
            torch.nn.init.zeros_(parameter)
    tokens = batch["generate"]["tokens"]
    found = mean_states(model, tokens, "generate", tokens >= vocabulary.text)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("name", TOKEN_ARMS)
def test_the_map_is_the_one_that_the_layer_attends_by(
    name: str, vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build(name, vocabulary).model
    tokens = batch["understand"]["tokens"]
    x = model.embed(tokens)
    everywhere = torch.ones_like(tokens, dtype=torch.bool)
    context = replace(causal_context(x, TRUNK), is_image=tokens >= vocabulary.text, coin=everywhere)
    attention = model.trunk.layers[1].get_submodule("attention")
    probabilities = attention_map(attention, x, context)
    query, key, value = attention.project(x, context)
    mixed = (probabilities @ value.transpose(1, 2)).transpose(1, 2).flatten(2)
    attended = Attention.mix(attention, query, key, value, context, None)  # it has no parameters
    torch.testing.assert_close(mixed, attended)


def test_a_hand_built_map_gives_a_known_mass() -> None:
    one_head = torch.tensor([[1.0, 0.0, 0.0], [0.3, 0.7, 0.0], [0.2, 0.5, 0.3]])
    other = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    marked = Roles(torch.tensor([[False, True, True]]), torch.tensor([[True, False, False]]))
    found = masses(torch.stack([one_head, other])[None], marked)
    assert found.tolist() == [[pytest.approx(0.25), pytest.approx(0.5)]]
    assert marked.uniform().tolist() == [pytest.approx((1 / 2 + 1 / 3) / 2)]


def test_heads_that_look_everywhere_alike_have_the_uniform_mass(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build("shared", vocabulary).model
    for layer in model.trunk.layers:
        torch.nn.init.zeros_(layer.get_submodule("attention.query").weight)
    for task, sequences in batch.items():
        rows = (sequences["tokens"] >= vocabulary.text).any(1) & ~sequences["prompt_dropped"]
        kept = {key: value[rows] for key, value in sequences.items()}
        marked = roles(kept, task, vocabulary.text)
        found = attention_masses(model, kept["tokens"], task, marked)
        expected = marked.uniform()[:, None].expand(-1, TRUNK.heads)
        for layer in found:
            torch.testing.assert_close(layer, expected)


def test_who_asks_is_who_predicts_and_who_is_asked_is_the_other_modality(
    vocabulary: Vocabulary, words: TextTokens, batch: Batch
) -> None:
    drawn = batch["generate"]
    marked = roles(drawn, "generate", vocabulary.text)
    opening = prompt_tokens(words, "a photo of a red cat")
    assert marked.keys[0].nonzero()[:, 0].tolist() == list(range(1, len(opening) - 1))
    image = (drawn["tokens"][0] >= vocabulary.text).nonzero()[:, 0].tolist()
    assert marked.queries[0].nonzero()[:, 0].tolist() == image[:-1]
    asked = batch["understand"]
    marked = roles(asked, "understand", vocabulary.text)
    assert torch.equal(marked.keys, asked["tokens"] >= vocabulary.text)
    targets = asked["predicted"][0].nonzero()[:, 0]
    assert marked.queries[0].nonzero()[:, 0].tolist() == (targets - 1).tolist()


def test_choices_are_those_of_the_router_and_absent_without_one(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build("task_moe", vocabulary).model
    tokens = batch["generate"]["tokens"]
    chosen = expert_choices(model, tokens, "generate")
    assert chosen is not None
    assert chosen.shape == (TRUNK.depth, tokens.numel(), 2)
    loads = [one["load"] for one in model(tokens, "generate").auxiliary]
    for layer, load in zip(chosen, loads, strict=True):
        torch.testing.assert_close(layer.flatten().bincount(minlength=8) / layer.numel(), load)
    assert expert_choices(build("unifork", vocabulary).model, tokens, "generate") is None


@pytest.mark.parametrize("name", TOKEN_ARMS)
def test_gradients_are_those_of_the_tasks_loss_and_leave_nothing_behind(
    name: str, vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build(name, vocabulary).model
    found = layer_gradients(model, batch["generate"], "generate")
    assert all(parameter.grad is None for parameter in model.parameters())
    model.losses(batch["generate"], "generate")["loss"].backward()
    parameters = dict(model.trunk.named_parameters())
    for path, gradient in found.items():
        expected = parameters[path].grad
        expected = torch.zeros_like(parameters[path]) if expected is None else expected
        assert torch.equal(gradient.slope, expected)
    assert {one.layer for one in found.values()} == set(range(TRUNK.depth))


def test_supervision_that_tells_the_tasks_apart_is_no_conflict_of_them(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build("task_moe", vocabulary).model
    found = layer_gradients(model, batch["generate"], "generate")
    routers = {
        one.projection: one.slope.any() for one in found.values() if "router" in one.projection
    }
    assert routers == {"feed_forward.group_router": False, "feed_forward.expert_router": True}


def test_a_frozen_matrix_has_no_gradient_to_look_at(vocabulary: Vocabulary, batch: Batch) -> None:
    frozen = build("task_moe", vocabulary, train=replace(TRAIN, frozen="attention")).model
    found = layer_gradients(frozen, batch["generate"], "generate")
    assert found
    assert not [path for path in found if ".attention." in path]


def test_a_forks_branch_stands_in_the_layer_of_its_path(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build("unifork", vocabulary, fork_at=2).model
    understand, generate = (layer_gradients(model, batch[task], task) for task in TASKS)
    shared = set(understand) & set(generate)
    assert {understand[path].layer for path in shared} == {0, 1}
    assert {generate[path].layer for path in set(generate) - shared} == {2}


def test_a_projection_is_named_without_its_layer_and_its_experts_number() -> None:
    assert projection("attention.query.weight") == "attention.query"
    assert projection("feed_forward.experts.3.gate.weight") == "feed_forward.experts.gate"


def test_nobody_looks_once_the_look_is_over(vocabulary: Vocabulary, batch: Batch) -> None:
    model = build("task_moe", vocabulary).model
    tokens = batch["generate"]["tokens"]
    expert_choices(model, tokens, "generate")
    mean_states(model, tokens, "generate", tokens >= vocabulary.text)
    assert not any(part._forward_hooks for part in model.modules())
