"""A record of named values, whatever held it, as a sample.

Parquet rows, rows of a Hugging Face data set, members of a WebDataset sample and lines of JSON
differ in where they stand; what their fields are called is alike, and is read here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.pairs.samples import BrokenSampleError, Sample, Turns, decoded

IMAGE_FIELDS = ("image", "jpg", "jpeg", "png", "webp", "img")
TEXT_FIELDS = ("caption", "text", "txt", "prompt")
TALK_FIELD = "conversations"
IMAGE_TOKEN = "<image>"


@dataclass(frozen=True)
class Fields:
    """Which field holds the image, and which the text; empty: the first that has a known name."""

    image: str = ""
    text: str = ""

    def require(self, path: Path | str, columns: Collection[str]) -> None:
        """Raises ValueError for a named field that is no column of a table."""
        for role, name in (("image", self.image), ("text", self.text)):
            if name and name not in columns:
                known = ", ".join(columns)
                raise ValueError(f"{role} must name a column of {path}, {known}, got {name!r}.")

    def sample(self, name: str, record: Mapping[str, Any]) -> Sample:
        """The sample of a record with an image, in bytes, and a text or a conversation.

        BrokenSampleError where it has no image though it speaks of one, or no text.
        """
        talk = record.get(TALK_FIELD)
        turns = () if talk is None else conversation(talk)
        caption = first(record, self.text, TEXT_FIELDS)
        image = image_bytes(first(record, self.image, IMAGE_FIELDS))
        shown = image is not None or talk is None or mentions_image(talk)
        return checked(name, decoded(image) if shown else None, caption, turns)


def checked(name: str, image: Any, caption: Any, turns: Turns) -> Sample:
    """The sample; BrokenSampleError unless it has a caption or turns, and the caption is text."""
    if isinstance(caption, bytes):
        caption = caption.decode(errors="replace")
    if caption is not None and not isinstance(caption, str):
        raise BrokenSampleError(f"a caption must be text, got {type(caption).__name__}.")
    caption = (caption or "").strip()
    if not caption and not turns:
        raise BrokenSampleError("a sample must have a text, got none.")
    return Sample(name, image, caption, turns)


def first(record: Mapping[str, Any], named: str, known: Sequence[str]) -> Any:
    """The value of the field `named`, or of the first known one that has a value; None without."""
    names = (named,) if named else known
    return next((record[one] for one in names if record.get(one) is not None), None)


def image_bytes(value: Any) -> bytes | None:
    """The bytes of an image; the Hugging Face form is a mapping with `bytes`."""
    if isinstance(value, Mapping):
        value = value.get("bytes")
    if value is None or isinstance(value, bytes):
        return value
    raise BrokenSampleError(f"an image must be given in bytes, got {type(value).__name__}.")


def conversation(talk: Any) -> Turns:
    """The questions and answers of a conversation in LLaVA's form (arXiv 2304.08485).

    BrokenSampleError unless `human` and `gpt` take turns and at most one image is shown.
    """
    try:
        said = [(one["from"], one["value"]) for one in talk]
        speakers = [speaker for speaker, _ in said]
        shown = sum(value.count(IMAGE_TOKEN) for _, value in said)
        texts = [value.replace(IMAGE_TOKEN, "").strip() for _, value in said]
    except (TypeError, KeyError, AttributeError) as error:
        raise BrokenSampleError(
            f"a conversation must hold from and value, got {talk!r}."
        ) from error
    if not said or len(said) % 2 or speakers != ["human", "gpt"] * (len(said) // 2):
        raise BrokenSampleError(f"human and gpt must take turns, got {speakers}.")
    if shown > 1:
        raise BrokenSampleError(f"a conversation must show at most one image, got {shown}.")
    return tuple(zip(texts[::2], texts[1::2], strict=True))


def mentions_image(talk: Sequence[Mapping[str, str]]) -> bool:
    return any(IMAGE_TOKEN in one["value"] for one in talk)
