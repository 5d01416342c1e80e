"""Training of published unified models: losses by hand, what is frozen, what is saved."""

import math

import pytest
import torch
from torch import Tensor, nn

from models.attention_mass import Watch
from models.interaction_loss import InteractionConfig
from models.pretrained.unified import tuning
from models.pretrained.unified.opening import open_form
from models.pretrained.unified.tuning import UnifiedTuning
from models.pretrained.unified.tuning_config import TuningConfig
from tests.models.pretrained.unified.tiny import KINDS, asked, drawn

PULLED = InteractionConfig(understand_weight=10.0, generate_weight=5.0)


def module(form, **fields) -> UnifiedTuning:
    values = {"steps": 10, "prompt_drop": 0.0, "interaction": PULLED, **fields}
    return UnifiedTuning(form, TuningConfig(**values))


def batch(kind: str) -> dict:
    return {"understand": asked(kind), "generate": drawn(kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_equal_logits_cost_the_logarithm_of_what_a_head_chooses_among(kind: str, opened) -> None:
    form = opened(kind)
    tuned = module(form, interaction=InteractionConfig())
    for task in ("understand", "generate"):
        for one in form.head(task).parameters():
            nn.init.zeros_(one)
    tuned.training_step(batch(kind), 0)
    words = form.model.lm_head.out_features
    chosen = {"understand": words, "generate": words if kind == "emu3" else 12}
    found = {task: tuned.values[f"train/{task}/loss"].item() for task in chosen}
    assert found == pytest.approx({task: math.log(count) for task, count in chosen.items()})


def test_the_interaction_loss_is_the_mean_huber_distance_over_layers_of_whom_counts(opened) -> None:
    # Three layers: targets 0.4, 0.4, 0.2, thresholds 0.2, 0.1, 0.05. The first sequence is 0.1 off
    # (half the square: 0.005), 0.4 off (0.1 * (0.4 - 0.05) = 0.035) and right; in the second nobody
    # is asked about.
    tuned = module(opened("janus"))
    asking = torch.tensor([[False, True], [False, True]])
    about = torch.tensor([[True, False], [False, False]])
    watch = Watch(asking, about, [torch.tensor([mass, 0.9]) for mass in (0.3, 0.8, 0.2)])
    values = tuned.pulled(watch, "generate", torch.tensor(2.0))
    assert values["interaction_loss"].item() == pytest.approx(5 * 0.04 / 3)
    assert values["interaction_ratio"].item() == pytest.approx(5 * 0.04 / 3 / 2)
    assert values["interaction_mass"].item() == pytest.approx(1.3 / 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dropped_prompt_does_not_count(kind: str, opened) -> None:
    tuned = module(opened(kind)).eval()
    both = tuned.losses(tuned.form.read("generate", drawn(kind), [False, True]))
    alone = tuned.losses(tuned.form.read("generate", drawn(kind)[:1], [False]))
    none = tuned.losses(tuned.form.read("generate", drawn(kind), [True, True]))
    for name in ("interaction_loss", "interaction_mass"):
        torch.testing.assert_close(both[name], alone[name])
        assert none[name] == 0
    assert alone["interaction_loss"] > 0


def test_two_processes_weigh_by_what_both_predict_and_count(
    opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process has twice as much, so this one's mean is a third of all, of two."""
    tuned = module(opened("janus")).eval()
    reading = tuned.form.read("generate", drawn("janus"), [False, False])
    alone = tuned.losses(reading)
    monkeypatch.setattr(tuning, "ranks", lambda: 2)
    monkeypatch.setattr(tuning, "over_ranks", lambda own: 3 * own)
    found = tuned.losses(reading)
    for name in ("loss", "interaction_loss", "interaction_mass"):
        torch.testing.assert_close(found[name], alone[name] * 2 / 3)


def test_prompts_are_dropped_by_seed_and_step_in_their_share(opened) -> None:
    tuned = module(opened("janus"), prompt_drop=0.25)
    first = tuned.dropped(4000)
    assert sum(first) / 4000 == pytest.approx(0.25, abs=0.03)
    assert tuned.dropped(4000) == first
    tuned.seed = 1
    assert tuned.dropped(4000) != first


def test_what_layers_drop_is_a_function_of_seed_and_step(opened) -> None:
    tuned = module(opened("emu3"))
    assert tuned.form.decoder.layers[0].dropout.p > 0
    first = tuned.training_step(batch("emu3"), 0)
    assert torch.equal(tuned.training_step(batch("emu3"), 0), first)
    tuned.seed = 1
    assert not torch.equal(tuned.training_step(batch("emu3"), 0), first)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_reaches_queries_and_keys_of_every_layer(kind: str, opened) -> None:
    form = opened(kind)
    tuned = module(form)
    tuned.losses(tuned.form.read("generate", drawn(kind), [False, False]))[
        "interaction_loss"
    ].backward()
    for layer in form.decoder.layers:
        assert layer.self_attn.q_proj.weight.grad.abs().max() > 0
        assert layer.self_attn.k_proj.weight.grad.abs().max() > 0
    assert form.decoder.layers[-1].self_attn.v_proj.weight.grad.abs().max() == 0
    assert form.decoder.layers[0].self_attn.v_proj.weight.grad.abs().max() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_leaves_frozen_parts_as_they_were_and_changes_the_rest(kind: str, opened) -> None:
    form = opened(kind)
    tuned = module(form, learning_rate=1e-2)
    before = {name: one.clone() for name, one in form.model.state_dict().items()}
    made = tuned.configure_optimizers()
    tuned.training_step(batch(kind), 0).backward()
    made["optimizer"].step()
    frozen = {id(one) for part in form.frozen for one in part.state_dict(keep_vars=True).values()}
    assert frozen
    same = {
        name: torch.equal(one, before[name])
        for name, one in form.model.state_dict(keep_vars=True).items()
    }
    for name, one in form.model.state_dict(keep_vars=True).items():
        assert same[name] == (id(one) in frozen), name


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_loads_again_with_equal_logits(kind: str, opened, tmp_path) -> None:
    tuned = module(opened(kind), learning_rate=1e-2)
    made = tuned.configure_optimizers()
    tuned.training_step(batch(kind), 0).backward()
    made["optimizer"].step()
    tuned.form.save(tmp_path, tuned.model.state_dict())
    again = open_form(str(tmp_path))
    for task, rows in batch(kind).items():
        logits = [logits_of(form, task, rows) for form in (tuned.form, again)]
        assert torch.equal(*logits)


def logits_of(form, task: str, rows: list) -> Tensor:
    form.model.eval()
    with torch.no_grad():
        return form.head(task)(form.states(form.read(task, rows, [False] * len(rows)), None))


def test_the_rate_rises_and_falls_along_a_cosine() -> None:
    config = TuningConfig(steps=10, warmup_steps=2, learning_rate=3e-3, final_rate=1e-3)
    found = [config.rate(step) for step in (0, 1, 2, 6, 10)]
    assert found == pytest.approx([1.5e-3, 3e-3, 3e-3, 2e-3, 1e-3])


def test_the_optimiser_has_the_published_numbers(opened) -> None:
    tuned = module(opened("janus"), warmup_steps=4)
    made = tuned.configure_optimizers()
    group = made["optimizer"].param_groups[0]
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.95), 1e-6, 0.05)
    assert group["lr"] == pytest.approx(5e-6)


def test_a_curve_of_another_length_is_refused_before_training(opened) -> None:
    short = InteractionConfig(generate_weight=1.0, targets="values", generate_values=[0.1, 0.2])
    with pytest.raises(ValueError, match=r"generate_values must hold one value a layer.*=3, got 2"):
        module(opened("emu3"), interaction=short)


def test_a_loss_that_is_not_finite_is_refused(opened) -> None:
    tuned = module(opened("janus"))
    nn.init.constant_(tuned.form.model.lm_head.weight, math.nan)
    with pytest.raises(ValueError, match=r"loss must stay finite, got .*understand"):
        tuned.training_step(batch("janus"), 0)


def test_a_conversation_cut_before_its_answer_costs_nothing(opened) -> None:
    tuned = module(opened("janus"), longest=1)
    about_no_image = asked("janus")[2:]
    assert tuned.losses(tuned.read("understand", about_no_image))["loss"] == 0


def test_without_weights_nothing_is_measured(opened) -> None:
    tuned = module(opened("emu3"), interaction=InteractionConfig())
    tuned.training_step(batch("emu3"), 0)
    assert set(tuned.values) == {"train/understand/loss", "train/generate/loss"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "train.steps must be at least 1, got 0"),
        ({"longest": 0}, "train.longest must be at least 1"),
        ({"clip_norm": 0.0}, "train.clip_norm must be above 0"),
        ({"final_rate": 1.0}, "train.final_rate must lie in"),
        ({"warmup_steps": -1}, "train.warmup_steps must not be negative"),
        ({"understand_weight": 0.0, "generate_weight": 0.0}, "must not both be 0"),
        ({"prompt_drop": 1.5}, "train.prompt_drop must lie in"),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_name(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TuningConfig(**fields)
