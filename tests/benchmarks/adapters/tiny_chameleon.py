"""A tiny Chameleon with random weights, saved as the real one is."""

from pathlib import Path

import torch
from transformers import (
    ChameleonConfig,
    ChameleonForConditionalGeneration,
    ChameleonImageProcessor,
    ChameleonProcessor,
)

from tests.benchmarks.tiny_words import word_tokenizer

CODES = [f"IMGIMG{letter}Z" for letter in "ABCDEFGH"]
"""Names of image tokens: A to J are the digits of a code's number."""
WORDS = ["a", "dog", "is", "there", *map(str, range(40))]
IMAGE_TOKENS = 16
"""Of an image of 8 x 8 pixels."""


def save_chameleon(folder: Path) -> Path:
    """Write a Chameleon of eight image codes and some words; like the real one, it has no chat
    template, and no image decoder.
    """
    torch.manual_seed(0)
    named = {"image_token": "<image>", "boi_token": "<racm3:break>", "eoi_token": "<eoss>"}
    special = ["<pad>", "<s>", "</s>", "<unk>", *named.values(), "<reserved08706>"]
    words = [*special, *CODES, *WORDS]
    config = ChameleonConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        initializer_range=0.5,
        pad_token_id=0,
        vq_config={
            "embed_dim": 8,
            "num_embeddings": len(CODES),
            "latent_channels": 32,
            "resolution": 8,
            "base_channels": 32,
            "channel_multiplier": [1, 1],
            "num_res_blocks": 1,
        },
        vocabulary_map={word: number for number, word in enumerate(words)},
    )
    ChameleonForConditionalGeneration(config).save_pretrained(folder)
    size = {"height": 8, "width": 8}
    ChameleonProcessor(
        image_processor=ChameleonImageProcessor(size={"shortest_edge": 8}, crop_size=size),
        tokenizer=word_tokenizer(words, sep_token="<reserved08706>", extra_special_tokens=named),
        image_seq_length=IMAGE_TOKENS,
    ).save_pretrained(folder)
    return folder
