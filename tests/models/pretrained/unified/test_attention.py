"""Masses of transformers' decoders are those of their eager maps, and have the maps' gradients."""

from types import SimpleNamespace

import pytest
import torch

from models import attention_mass
from models.attention_mass import Watch, fused_attention_mass
from models.block_execution import recompute_blocks
from models.pretrained.unified.attention import attend
from models.pretrained.unified.form import UnifiedForm
from models.pretrained.unified.reading import Reading
from tests.models.pretrained.unified.tiny import DEPTH, KINDS, examples

TASKS = ("understand", "generate")


def read(form: UnifiedForm, kind: str, task: str) -> Reading:
    rows = examples(kind, task)
    return form.read(task, rows, [False] * len(rows))


def eager(form: UnifiedForm, reading: Reading, lengths: list[int]) -> tuple[torch.Tensor, list]:
    """States and masses from transformers' own maps, where what is padded is masked out."""
    form.decoder.set_attn_implementation("eager")
    kept = torch.zeros_like(reading.tokens)
    for row, length in enumerate(lengths):
        kept[row, :length] = 1
    maps = []
    hooks = [
        layer.self_attn.register_forward_hook(lambda module, given, made: maps.append(made[1]))
        for layer in form.decoder.layers
    ]
    forward = form.decoder.forward
    form.decoder.forward = lambda **given: forward(**{**given, "attention_mask": kept})
    states = form.states(reading, None)
    form.decoder.forward = forward
    for hook in hooks:
        hook.remove()
    watch = reading.watch()
    keys = watch.keys.float()
    return states, [watch.mean_mass((one * keys[:, None, None]).sum(-1)) for one in maps]


def lengths(form: UnifiedForm, kind: str, task: str) -> list[int]:
    return [read_alone(form, task, row).tokens.shape[1] for row in examples(kind, task)]


def read_alone(form: UnifiedForm, task: str, row: object) -> Reading:
    return form.read(task, [row], [False])


@pytest.mark.parametrize("way", ["products", "fused"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_masses_and_gradients_are_the_eager_maps_in_padded_rows_whose_queries_share_keys(
    kind, task, way, opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "fused":
        monkeypatch.setattr(attention_mass, "causal_attention_mass", fused_attention_mass)
    form = opened(kind)
    form.model.eval()
    reading, sizes = read(form, kind, task), lengths(form, kind, task)
    assert len(set(sizes)) > 1
    watch = reading.watch()
    states = form.states(reading, watch)
    weights = [layer.self_attn.q_proj.weight for layer in form.decoder.layers]
    weights += [layer.self_attn.k_proj.weight for layer in form.decoder.layers]
    ours = torch.autograd.grad(torch.stack(watch.masses).sum(), weights)
    expected, masses = eager(form, reading, sizes)
    theirs = torch.autograd.grad(torch.stack(masses).sum(), weights)
    assert len(watch.masses) == DEPTH
    torch.testing.assert_close(torch.stack(watch.masses), torch.stack(masses), rtol=0, atol=1e-5)
    for row, size in enumerate(sizes):
        torch.testing.assert_close(states[row, :size], expected[row, :size], rtol=0, atol=1e-5)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    assert min(one.abs().max() for one in ours) > 0


def test_a_pass_without_a_watch_is_transformers_own(opened) -> None:
    form = opened("emu3")
    form.model.eval()
    reading = read(form, "emu3", "generate")
    plain = form.states(reading, None)
    form.decoder.set_attn_implementation("sdpa")
    assert torch.equal(plain, form.states(reading, None))


def test_layers_that_are_computed_again_have_the_same_masses_and_gradients(opened) -> None:
    found = []
    for again in (False, True):
        form = opened("janus")
        form.model.train()
        if again:
            recompute_blocks(form.decoder)
        reading = read(form, "janus", "generate")
        watch = reading.watch()
        form.states(reading, watch)
        total = torch.stack(watch.masses[:DEPTH]).sum()
        total.backward()
        found.append(
            (total, *(layer.self_attn.q_proj.weight.grad for layer in form.decoder.layers))
        )
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attention_mask": torch.zeros(1, 1, 3, 3)}, "padded behind, without a mask"),
        ({"dropout": 0.1}, "must drop nothing under a watch, got 0.1"),
        ({"scaling": 1.0}, "must be scaled by 0.5, got 1.0"),
    ],
)
def test_what_masses_are_not_defined_for_is_refused(settings, message: str) -> None:
    query = torch.zeros(1, 2, 3, 4)
    watch = Watch(*torch.ones(2, 1, 3, dtype=torch.bool))
    given = {"attention_mask": None, "watch": watch, **settings}
    with pytest.raises(ValueError, match=message):
        attend(SimpleNamespace(), query, query, query, **given)


def test_a_decoder_is_opened_without_dropped_probabilities(opened) -> None:
    assert {layer.self_attn.attention_dropout for layer in opened("emu3").decoder.layers} == {0.0}
