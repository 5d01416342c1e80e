"""What a folder must hold to be read, and what a tokenizer must be to belong to it."""

import json
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from models.pretrained.checkpoint import read_checkpoint, save_checkpoint
from models.pretrained.gguf_file import read_gguf
from models.pretrained.source import locate
from models.pretrained.tensors import INDEX
from models.pretrained.words import SHIFT, PretrainedWords
from models.text_tokens import END, PAD
from tests.models.pretrained.tiny_checkpoints import (
    FORMS,
    LLAMA3,
    SIZES,
    WORDS,
    random_model,
    save,
    save_tokenizer,
)


def rewrite(folder: Path, **changes: Tensor | None) -> None:
    """Changes tensors of `model.safetensors`; None leaves one out."""
    path = folder / "model.safetensors"
    tensors = {**load_file(path), **changes}
    kept = {name: value for name, value in tensors.items() if value is not None}
    save_file(kept, path, {"format": "pt"})


def test_a_sharded_checkpoint_is_read_as_the_whole_one_is(tmp_path: Path) -> None:
    save("qwen2", tmp_path / "whole")
    save("qwen2", tmp_path / "sharded", shard="8KB")
    assert (tmp_path / "sharded" / INDEX).is_file()
    assert not (tmp_path / "sharded" / "model.safetensors").exists()
    whole, sharded = (read_checkpoint(str(tmp_path / name)) for name in ("whole", "sharded"))
    assert whole.tensors.keys() == sharded.tensors.keys()
    for name, value in whole.tensors.items():
        assert torch.equal(sharded.tensors[name], value), name


def test_a_checkpoint_is_written_in_shards_that_transformers_reads(tmp_path: Path) -> None:
    reference = save("qwen3", tmp_path / "given")
    save_checkpoint(read_checkpoint(str(tmp_path / "given")), tmp_path / "back", shard="8KB")
    assert (tmp_path / "back" / INDEX).is_file()
    back = AutoModelForCausalLM.from_pretrained(tmp_path / "back")
    tokens = torch.tensor([[1, 5, 9]])
    assert torch.equal(back(tokens).logits, reference(tokens).logits)


def test_missing_extra_and_misshapen_tensors_are_all_named(tmp_path: Path) -> None:
    save("qwen2", tmp_path)
    rewrite(
        tmp_path,
        **{
            "model.layers.1.self_attn.q_proj.bias": None,
            "model.norm.weight": None,
            "model.layers.0.mlp.gate_proj.bias": torch.zeros(40),
            "model.layers.2.mlp.up_proj.weight": torch.zeros(41, 24),
            "lm_head.weight": torch.zeros(20, 25),
        },
    )
    with pytest.raises(ValueError, match="must hold its config's tensors") as raised:
        read_checkpoint(str(tmp_path))
    for part in (
        "missing model.layers.1.self_attn.q_proj.bias",
        "missing model.norm.weight",
        "extra model.layers.0.mlp.gate_proj.bias",
        "model.layers.2.mlp.up_proj.weight of shape (41, 24) for (40, 24)",
        "lm_head.weight of shape (20, 25) for (20, 24)",
    ):
        assert part in str(raised.value)
    assert str(raised.value).count(".weight") + str(raised.value).count(".bias") == 5


def test_a_head_beside_tied_words_and_derived_buffers_are_left_out(tmp_path: Path) -> None:
    reference = save("smollm2", tmp_path)
    head = reference.model.embed_tokens.weight.detach().clone()
    buffer = "model.layers.0.self_attn.rotary_emb.inv_freq"
    rewrite(tmp_path, **{"lm_head.weight": head, buffer: torch.zeros(3)})
    checkpoint = read_checkpoint(str(tmp_path))
    assert checkpoint.tied
    assert not [name for name in checkpoint.tensors if "rotary" in name]


def test_a_truncated_file_is_refused_by_name(tmp_path: Path) -> None:
    save("llama", tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors must be a whole safetensors file"):
        read_checkpoint(str(tmp_path))


@pytest.mark.parametrize("text", ['{"weight_map": {"a', "{}", "[]", '{"weight_map": []}'])
def test_an_index_that_is_cut_is_named(tmp_path: Path, text: str) -> None:
    save("qwen2", tmp_path, shard="8KB")
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(ValueError, match=rf"{INDEX} must map tensors to files in weight_map: "):
        read_checkpoint(str(tmp_path))


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    save("llama", tmp_path, shard="8KB")
    lost = sorted(tmp_path.glob("model-*.safetensors"))[1]
    lost.unlink()
    with pytest.raises(ValueError, match=f"must hold {lost.name}, got no such file"):
        read_checkpoint(str(tmp_path))


@pytest.mark.parametrize(
    ("form", "changes", "message"),
    [
        ("llama", {"attention_bias": True}, "have attention_bias False, got True"),
        ("llama", {"mlp_bias": True}, "have mlp_bias False, got True"),
        ("llama", {"hidden_act": "gelu"}, "have hidden_act 'silu', got 'gelu'"),
        (
            "llama",
            {"rope_parameters": {**LLAMA3, "rope_type": "yarn"}},
            "have rope_type one of default, linear, llama3, got 'yarn'",
        ),
        (
            "llama",
            {"rope_parameters": {**LLAMA3, "partial_rotary_factor": 0.5}},
            "have partial_rotary_factor 1, got 0.5",
        ),
        (
            "qwen2",
            {"layer_types": ["full_attention", "sliding_attention", "full_attention"]},
            "have layer_types full_attention alone, got sliding_attention",
        ),
    ],
)
def test_what_the_block_cannot_compute_is_refused_by_name(
    form: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    save(form, tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    written = {**config.to_dict(), **changes}
    (tmp_path / "config.json").write_text(json.dumps(written))
    with pytest.raises(ValueError, match=message):
        read_checkpoint(str(tmp_path))


def test_another_family_is_refused(tmp_path: Path) -> None:
    AutoConfig.for_model("gpt2").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="model_type one of llama, qwen2, qwen3, got 'gpt2'"):
        read_checkpoint(str(tmp_path))


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold a model's config"):
        read_checkpoint(str(tmp_path))


def test_the_tokenizers_ids_follow_our_special_tokens(tmp_path: Path) -> None:
    save("llama", tmp_path)
    words = PretrainedWords(locate(str(tmp_path)).tokenizer(), AutoConfig.from_pretrained(tmp_path))
    assert len(words) == SHIFT + SIZES["vocab_size"]
    ids = words.encode("a red cat")
    assert ids == [SHIFT + WORDS.index(word) for word in ("a", "red", "cat")]
    assert words.decode([*ids, PAD, END, *ids]) == "a red cat"
    assert words.decode([*ids, SHIFT + SIZES["eos_token_id"], *ids]) == "a red cat"


def test_a_chat_template_is_followed_where_the_tokenizer_has_one(tmp_path: Path) -> None:
    save("llama", tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    tokenizer = locate(str(tmp_path)).tokenizer()
    assert PretrainedWords(tokenizer, config).chat("red cat") == [SHIFT + 7, SHIFT + 8]
    tokenizer.chat_template = (
        "<s> {{ messages[0]['content'] }} </s>{% if add_generation_prompt %} a{% endif %}"
    )
    assert PretrainedWords(tokenizer, config).chat("red cat") == [
        SHIFT + index for index in (7, 8, 2, 4)
    ]


@pytest.mark.parametrize(
    ("words", "special", "message"),
    [
        ([*WORDS, *"uvwxyz"], {}, "21 tokens for 20 embeddings"),
        (WORDS, {"eos_token": "a"}, "eos_token_id 4 for 2"),
    ],
)
def test_a_wrong_tokenizer_is_refused(
    words: list[str], special: dict[str, str], message: str, tmp_path: Path
) -> None:
    save("llama", tmp_path / "model")
    save_tokenizer(tmp_path / "other", words, **special)
    config = AutoConfig.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match=f"must be the checkpoint's own, got .*{message}"):
        PretrainedWords(tokenizer, config)


def test_a_tokenizers_end_may_be_any_of_the_models(tmp_path: Path) -> None:
    save("llama", tmp_path)
    config, tokenizer = AutoConfig.from_pretrained(tmp_path), locate(str(tmp_path)).tokenizer()
    config.eos_token_id = [5, tokenizer.eos_token_id]
    assert PretrainedWords(tokenizer, config)


def test_a_tokenizer_much_smaller_than_the_embeddings_is_refused(tmp_path: Path) -> None:
    save("llama", tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    config.vocab_size = 15 + 1024  # as many rows of padding as published checkpoints have
    assert PretrainedWords(locate(str(tmp_path)).tokenizer(), config)
    config.vocab_size += 1
    with pytest.raises(ValueError, match="15 tokens for 1040 embeddings"):
        PretrainedWords(locate(str(tmp_path)).tokenizer(), config)


def test_a_gguf_file_gives_the_tensors_that_it_was_written_from(tmp_path: Path) -> None:
    """llama.cpp's converter lays pairs (i, i + c/2) of a head's channels side by side."""
    model = random_model("smollm2")
    writer = gguf.GGUFWriter(tmp_path / "tiny.gguf", "llama")
    rows = torch.arange(24.0)[:, None].expand(24, 24).contiguous()  # row i holds i everywhere
    head = [0, 3, 1, 4, 2, 5]  # of six channels
    queries = rows[torch.tensor([6 * block + channel for block in range(4) for channel in head])]
    keys = rows[:12][torch.tensor([6 * block + channel for block in range(2) for channel in head])]
    writer.add_tensor("blk.0.attn_q.weight", queries.numpy())
    writer.add_tensor("blk.0.attn_k.weight", keys.numpy())
    writer.add_tensor("blk.0.attn_v.weight", rows[:12].numpy())
    writer.add_tensor(
        "output_norm.weight",
        gguf.quants.quantize(torch.arange(64.0).numpy() / 64, gguf.GGMLQuantizationType.Q8_0),
        raw_dtype=gguf.GGMLQuantizationType.Q8_0,
    )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = read_gguf(tmp_path / "tiny.gguf", model.config)
    assert torch.equal(found["blk.0.attn_q.weight"], rows)
    assert torch.equal(found["blk.0.attn_k.weight"], rows[:12])
    assert torch.equal(found["blk.0.attn_v.weight"], rows[:12])
    torch.testing.assert_close(
        found["output_norm.weight"], torch.arange(64.0) / 64, rtol=0, atol=1 / 128
    )


def test_every_form_that_is_tested_names_its_class(tmp_path: Path) -> None:
    assert {FORMS[form][1].model_type for form in FORMS} == {"llama", "qwen2", "qwen3"}
