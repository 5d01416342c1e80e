"""Tiny checkpoints with random weights, saved as the real ones are."""

import json
from pathlib import Path

import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    Mask2FormerImageProcessor,
    SwinConfig,
)

from benchmarks.geneval.prompts import CLASSES, COCO_NAMES
from tests.benchmarks.tiny_words import word_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz-"


def save_mask2former(folder: Path) -> Path:
    """Write a Mask2Former of COCO's 80 classes that sees images of at most 64 x 96."""
    torch.manual_seed(0)
    coco = {ours: theirs for theirs, ours in COCO_NAMES.items()}
    swin = SwinConfig(
        image_size=64,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 1, 1],
        window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=swin,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=1,
        num_queries=5,
        id2label={place: coco.get(name, name) for place, name in enumerate(CLASSES)},
    )
    Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    size = {"shortest_edge": 64, "longest_edge": 96}
    Mask2FormerImageProcessor(size=size).save_pretrained(folder)
    return folder


def save_clip(folder: Path) -> Path:
    """Write a CLIP that sees 32 x 32 and reads letter by letter."""
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    vocabulary = [*words, "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({w: n for n, w in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt")
    ).save_pretrained(folder)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    text = CLIPTextConfig(
        **sizes,
        num_attention_heads=2,
        vocab_size=len(vocabulary),
        bos_token_id=len(vocabulary) - 2,
        eos_token_id=len(vocabulary) - 1,
        pad_token_id=len(vocabulary) - 1,
    )
    vision = CLIPVisionConfig(**sizes, num_attention_heads=2, image_size=32, patch_size=16)
    config = CLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8
    )
    CLIPModel(config).save_pretrained(folder)
    size = {"shortest_edge": 32}
    CLIPImageProcessor(size=size, crop_size=32).save_pretrained(folder)
    return folder


CHAT = (
    "{% for turn in messages %}{% for part in turn['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else ' ' + part['text'] }}"
    "{% endfor %}{% endfor %} :"
)


def save_vision_language(folder: Path) -> Path:
    """Write a LLaVA that sees 32 x 32 and knows a handful of words."""
    torch.manual_seed(0)
    words = [
        "<pad>",
        "<s>",
        "</s>",
        "<unk>",
        "<image>",
        "yes",
        "no",
        "is",
        "there",
        "a",
        "dog",
        ":",
    ]
    fast = word_tokenizer(words, additional_special_tokens=["<image>"])
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    vision = CLIPVisionConfig(**sizes, num_attention_heads=2, image_size=32, patch_size=16)
    text = LlamaConfig(
        **sizes,
        num_attention_heads=2,
        vocab_size=len(words),
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_id=4, vision_feature_layer=-1
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    LlavaProcessor(
        image_processor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
        tokenizer=fast,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token="<image>",
        chat_template=CHAT,
    ).save_pretrained(folder)
    return folder
