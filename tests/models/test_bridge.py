"""The laws of the bridge's fields: what each leaves untouched, and where two are the same."""

import copy
from dataclasses import replace

import pytest
import torch

from models.batch import Batch
from models.connector import Connector
from models.context import causal_context
from models.flow_matching import Conditions, velocity
from models.frozen_bridge import FrozenBridgeConfig
from models.image_tokens import ImageTokenizer
from models.training import build_optimizer
from models.unified import Vocabulary
from tests.models.conftest import TRAIN, TRUNK, build_bridge, gradients

PROMPT, LENGTHS = torch.tensor([[1, 9, 10, 11], [1, 12, 0, 0]]), torch.tensor([4, 2])


def test_the_default_is_the_bridge_of_the_first_suite() -> None:
    """Learnable queries, Enc-Proj, all of the language model frozen, the decoder trained."""
    config = FrozenBridgeConfig()
    assert (config.conditions, config.queries) == ("queries", 16)
    assert (config.connector, config.connector_depth) == ("enc_proj", 2)
    assert (config.language_model, config.decoder) == ("frozen", "tuned")
    assert (config.decoder_depth, config.decoder_heads, config.decoder_head_width) == (5, 4, 32)


def after_a_step(module, batch: Batch) -> tuple[dict[str, torch.Tensor], set[str]]:
    """The state before a step, and the names of what the step changed."""
    before = copy.deepcopy(module.state_dict())
    optimizer = build_optimizer(module, module.train_config)
    gradients(module, batch)
    optimizer.step()
    changed = {n for n, value in module.state_dict().items() if not torch.equal(value, before[n])}
    return before, changed


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, ("language_model",)),
        ({"conditions": "random_queries"}, ("language_model", "queries")),
        ({"conditions": "last_layer"}, ("language_model",)),
        ({"decoder": "frozen"}, ("language_model", "decoder")),
        ({"decoder": "frozen", "language_model": "tuned"}, ("decoder",)),
    ],
)
def test_what_is_frozen_stays_bit_identical_and_the_rest_learns(
    vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch, fields: dict, kept: tuple
) -> None:
    module = build_bridge(vocabulary, codec, **fields).train()
    before, changed = after_a_step(module, batch)
    parts = {name.split(".")[1] for name in before}
    assert {name.split(".")[1] for name in changed} == parts - set(kept)


def test_a_tuned_language_model_learns_words_and_trunk_but_neither_heads_nor_image_tokens(
    vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch
) -> None:
    module = build_bridge(vocabulary, codec, language_model="tuned").train()
    _, changed = after_a_step(module, batch)
    own = {name.partition("language_model.")[2] for name in changed if "language_model" in name}
    trunk = {f"trunk.{name}" for name, _ in module.model.language_model.trunk.named_parameters()}
    assert own == trunk | {"embedding.text.weight"}


@pytest.mark.parametrize("conditions", ["queries", "last_layer"])
def test_a_tuned_language_model_starts_as_the_frozen_one(
    vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch, conditions: str
) -> None:
    frozen, tuned = (
        build_bridge(vocabulary, codec, language_model=kind, conditions=conditions)
        for kind in ("frozen", "tuned")
    )
    assert torch.equal(frozen.training_step(batch, 0), tuned.training_step(batch, 0))


def test_a_gradient_of_a_tuned_model_passes_through_the_prompts_keys_and_values(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    """As it does in one uncached pass over prompt and queries."""
    bridge = build_bridge(vocabulary, codec, language_model="tuned").model
    words = bridge.language_model.embedding.text.weight
    prompt, lengths = PROMPT[:1], LENGTHS[:1]
    cached = bridge.conditions(prompt, lengths).states.sum()
    (found,) = torch.autograd.grad(cached, words)
    states = torch.cat((bridge.language_model.embed(prompt), bridge.queries[None]), dim=1)
    context = causal_context(states, TRUNK)
    whole = bridge.language_model.trunk(states, context, "understand").states[:, 4:]
    (expected,) = torch.autograd.grad(bridge.connector(whole).sum(), words)
    assert found[9].abs().sum() > 0
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_random_queries_are_those_that_learnable_ones_start_from(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    learnable, random = (
        build_bridge(vocabulary, codec, conditions=kind) for kind in ("queries", "random_queries")
    )
    assert random.model.queries.abs().sum() > 0
    assert torch.equal(learnable.model.queries, random.model.queries)


def test_more_queries_leave_the_conditions_of_the_earlier_ones_to_the_connector_alone(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    """Queries are causal: without the connector's blocks, the first do not see later ones."""
    few, many = (
        build_bridge(vocabulary, codec, queries=count, connector_depth=0) for count in (2, 6)
    )
    many.model.queries.data[:2] = few.model.queries.data
    with torch.no_grad():
        one, other = (module.model.conditions(PROMPT, LENGTHS).states for module in (few, many))
    assert other.shape[1] == 6
    torch.testing.assert_close(one, other[:, :2])


def test_last_layer_conditions_are_the_prompts_own_last_states_as_many_as_tokens(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    bridge = build_bridge(vocabulary, codec, conditions="last_layer", connector_depth=0).model
    assert bridge.queries is None
    with torch.no_grad():
        found = bridge.conditions(PROMPT, LENGTHS)
        states = bridge.language_model(PROMPT, "understand").states
        expected = bridge.connector.norm(bridge.connector.projection(states))
    assert found.kept is not None
    assert found.kept.tolist() == [[True] * 4, [True, True, False, False]]
    torch.testing.assert_close(found.states, expected)


def test_what_is_drawn_of_last_states_does_not_see_pads(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    bridge = build_bridge(vocabulary, codec, conditions="last_layer").eval().model
    noise = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    longer = torch.tensor([[1, 12, 0, 0, 0, 0]])
    with torch.no_grad():
        plain, padded = (
            velocity_of(bridge, noise, bridge.conditions(prompt, LENGTHS[1:]))
            for prompt in (longer[:, :2], longer)
        )
    torch.testing.assert_close(plain, padded, rtol=0, atol=1e-5)


def velocity_of(bridge, noise: torch.Tensor, conditions: Conditions) -> torch.Tensor:
    return velocity(bridge.decoder, noise, torch.tensor([0.5]), conditions)


def test_without_blocks_both_orders_of_the_connector_are_one_projection(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    orders = [
        build_bridge(vocabulary, codec, connector=order, connector_depth=0).model.connector
        for order in ("enc_proj", "proj_enc")
    ]
    states = torch.randn(2, 3, TRUNK.width, generator=torch.Generator().manual_seed(2))
    assert torch.equal(orders[0](states), orders[1](states))


@pytest.mark.parametrize("depth", [1, 3])
def test_at_equal_depth_the_orders_encode_at_the_width_of_their_side(
    vocabulary: Vocabulary, codec: ImageTokenizer, depth: int
) -> None:
    sizes = {"decoder_heads": 4, "connector_depth": depth}  # a decoder of twice the trunk's width
    for order, width in (("enc_proj", TRUNK.width), ("proj_enc", 2 * TRUNK.width)):
        connector = build_bridge(vocabulary, codec, connector=order, **sizes).model.connector
        assert [layer.attention.query.in_features for layer in connector.layers] == [width] * depth
        assert connector(torch.zeros(1, 5, TRUNK.width)).shape == (1, 5, 2 * TRUNK.width)


@pytest.mark.parametrize(("width", "heads"), [(8, 1), (32, 2), (52, 2), (64, 4)])
def test_a_connector_takes_heads_of_at_least_the_trunks_width_that_divide_its_own(
    width: int, heads: int
) -> None:
    connector = Connector(TRUNK, width, "proj_enc", 1)
    assert TRUNK.head_width == 16
    assert connector.config.heads == heads
    assert connector(torch.zeros(1, 5, TRUNK.width)).shape == (1, 5, width)


@pytest.mark.parametrize("fields", [{"generate_weight": 0.0}, {"generate_batch": 0}])
def test_a_bridge_refuses_to_train_without_drawing(
    fields: dict, vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    with pytest.raises(ValueError, match=r"train\.generate_batch must be above 0 for a bridge"):
        build_bridge(vocabulary, codec, train=replace(TRAIN, **fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"queries": 0}, r"model\.queries must be at least 1, got 0"),
        ({"decoder_head_width": 0}, r"model\.decoder_head_width must be at least 1, got 0"),
        ({"decoder_heads": 3, "decoder_head_width": 2}, r"must be a multiple of 4, got 6"),
        ({"connector_depth": -1}, r"model\.connector_depth must be at least 0, got -1"),
        ({"conditions": "first_layer"}, r"model\.conditions must be one of .*, got 'first_layer'"),
        ({"language_model": "thawed"}, r"model\.language_model must be one of .*, got 'thawed'"),
        ({"decoder": "thawed"}, r"model\.decoder must be one of .*, got 'thawed'"),
    ],
)
def test_a_bridge_refuses_values_outside_its_rules(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrozenBridgeConfig(**fields)
