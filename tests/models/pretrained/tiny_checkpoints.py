"""Tiny random-weight language models and a tokenizer, saved as Hugging Face saves them."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.benchmarks.tiny_words import word_tokenizer

SIZES = {
    "vocab_size": 20,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
LINEAR = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0}
PLAIN = {"rope_type": "default", "rope_theta": 300.0}
FORMS = {
    "llama": (LlamaForCausalLM, LlamaConfig, {"rope_parameters": PLAIN, "rms_norm_eps": 1e-2}),
    "llama_3": (LlamaForCausalLM, LlamaConfig, {"rope_parameters": LLAMA3}),
    "llama_linear": (LlamaForCausalLM, LlamaConfig, {"rope_parameters": LINEAR}),
    "smollm2": (LlamaForCausalLM, LlamaConfig, {"tie_word_embeddings": True}),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, {"rope_parameters": PLAIN}),
    "qwen2_tied": (Qwen2ForCausalLM, Qwen2Config, {"tie_word_embeddings": True}),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"head_dim": 10}),
}
"""Qwen3's heads together are wider than its trunk."""
WORDS = [
    "<pad>",
    "<s>",
    "</s>",
    "<unk>",
    *["a", "photo", "of", "red", "cat", "dog", "the", "animal", "that", "gives", "milk"],
]


def random_model(form: str) -> Any:
    """A model of transformers whose every tensor, norms and biases too, is random."""
    model_class, config_class, fields = FORMS[form]
    torch.manual_seed(0)
    model = model_class(config_class(**SIZES, **fields)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3 + ("norm" in name))
    return model


def save_tokenizer(folder: Path, words: list[str] = WORDS, **special: str) -> None:
    """A tokenizer of whole words; `special` names its tokens in place of `<s>` and `</s>`."""
    word_tokenizer(words, **special).save_pretrained(folder)


def save(form: str, folder: Path, shard: str = "5GB") -> Any:
    """The model, saved with its tokenizer in `folder`."""
    model = random_model(form)
    model.save_pretrained(folder, max_shard_size=shard)
    save_tokenizer(folder)
    return model
