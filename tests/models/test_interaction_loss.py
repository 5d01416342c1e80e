"""Attention Interaction Alignment: which tokens count, the targets by layer, the loss itself."""

from dataclasses import replace

import pytest
import torch

from models import TASKS, attention_mass
from models.attention_mass import Watch
from models.batch import Batch, pack_understand, pad
from models.context import causal_context
from models.image_tokens import ImageTokenizer
from models.interaction_loss import (
    InteractionConfig,
    huber,
    interaction_values,
    relative_stages,
    target_curve,
    thresholds,
    watch,
)
from models.text_tokens import TextTokens
from models.unified import Vocabulary
from tests.models.conftest import (
    CODEC,
    TOKEN_ARMS,
    TRAIN,
    TRUNK,
    build,
    build_bridge,
    gradients,
    whole_map,
)

PATCHES = CODEC.tokens_per_image
ON = InteractionConfig(understand_weight=2.0, generate_weight=3.0)
SIX, THIRTY = relative_stages(6), relative_stages(30)


def test_drawing_asks_from_image_tokens_but_the_last_about_the_captions_words(
    batch: Batch, words: TextTokens
) -> None:
    found = watch(batch["generate"], "generate", len(words))
    caption = 6  # a photo of a red cat: after <generate>, before <image>
    assert found.keys[0].nonzero()[:, 0].tolist() == list(range(1, 1 + caption))
    first = 1 + caption + 1
    assert found.queries[0].nonzero()[:, 0].tolist() == list(range(first, first + PATCHES - 1))
    assert found.queries.sum(1).tolist() == [PATCHES - 1] * 3  # whatever the padding


def test_answering_asks_from_what_precedes_an_answers_words_about_the_image(
    batch: Batch, words: TextTokens
) -> None:
    found = watch(batch["understand"], "understand", len(words))
    assert found.keys[1].nonzero()[:, 0].tolist() == list(range(2, 2 + PATCHES))
    question = 2 + PATCHES + 1 + 5  # is there a dog ?
    assert found.queries[1].nonzero()[:, 0].tolist() == [question - 1, question]


def test_dropped_prompts_and_sequences_without_an_image_do_not_count(
    batch: Batch, words: TextTokens
) -> None:
    counted = {task: watch(batch[task], task, len(words)).counted.tolist() for task in TASKS}
    assert counted == {"generate": [True, True, False], "understand": [True, True, False]}
    kept = {**batch["generate"], "prompt_dropped": torch.tensor([True, False, False])}
    assert watch(kept, "generate", len(words)).counted.tolist() == [False, True, False]


def test_thirty_layers_have_the_published_targets_layer_by_layer() -> None:
    generate, understand = (target_curve(ON, task, THIRTY) for task in ("generate", "understand"))
    assert generate == [0.4] * 25 + [0.2] * 5
    assert understand == [0.1] * 10 + [0.15] * 10 + [0.3] * 10
    assert thresholds(ON, "generate", THIRTY) == [0.2] * 10 + [0.1] * 15 + [0.05] * 5


def test_six_layers_take_the_stage_that_their_middle_lies_in() -> None:
    assert target_curve(ON, "understand", SIX) == [0.1, 0.1, 0.15, 0.15, 0.3, 0.3]
    assert target_curve(ON, "generate", SIX) == [0.4, 0.4, 0.4, 0.4, 0.4, 0.2]


def test_swapped_targets_are_the_other_tasks_and_keep_their_own_thresholds() -> None:
    swapped = replace(ON, swapped=True)
    assert target_curve(swapped, "generate", SIX) == target_curve(ON, "understand", SIX)
    assert target_curve(swapped, "understand", SIX) == target_curve(ON, "generate", SIX)
    assert thresholds(swapped, "generate", SIX) == thresholds(ON, "generate", SIX)


def test_own_values_and_one_threshold_hold_whatever_the_stages() -> None:
    given = InteractionConfig(targets="values", generate_values=[0.1, 0.2], delta=1.5)
    assert target_curve(given, "generate", [0, 4]) == [0.1, 0.2]
    assert thresholds(given, "generate", [0, 4]) == [1.5, 1.5]


def test_the_loss_is_the_weighted_mean_of_huber_terms_over_what_counts() -> None:
    # Two layers, targets 0.5 and 0.25, threshold 0.1; the third sequence does not count.
    config = InteractionConfig(
        generate_weight=10.0, delta=0.1, targets="values", generate_values=[0.5, 0.25]
    )
    asks, asked = torch.ones(3, 4, dtype=torch.bool), torch.ones(3, 4, dtype=torch.bool)
    asked[2] = False
    layers = [torch.tensor([0.5, 0.9, 0.0]), torch.tensor([0.3, 0.25, 0.0])]
    found = interaction_values(config, "generate", Watch(asks, asked, layers), torch.tensor(2.0))
    # distances 0, 0.05 and 0.4, 0: 0.05^2 / 2 = 0.00125, and 0.1 * (0.4 - 0.05) = 0.035
    expected = 10 * ((0 + 0.00125) / 2 + (0.035 + 0) / 2) / 2
    assert found["interaction_loss"].item() == pytest.approx(expected, rel=1e-5)
    assert found["interaction_mass"].item() == pytest.approx((0.4 + 0.575) / 2, rel=1e-5)
    assert found["interaction_ratio"].item() == pytest.approx(expected / 2, rel=1e-5)


def test_a_threshold_of_one_is_half_the_squared_error() -> None:
    config = InteractionConfig(
        generate_weight=1.0, delta=1.0, targets="values", generate_values=[0.0]
    )
    all_of_it = torch.ones(1, 2, dtype=torch.bool)
    found = interaction_values(
        config, "generate", Watch(all_of_it, all_of_it, [torch.tensor([0.9])]), torch.tensor(1.0)
    )
    assert found["interaction_loss"].item() == pytest.approx(0.9**2 / 2)


@pytest.mark.parametrize("name", TOKEN_ARMS)
def test_the_loss_at_weight_zero_leaves_values_and_gradients_bit_identical(
    name: str, vocabulary: Vocabulary, batch: Batch
) -> None:
    plain, with_loss = build(name, vocabulary), build(name, vocabulary)
    for task in TASKS:
        mine = plain.model.losses(batch[task], task)
        its = with_loss.model.losses(batch[task], task, InteractionConfig())
        assert torch.equal(mine["loss"], its["loss"])
        mine["loss"].backward()
        (its["loss"] + its["interaction_loss"]).backward()
    for (label, one), other in zip(plain.named_parameters(), with_loss.parameters(), strict=True):
        same = other.grad is None if one.grad is None else torch.equal(one.grad, other.grad)
        assert same, label


def test_a_task_without_a_weight_is_not_watched(vocabulary: Vocabulary, batch: Batch) -> None:
    one_sided = replace(TRAIN, interaction=replace(ON, understand_weight=0.0))
    module = build("shared", vocabulary, train=one_sided)
    module.training_step(batch, 0)
    assert "train/generate/interaction_ratio" in module.values
    assert "train/understand/interaction_loss" not in module.values


def test_the_logged_ratio_is_that_of_the_two_terms_of_the_objective(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    module = build("shared", vocabulary, train=replace(TRAIN, interaction=ON))
    total = module.training_step(batch, 0).item()
    values = {name.removeprefix("train/"): value.item() for name, value in module.values.items()}
    terms = [values[f"{task}/{name}"] for task in TASKS for name in ("loss", "interaction_loss")]
    assert total == pytest.approx(sum(terms), rel=1e-5)
    for task in TASKS:
        ratio = values[f"{task}/interaction_loss"] / values[f"{task}/loss"]
        assert values[f"{task}/interaction_ratio"] == pytest.approx(ratio, rel=1e-5)
        assert ratio > 0


@pytest.mark.parametrize("name", TOKEN_ARMS)
def test_every_arm_watches_every_layer_and_gets_the_gradients_of_its_full_maps(
    name: str, vocabulary: Vocabulary, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = build(name, vocabulary, train=replace(TRAIN, interaction=ON))
    ours, mine = gradients(module, batch), dict(module.values)
    monkeypatch.setattr(attention_mass, "causal_attention_mass", whole_map)
    theirs = gradients(module, batch)
    assert mine["train/generate/interaction_loss"] > 0
    torch.testing.assert_close(module.values, mine, rtol=1e-5, atol=1e-6)
    assert set(ours) == set(theirs)
    for label, one in ours.items():
        torch.testing.assert_close(one, theirs[label], rtol=1e-4, atol=1e-6, msg=label)


def test_training_on_the_loss_alone_brings_the_masses_to_their_targets(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    targets = {"understand": [0.5, 0.3, 0.6], "generate": [0.6, 0.3, 0.5]}
    config = InteractionConfig(
        understand_weight=1.0,
        generate_weight=1.0,
        delta=1.0,
        targets="values",
        **{f"{task}_values": curve for task, curve in targets.items()},
    )
    model = build("shared", vocabulary).model
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(30):
        optimizer.zero_grad()
        values = [model.losses(batch[task], task, config) for task in TASKS]
        torch.stack([one["interaction_loss"] for one in values]).sum().backward()
        optimizer.step()
    for task, curve in targets.items():
        found = watch(batch[task], task, model.vocabulary.text)
        states = model.embed(batch[task]["tokens"][:, :-1])
        model.trunk(states, causal_context(states, TRUNK, watch=found), task)
        mean = torch.stack(found.masses)[:, found.counted].mean(1)
        torch.testing.assert_close(mean, torch.tensor(curve), rtol=0, atol=0.05)


def test_a_batch_in_which_nothing_counts_adds_nothing(
    vocabulary: Vocabulary, words: TextTokens
) -> None:
    module = build("shared", vocabulary)
    facts = pad([pack_understand(words, None, [("is a cat red ?", "no")])])
    values = module.model.losses(facts, "understand", ON)
    assert values["interaction_loss"].item() == 0
    assert values["interaction_mass"].item() == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"generate_weight": -1.0}, "generate_weight must not be negative, got -1.0"),
        ({"delta": -0.1}, "delta must not be negative, got -0.1"),
        ({"targets": "paper"}, "targets must be one of .*, got 'paper'"),
        ({"understand_values": [0.2, 1.5]}, r"understand_values must lie in \[0, 1\], got 1.5"),
    ],
)
def test_a_config_refuses_values_outside_its_rules(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=rf"train\.interaction\.{message}"):
        InteractionConfig(**fields)


def test_a_curve_of_the_wrong_length_or_one_that_was_not_measured_is_refused(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    short = replace(ON, targets="values", generate_values=[0.4], understand_values=[0.4] * 3)
    module = build("shared", vocabulary, train=replace(TRAIN, interaction=short))
    wanted = rf"generate_values must hold one value a layer, trunk\.depth={TRUNK.depth}, got 1"
    with pytest.raises(ValueError, match=wanted):
        module.training_step(batch, 0)
    with pytest.raises(ValueError, match="must be measured from the controls before training"):
        target_curve(replace(ON, targets="controls"), "generate", SIX)


def test_a_bridge_refuses_a_loss_on_attention_that_it_does_not_train(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    with pytest.raises(ValueError, match=r"train\.interaction must have no weight where"):
        build_bridge(vocabulary, codec, train=replace(TRAIN, interaction=ON))


def test_the_distance_is_hubers_on_both_sides_of_its_threshold() -> None:
    distance, threshold = torch.tensor([[0.05, 0.15, -0.3]]), 0.1
    wanted = torch.nn.functional.huber_loss(
        distance, torch.zeros(1, 3), reduction="none", delta=threshold
    )
    torch.testing.assert_close(huber(distance, torch.full((3,), threshold)), wanted)
