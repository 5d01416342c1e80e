"""The law of the frozen half: queries learn as in a pass over prompt and queries together."""

import copy
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Lfm2Config, Lfm2ForCausalLM, MistralConfig, MistralForCausalLM

from models.bridging import frozen_reader
from models.bridging.frozen_prompts import Prompt
from models.bridging.frozen_reader import FrozenReader, open_reader
from models.bridging.frozen_store import PromptStore
from tests.models.bridging.conftest import FORMS, LOOKING, TEXTS
from tests.models.bridging.tiny_frozen import SEEING, TEXT, WIDTH

QUERIES = 3
Checkpoint = Callable[[str], Path]


@pytest.fixture
def queries() -> nn.Parameter:
    return nn.Parameter(torch.randn(QUERIES, WIDTH, generator=torch.Generator().manual_seed(3)))


def as_vocabulary_rows(
    reader: FrozenReader, prompts: Sequence[Prompt], queries: Tensor
) -> tuple[Tensor, nn.Embedding]:
    """MetaQuery's way: queries are new words after the prompt, each prompt passed whole, alone."""
    model = copy.deepcopy(reader.model)
    old = model.get_input_embeddings().weight
    table = nn.Embedding.from_pretrained(torch.cat((old, queries.detach())), freeze=False)
    model.set_input_embeddings(table)
    states = []
    for prompt in prompts:
        inputs = reader.encoder([prompt])
        new = torch.arange(len(old), len(old) + QUERIES)[None]
        inputs["input_ids"] = torch.cat((inputs["input_ids"], new), dim=1)
        for name, value in (("attention_mask", 1), ("mm_token_type_ids", 0)):
            if name in inputs:
                inputs[name] = nn.functional.pad(inputs[name], (0, QUERIES), value=value)
        states.append(model.base_model(**inputs, use_cache=False).last_hidden_state[:, -QUERIES:])
    return torch.cat(states), table


@pytest.mark.parametrize("form", FORMS)
def test_queries_and_their_gradients_are_those_of_the_whole_prompt_passed_with_them(
    checkpoint: Checkpoint, queries: nn.Parameter, form: str
) -> None:
    reader = open_reader(checkpoint(form), system="be brief")
    prompts = (*TEXTS, *(LOOKING if form in SEEING else ()))
    expected, table = as_vocabulary_rows(reader, prompts, queries)
    found = reader.states(prompts, queries)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(4))
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    assert queries.grad.abs().min() > 0
    torch.testing.assert_close(queries.grad, table.weight.grad[-QUERIES:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", ["causal", "qwen2_5_vl"])
def test_a_step_changes_the_queries_and_leaves_the_model_bit_identical_without_gradient(
    checkpoint: Checkpoint, queries: nn.Parameter, form: str
) -> None:
    reader = open_reader(checkpoint(form)).train()
    assert not reader.model.training
    before, started = copy.deepcopy(reader.state_dict()), queries.detach().clone()
    optimizer = torch.optim.AdamW([queries, *reader.parameters()], 1e-2, weight_decay=0.1)
    reader.states(TEXTS, queries).square().mean().backward()
    optimizer.step()
    assert not torch.equal(queries, started)
    assert all(parameter.grad is None for parameter in reader.parameters())
    assert all(torch.equal(value, before[name]) for name, value in reader.state_dict().items())


def test_images_of_the_prompt_change_what_the_queries_read(
    checkpoint: Checkpoint, queries: nn.Parameter
) -> None:
    reader = open_reader(checkpoint("qwen2_5_vl"))
    one, other = LOOKING[1], Prompt(LOOKING[1].text, LOOKING[2].images[:1])
    with torch.no_grad():
        states = reader.states([one, other, Prompt(one.text)], queries)
    assert (states[0] - states[1]).abs().max() > 1e-3
    assert (states[0] - states[2]).abs().max() > 1e-3


def tokens_read(reader: FrozenReader, prompts: Sequence[Prompt]) -> int:
    """The tokens that pass through the model's first layer to read prompts."""
    count = 0

    def counted(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        nonlocal count
        count += arguments[0].shape[0] * arguments[0].shape[1]

    handle = reader.model.get_decoder().layers[0].register_forward_pre_hook(counted)
    reader.prefix(prompts)
    handle.remove()
    return count


def test_the_head_of_all_texts_is_read_once_and_a_repeated_prompt_once_a_batch(
    checkpoint: Checkpoint,
) -> None:
    """`be brief <user>` is the head; `a red cat <reply>` is four tokens more."""
    reader = open_reader(checkpoint("causal"), system="be brief")
    assert tokens_read(reader, TEXTS[:1]) == 3 + 4
    assert tokens_read(reader, TEXTS[:1]) == 4
    assert tokens_read(reader, [TEXTS[0], TEXTS[0], TEXTS[1], TEXTS[0]]) == 2 * 4


def test_a_reader_moved_to_another_precision_reads_its_head_again(
    checkpoint: Checkpoint, queries: nn.Parameter
) -> None:
    reader = open_reader(checkpoint("causal"), system="be brief")
    before = reader.states(TEXTS, queries)
    reader.to(torch.bfloat16)
    assert tokens_read(reader, TEXTS[:1]) == 3 + 4
    after = reader.states(TEXTS, queries)
    assert after.dtype == torch.bfloat16
    torch.testing.assert_close(after.float(), before, rtol=0, atol=0.2)


def test_a_stored_prompt_is_not_read_again_and_gives_the_same_states(
    checkpoint: Checkpoint, queries: nn.Parameter
) -> None:
    reader = open_reader(checkpoint("internvl"))
    prompts = (*TEXTS, *LOOKING)
    plain = reader.states(prompts, queries)
    reader.store = PromptStore(1 << 24)
    first, second = (reader.states(prompts, queries) for _ in range(2))
    assert tokens_read(reader, prompts) == 0
    torch.testing.assert_close(first, plain)
    assert torch.equal(first, second)
    fewer = reader.states(prompts[:1], queries)
    torch.testing.assert_close(fewer, plain[:1])


@pytest.mark.parametrize(("fetching", "kept"), [(0.5, True), (2.0, False)])
def test_a_store_is_taken_where_fetching_costs_less_than_reading(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, fetching: float, kept: bool
) -> None:
    reader, seconds = open_reader(checkpoint("causal")), iter([1.0, fetching])
    monkeypatch.setattr(frozen_reader, "median_seconds", lambda run: next(seconds))
    costs = reader.keep_where_cheaper(TEXTS, PromptStore(1 << 24))
    assert (costs.reading, costs.fetching) == (1.0, fetching)
    assert (reader.store is not None) == kept


def test_costs_are_measured_with_the_prompts_in_the_store(checkpoint: Checkpoint) -> None:
    reader, store = open_reader(checkpoint("causal")), PromptStore(1 << 24)
    costs = reader.keep_where_cheaper(TEXTS, store)
    assert set(store.held) == {prompt.key for prompt in TEXTS}
    assert 0 < costs.fetching < costs.reading


def test_a_checkpoint_that_lacks_weights_names_them_all(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    for path in checkpoint("causal").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    lost = [name for name in weights if "layers.1.mlp" in name]
    kept = {name: value for name, value in weights.items() if name not in lost}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    named = ", ".join(f"missing {name}" for name in sorted(lost))
    with pytest.raises(ValueError, match=re.escape(f"got {named}.")):
        open_reader(tmp_path)


def test_a_checkpoint_with_a_misshapen_tensor_or_a_cut_file_is_one_clear_error(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    for path in checkpoint("causal").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    name = next(one for one in weights if "layers.1.mlp" in one)
    weights[name] = weights[name][:-1].clone()
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=re.escape(f"got misshapen {name}.")):
        open_reader(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=rf"{file} must be a whole safetensors file: "):
        open_reader(tmp_path)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises((OSError, ValueError), match=r"config\.json"):
        open_reader(tmp_path)


def test_a_model_with_other_layers_than_attention_is_refused(checkpoint: Checkpoint) -> None:
    reader = open_reader(checkpoint("causal"))
    config = Lfm2Config(
        vocab_size=len(reader.encoder.tokenizer),
        hidden_size=WIDTH,
        intermediate_size=48,
        num_attention_heads=2,
        num_key_value_heads=1,
        num_hidden_layers=2,
        layer_types=["conv", "full_attention"],
    )
    with pytest.raises(ValueError, match=r"must have attention alone .* Lfm2ForCausalLM with conv"):
        FrozenReader(Lfm2ForCausalLM(config), reader.encoder)


def test_a_prompt_beyond_a_sliding_window_is_refused(
    checkpoint: Checkpoint, queries: nn.Parameter
) -> None:
    """The longest text is eight tokens; padding would count among what a query may look back on."""
    reader = open_reader(checkpoint("causal"))
    sizes = {**TEXT, "vocab_size": len(reader.encoder.tokenizer)}
    narrow, wide = (
        FrozenReader(MistralForCausalLM(MistralConfig(sliding_window=w, **sizes)), reader.encoder)
        for w in (7 + QUERIES, 8 + QUERIES)
    )
    assert wide.states(TEXTS, queries).shape == (3, QUERIES, WIDTH)
    with pytest.raises(ValueError, match="must fit in a window of 10, got 11"):
        narrow.states(TEXTS, queries)
