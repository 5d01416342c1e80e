"""Tiny Emu3 and Janus with random weights, whose query heads share a key head, saved as real."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoProcessor,
    Emu3ForConditionalGeneration,
    GenerationConfig,
    JanusForConditionalGeneration,
)

from tests.benchmarks.adapters.tiny_models import EMU3_SIDE, JANUS_SIDE, save_emu3, save_janus

DEPTH = 3
KINDS = ("emu3", "janus")
SIDES = {"emu3": EMU3_SIDE, "janus": JANUS_SIDE}
SAVERS = {"emu3": save_emu3, "janus": save_janus}
CLASSES = {"emu3": Emu3ForConditionalGeneration, "janus": JanusForConditionalGeneration}
SAID = (
    "{% for turn in messages %}"
    "{{ (' user :' if turn['role'] == 'user' else ' model :') }}"
    "{% for part in turn['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else ' ' + part['text'] }}"
    "{% endfor %}"
)
TEMPLATES = {
    "emu3": SAID + "{% endfor %}{% if add_generation_prompt %} model :{% endif %}",
    "janus": SAID
    + "{% if turn['role'] == 'assistant' %}</s>{% endif %}"
    + "{% endfor %}{% if add_generation_prompt %} model :{% endif %}",
}
"""As published: Janus ends an answer in the template, Emu3 does not."""


def save_tiny(kind: str, folder: Path, depth: int = DEPTH) -> Path:
    """Write a model with four query heads on two key heads."""
    SAVERS[kind](folder)
    config = AutoConfig.from_pretrained(folder)
    config.text_config.num_hidden_layers = depth
    config.text_config.num_attention_heads = 4
    config.text_config.num_key_value_heads = 2
    torch.manual_seed(1)
    model = CLASSES[kind](config)
    model.generation_config = GenerationConfig.from_pretrained(folder)
    model.save_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder)
    processor.chat_template = TEMPLATES[kind]
    processor.save_pretrained(folder)
    return folder


def picture(kind: str, seed: int = 0) -> np.ndarray:
    """Noise of the model's own size, uint8 [h, w, 3]."""
    side = SIDES[kind]
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Told:
    """An example as a data set gives it."""

    image: np.ndarray | None
    caption: str = ""
    turns: tuple[tuple[str, str], ...] = ()


def asked(kind: str) -> list[Told]:
    """Two questions about one image, one about another, one about none."""
    return [
        Told(picture(kind), turns=(("a dog", "dog"), ("dog", "a a"))),
        Told(picture(kind, 1), turns=(("a", "a"),)),
        Told(None, turns=(("a", "a"),)),
    ]


def drawn(kind: str) -> list[Told]:
    """Two prompts of unequal lengths."""
    return [Told(picture(kind), "a dog"), Told(picture(kind, 1), "dog")]


def examples(kind: str, task: str) -> list[Told]:
    return asked(kind) if task == "understand" else drawn(kind)
