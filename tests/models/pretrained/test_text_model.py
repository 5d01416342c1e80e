"""Parity: what our trunk says of a checkpoint's weights is what transformers says."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from models import TASKS
from models.cached_decoding import CachedDecoder
from models.context import causal_context
from models.initialise import start_trunk
from models.pretrained.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from models.pretrained.names import HEAD, WORDS
from models.pretrained.source import locate
from models.pretrained.text_model import PretrainedModule, as_checkpoint, text_model
from models.pretrained.words import SHIFT, PretrainedWords
from models.shared import Shared, SharedConfig
from models.task_moe import TaskMoE, TaskMoEConfig
from models.text_tokens import END, UNDERSTAND
from models.unified import UnifiedModel, Vocabulary
from models.unifork import UniForkConfig, UniForkModule
from tests.models.conftest import TRAIN
from tests.models.pretrained.tiny_checkpoints import FORMS, SIZES, save

TOKENS = torch.tensor([[1, 4, 5, 6, 4, 7, 8, 2, 9, 13], [1, 10, 11, 12, 13, 14, 3, 19, 0, 4]])
CLOSE = {"rtol": 0, "atol": 1e-4}


def loaded(folder: Path) -> tuple[Checkpoint, UnifiedModel]:
    source = locate(str(folder))
    checkpoint = read_checkpoint(source)
    words = PretrainedWords(source.tokenizer(), checkpoint.config)
    vocabulary = Vocabulary(len(words), torch.eye(4, 3), grid=2)
    return checkpoint, text_model(checkpoint, words, vocabulary, seed=0).eval()


def text_logits(model: UnifiedModel, tokens: torch.Tensor) -> torch.Tensor:
    """Logits over the checkpoint's own ids of its own ids."""
    return model.logits(model(tokens + SHIFT, "understand").states, "understand")[..., SHIFT:]


@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_logits_are_those_of_transformers(form: str, tmp_path: Path) -> None:
    reference = save(form, tmp_path)
    _, model = loaded(tmp_path)
    torch.testing.assert_close(text_logits(model, TOKENS), reference(TOKENS).logits, **CLOSE)


@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_logits_of_one_token_at_a_time_are_those_of_transformers_with_its_cache(
    form: str, tmp_path: Path
) -> None:
    reference = save(form, tmp_path)
    _, model = loaded(tmp_path)
    given = 4
    answer = reference(TOKENS[:, :given], use_cache=True)
    rows = (TOKENS[:, :given] + SHIFT).tolist()
    decoder = CachedDecoder(model, rows, "understand", width=6)
    states = decoder.prefill(torch.arange(2))
    for place in range(given, TOKENS.shape[1]):
        ours = model.logits(states, "understand")[..., SHIFT:]
        torch.testing.assert_close(ours, answer.logits[:, -1], **CLOSE)
        token = TOKENS[:, place]
        answer = reference(token[:, None], past_key_values=answer.past_key_values, use_cache=True)
        states = decoder.step(token + SHIFT)


@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_a_model_written_back_is_the_same_to_transformers(form: str, tmp_path: Path) -> None:
    reference = save(form, tmp_path / "given")
    checkpoint, model = loaded(tmp_path / "given")
    save_checkpoint(as_checkpoint(model, checkpoint), tmp_path / "back")
    back = AutoModelForCausalLM.from_pretrained(tmp_path / "back")
    assert back.config.tie_word_embeddings == reference.config.tie_word_embeddings
    assert back.state_dict().keys() == reference.state_dict().keys()
    for name, value in reference.state_dict().items():
        assert torch.equal(back.state_dict()[name], value), name


def test_a_head_that_training_untied_is_written_back_as_its_own(tmp_path: Path) -> None:
    save("smollm2", tmp_path / "given")
    checkpoint, model = loaded(tmp_path / "given")
    model.text_head.weight = torch.nn.Parameter(2 * model.embedding.text.weight)
    save_checkpoint(as_checkpoint(model, checkpoint), tmp_path / "back")
    back = read_checkpoint(str(tmp_path / "back"))
    assert not back.tied
    assert torch.equal(back.tensors[HEAD], 2 * back.tensors[WORDS])


def test_what_belongs_to_images_is_drawn_alike_whatever_was_drawn_before(tmp_path: Path) -> None:
    save("llama", tmp_path)
    one, other = (dict(loaded(tmp_path)[1].named_parameters()) for _ in range(2))
    assert one["embedding.row_position"].std() > 0
    for name, value in one.items():
        assert torch.equal(other[name], value), name


def test_tied_words_and_head_are_one_parameter_and_others_are_two(tmp_path: Path) -> None:
    for form, tied in (("smollm2", True), ("llama", False)):
        save(form, tmp_path / form)
        _, model = loaded(tmp_path / form)
        assert (model.text_head.weight is model.embedding.text.weight) == tied


def test_special_tokens_start_as_the_token_that_does_their_work_and_others_as_the_mean(
    tmp_path: Path,
) -> None:
    reference = save("qwen2", tmp_path)
    _, model = loaded(tmp_path)
    table, theirs = model.embedding.text.weight, reference.model.embed_tokens.weight
    assert len(table) == SHIFT + SIZES["vocab_size"]
    assert torch.equal(table[UNDERSTAND], theirs[SIZES["bos_token_id"]])
    assert torch.equal(table[END], theirs[SIZES["eos_token_id"]])
    torch.testing.assert_close(table[0], theirs.mean(0))
    assert torch.equal(model.text_head.weight[END], reference.lm_head.weight[2])


def test_a_forks_branches_start_as_copies_of_the_checkpoint_and_each_is_written_back(
    tmp_path: Path,
) -> None:
    reference = save("qwen3", tmp_path)
    checkpoint, model = loaded(tmp_path)
    config = UniForkConfig(trunk=checkpoint.trunk, fork_at=1)
    fork = UniForkModule(config, model.vocabulary, TRAIN, seed=1)
    fork.start_from_text(PretrainedModule(model, TRAIN, seed=1))
    for task in TASKS:
        states = fork.model(TOKENS + SHIFT, task).states
        logits = fork.model.text_head(states)[..., SHIFT:]
        torch.testing.assert_close(logits, reference(TOKENS).logits, **CLOSE)
        branch = as_checkpoint(fork.model, checkpoint, task)
        assert branch.tensors.keys() == checkpoint.tensors.keys()
        for name, value in checkpoint.tensors.items():
            assert torch.equal(branch.tensors[name], value), name


def test_experts_start_as_copies_of_the_feed_forward(tmp_path: Path) -> None:
    save("qwen2", tmp_path)
    checkpoint, model = loaded(tmp_path)
    config = TaskMoEConfig(trunk=checkpoint.trunk, experts=2, top_k=1, shared_experts=0)
    experts = TaskMoE(config)
    start_trunk(experts, checkpoint.tensors, seed=1)
    for layer in range(checkpoint.trunk.depth):
        for expert in experts.layers[layer].feed_forward.experts:
            for name, value in expert.named_parameters():
                dense = checkpoint.tensors[f"layers.{layer}.feed_forward.{name}"]
                assert torch.equal(value, dense), (layer, name)
    states = model.embed(TOKENS + SHIFT)
    shared = Shared(SharedConfig(trunk=checkpoint.trunk))
    start_trunk(shared, checkpoint.tensors, seed=1)
    context = causal_context(states, checkpoint.trunk)
    for task in TASKS:
        one, other = (trunk(states, context, task).states for trunk in (shared, experts))
        torch.testing.assert_close(one, other, **CLOSE)
