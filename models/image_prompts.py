"""Prompts that hold images: words and images in any order stand before the image that is drawn.

    <generate> words <image> codes </image> words … <image> codes
               └───────────── the prompt ─────────┘         └ targets

A token architecture needs nothing more: an image token's place within its image is counted, and
only the last image's codes are predicted. A dropped prompt (guidance) takes its images with it.
"""

from collections.abc import Sequence

from models.batch import Packed, pack_drawn
from models.text_tokens import BEGIN_IMAGE, END_IMAGE, GENERATE, SPECIAL, TextTokens

IMAGE = SPECIAL[BEGIN_IMAGE]
"""What a text says where an image stands."""


def image_prompt_tokens(words: TextTokens, text: str, images: Sequence[Sequence[int]]) -> list[int]:
    """What stands before the drawn image's first code; `images` are the codes of each image.

    Raises ValueError where `text` says `<image>` more or less often than there are images.
    """
    first, *parts = text.split(IMAGE)
    if len(parts) != len(images):
        raise ValueError(f"a prompt must say {IMAGE} {len(images)} times, got {text!r}.")
    tokens = [GENERATE, *words.encode(first)]
    for codes, part in zip(images, parts, strict=True):
        shown = [len(words) + code for code in codes]
        tokens += [BEGIN_IMAGE, *shown, END_IMAGE, *words.encode(part)]
    return [*tokens, BEGIN_IMAGE]


def pack_image_prompt(
    words: TextTokens, text: str, images: Sequence[Sequence[int]], codes: Sequence[int]
) -> Packed:
    """Prompt to image; the codes of the drawn image are the targets."""
    return pack_drawn(image_prompt_tokens(words, text, images), len(words), codes)
