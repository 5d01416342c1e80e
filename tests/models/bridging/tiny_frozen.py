"""Tiny language and image-text models with random weights, saved as the published ones are."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)
from transformers.models.got_ocr2.image_processing_got_ocr2 import GotOcr2ImageProcessor

from tests.benchmarks.tiny_words import word_tokenizer

WIDTH = 32
OPENING = ("<pad>", "<s>", "</s>", "<unk>")
SAID = ("<user>", "<reply>", "be", "brief", "a", "The", "0", "red", "blue", "cat", "dog", "of")
TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
SIGHT = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 4,
}
FIRST_SMOLVLM = (Idefics3ForConditionalGeneration, Idefics3Config)
"""SmolVLM's first version is of Idefics 3's form."""
TURNS = (
    "{% for turn in messages %}{% if turn['role'] == 'user' %}<user> {% endif %}"
    "{% if turn['content'] is string %}{{ turn['content'] + ' ' }}{% else %}"
    "{% for part in turn['content'] %}"
    "{{ 'IMAGE ' if part['type'] == 'image' else part['text'] + ' ' }}"
    "{% endfor %}{% endif %}{% endfor %}<reply>"
)


def chat(image: str = "") -> str:
    """A template that opens a user's turn by `<user>` and shows where an image stands."""
    return TURNS.replace("IMAGE", image)


def words(**named: str) -> tuple[PreTrainedTokenizerFast, dict[str, int]]:
    """A tokenizer with the named special tokens, and the ids of all its words."""
    listed = [*OPENING, *named.values(), *SAID]
    tokenizer = word_tokenizer(listed, extra_special_tokens=named)
    return tokenizer, {word: number for number, word in enumerate(listed)}


def spread(model: Any) -> Any:
    """Weights large enough for every token to matter."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.3 * min(1, (16 / parameter.shape[-1]) ** 0.5))
    return model


def save_causal(folder: Path) -> Path:
    """Write a Llama with a chat template."""
    tokenizer, ids = words()
    tokenizer.chat_template = chat()
    spread(LlamaForCausalLM(LlamaConfig(vocab_size=len(ids), **TEXT))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_qwen2_5_vl(folder: Path) -> Path:
    """Write a Qwen2.5-VL that sees a token for every 8 x 8 pixels."""
    named = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    tokenizer, ids = words(**named, opens="<|vision_start|>", closes="<|vision_end|>")
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3]}
    config = Qwen2_5_VLConfig(
        text_config={**TEXT, "vocab_size": len(ids), "rope_parameters": rope},
        vision_config={
            "depth": 1,
            "hidden_size": 32,
            "out_hidden_size": WIDTH,
            "num_heads": 2,
            "intermediate_size": 16,
            "patch_size": 4,
            "window_size": 16,
            "fullatt_block_indexes": [0],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    spread(Qwen2_5_VLForConditionalGeneration(config)).save_pretrained(folder)
    Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(patch_size=4, min_pixels=64, max_pixels=1024),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(patch_size=4),
        chat_template=chat("<|vision_start|><|image_pad|><|vision_end|>"),
    ).save_pretrained(folder)
    return folder


def save_llava_onevision(folder: Path) -> Path:
    """Write a LLaVA-OneVision that sees 16 x 16 pixels a tile."""
    tokenizer, ids = words(image_token="<image>", video_token="<video>")
    tiles = [[16, 16], [16, 32], [32, 16]]
    config = LlavaOnevisionConfig(
        text_config={**TEXT, "vocab_size": len(ids), "model_type": "qwen2"},
        vision_config={**SIGHT, "model_type": "siglip_vision_model", "vision_use_head": False},
        image_token_index=ids["<image>"],
        video_token_index=ids["<video>"],
        image_grid_pinpoints=tiles,
    )
    spread(LlavaOnevisionForConditionalGeneration(config)).save_pretrained(folder)
    size = {"height": 16, "width": 16}
    LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=tiles),
        tokenizer=tokenizer,
        video_processor=LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=chat("<image>"),
    ).save_pretrained(folder)
    return folder


def save_internvl(folder: Path) -> Path:
    """Write an InternVL that sees 16 x 16 pixels a tile in four tokens."""
    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer, ids = words(**named)
    sight = {**SIGHT, "image_size": [16, 16], "patch_size": [4, 4]}
    config = InternVLConfig(
        text_config={**TEXT, "vocab_size": len(ids), "model_type": "qwen2"},
        vision_config=sight,
        image_token_id=ids["<IMG_CONTEXT>"],
        image_seq_length=4,
    )
    spread(InternVLForConditionalGeneration(config)).save_pretrained(folder)
    size = {"height": 16, "width": 16}
    InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, crop_to_patches=False),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=chat("<IMG_CONTEXT>"),
    ).save_pretrained(folder)
    return folder


def save_smolvlm(folder: Path, form: tuple[Any, Any] = FIRST_SMOLVLM) -> Path:
    """Write a SmolVLM of either version that sees four tokens a tile."""
    named = {"image_token": "<image>", "fake": "<fake_token_around_image>", "whole": "<global-img>"}
    tokenizer, ids = words(**named, turn_end="<end_of_utterance>")
    kind, config = form
    model = kind(
        config(
            text_config={**TEXT, "vocab_size": len(ids), "model_type": "llama"},
            vision_config=SIGHT,
            image_token_id=ids["<image>"],
            scale_factor=2,
            pad_token_id=0,
        )
    )
    spread(model).save_pretrained(folder)
    tile = {"longest_edge": 16}
    sight = Idefics3ImageProcessor(size=tile, max_image_size=tile, do_image_splitting=False)
    Idefics3Processor(
        image_processor=sight,
        tokenizer=tokenizer,
        image_seq_len=4,
        chat_template=chat("<image>"),
    ).save_pretrained(folder)
    return folder


def save_smolvlm2(folder: Path) -> Path:
    """Write a SmolVLM of the second version, behind the first's processor: its own needs a package
    that we do without."""
    return save_smolvlm(folder, (SmolVLMForConditionalGeneration, SmolVLMConfig))


SEEING = {
    "qwen2_5_vl": save_qwen2_5_vl,
    "llava_onevision": save_llava_onevision,
    "internvl": save_internvl,
    "smolvlm": save_smolvlm,
    "smolvlm2": save_smolvlm2,
}
