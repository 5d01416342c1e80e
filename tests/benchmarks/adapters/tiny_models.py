"""Tiny models that draw, with random weights, saved as the real ones are."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    Emu3Config,
    Emu3ForConditionalGeneration,
    Emu3ImageProcessor,
    Emu3Processor,
    JanusConfig,
    JanusForConditionalGeneration,
    JanusImageProcessor,
    JanusProcessor,
    LlamaConfig,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
)

from tests.benchmarks.judges.tiny import CHAT, save_clip
from tests.benchmarks.tiny_words import word_tokenizer

SIDE = 16
JANUS_SIDE = 8
EMU3_SIDE = 16


def save_pipeline(folder: Path) -> Path:
    """Write a Stable Diffusion of SIDE x SIDE pixels."""
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(
        str(save_clip(folder.with_name("clip"))), model_max_length=77
    )
    text = CLIPTextConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        vocab_size=len(tokenizer),
    )
    unet = UNet2DConditionModel(
        sample_size=SIDE // 2,
        block_out_channels=(4, 8),
        layers_per_block=1,
        norm_num_groups=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
    )
    vae = AutoencoderKL(
        block_out_channels=(4, 8),
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
    )
    StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def save_janus(folder: Path) -> Path:
    """Write a Janus that sees and draws JANUS_SIDE x JANUS_SIDE in 16 tokens."""
    torch.manual_seed(0)
    words = ["<pad>", "<s>", "</s>", "<unk>", "<image>", "<boi>", "<eoi>", "a", "dog", "cat", ":"]
    named = {"image_token": "<image>", "boi_token": "<boi>", "eoi_token": "<eoi>"}
    tokenizer = word_tokenizer(words, extra_special_tokens=named)
    config = JanusConfig(
        text_config=LlamaConfig(
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            vocab_size=11,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        ).to_dict(),
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": JANUS_SIDE,
            "patch_size": 2,
            "projection_dim": 32,
            "num_image_tokens": 16,
            "mlp_ratio": 1.0,
        },
        vq_config={
            "embed_dim": 8,
            "num_embeddings": 12,
            "latent_channels": 32,
            "base_channels": 32,
            "channel_multiplier": [1, 1],
            "num_res_blocks": 1,
            "projection_dim": 32,
            "image_token_embed_dim": 32,
        },
        image_token_id=4,
    )
    model = JanusForConditionalGeneration(config)
    for name, number in (("pad", 0), ("bos", 1), ("eos", 2)):
        setattr(model.generation_config, f"{name}_token_id", number)
    model.save_pretrained(folder)
    size = {"height": JANUS_SIDE, "width": JANUS_SIDE}
    JanusProcessor(
        image_processor=JanusImageProcessor(size=size, min_size=2),
        tokenizer=tokenizer,
        chat_template=CHAT,
        num_image_tokens=16,
    ).save_pretrained(folder)
    return folder


def save_emu3(folder: Path) -> Path:
    """Write an Emu3 with eight visual tokens, each of 8 x 8 pixels."""
    torch.manual_seed(0)
    named = {
        "image_token": "<image>",
        "boi_token": "<|image start|>",
        "eoi_token": "<|image end|>",
        "image_wrapper_token": "<|image token|>",
        "eof_token": "<|extra_201|>",
    }
    visual = [f"<|visual token {number:06d}|>" for number in range(8)]
    names = ["<pad>", "<s>", "</s>", "<unk>", *named.values(), "<|extra_200|>", *visual, "a", "dog"]
    vocabulary = {word: n for n, word in enumerate(names)}
    tokenizer = word_tokenizer(list(vocabulary), extra_special_tokens=named)
    config = Emu3Config(
        text_config={
            "vocab_size": len(names),
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        vq_config={
            "codebook_size": len(visual),
            "base_channels": 32,
            "channel_multiplier": [1, 1, 1, 1],
            "num_res_blocks": 1,
            "hidden_size": 32,
        },
        vocabulary_map=vocabulary,
    )
    Emu3ForConditionalGeneration(config).save_pretrained(folder)
    Emu3Processor(
        image_processor=Emu3ImageProcessor(min_pixels=64, max_pixels=EMU3_SIDE**2),
        tokenizer=tokenizer,
        chat_template=CHAT,
    ).save_pretrained(folder)
    return folder


def save_qwen2_vl(folder: Path) -> Path:
    """Write a Qwen2-VL that sees a token for every 8 x 8 pixels."""
    torch.manual_seed(0)
    named = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    opening = ["<pad>", "<s>", "</s>", "<unk>", *named.values()]
    words = [*opening, "<|vision_start|>", "<|vision_end|>", "a", "dog"]
    numbers = {word: number for number, word in enumerate(words)}
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(words),
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]},
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        },
        vision_config={
            "depth": 1,
            "embed_dim": 32,
            "hidden_size": 32,
            "num_heads": 2,
            "mlp_ratio": 1,
            "patch_size": 4,
        },
        image_token_id=numbers["<|image_pad|>"],
        video_token_id=numbers["<|video_pad|>"],
        vision_start_token_id=numbers["<|vision_start|>"],
        vision_end_token_id=numbers["<|vision_end|>"],
    )
    Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
    sizes = {"patch_size": 4, "min_pixels": 64, "max_pixels": 256}
    Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(**sizes),
        tokenizer=word_tokenizer(words, extra_special_tokens=named),
        video_processor=Qwen2VLVideoProcessor(patch_size=4),
        chat_template=CHAT.replace("<image>", "<|vision_start|> <|image_pad|> <|vision_end|>"),
    ).save_pretrained(folder)
    return folder
