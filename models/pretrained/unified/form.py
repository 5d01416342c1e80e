"""What every published unified model does: it reads examples of both tasks, and gives states.

A form says how its own model writes an image down, which of its parts stay frozen, and which head
predicts what. Everything else, the loss among it, is the same for all (`tuning.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from models import Task
from models.attention_mass import Watch
from models.pretrained.unified.attention import use_interaction_attention
from models.pretrained.unified.conversation import CAPTION_REQUEST, pieces
from models.pretrained.unified.reading import Example, Reading, Row, together


class UnifiedForm(ABC):
    """A model of transformers and its processor."""

    def __init__(self, model: Any, processor: Any) -> None:
        self.model, self.processor = model, processor
        use_interaction_attention(self.decoder)
        for part in self.frozen:
            part.requires_grad_(False)

    @property
    def decoder(self) -> Any:
        """The layers whose masses are kept."""
        return self.model.get_decoder()

    @property
    def depth(self) -> int:
        return len(self.decoder.layers)

    @property
    @abstractmethod
    def frozen(self) -> Sequence[nn.Module]:
        """The parts that are not tuned."""

    @abstractmethod
    def drawn(self, example: Example, dropped: bool) -> Row:
        """A prompt with its image behind; of a dropped one no word is left."""

    @abstractmethod
    def written(self, reading: Reading) -> Reading:
        """The reading with the image's codes among its tokens, where the model reads codes."""

    @abstractmethod
    def image_length(self, pixels: int) -> int:
        """Tokens of an image of so many pixels a side."""

    @abstractmethod
    def encode(self, task: Task, pixels: Float[Tensor, "b 3 height width"]) -> Any:
        """What the frozen encoder makes of images for a task."""

    @abstractmethod
    def states(self, reading: Reading, watch: Watch | None) -> Float[Tensor, "b n d"]:
        """What the last layer gives out; the masses go to the watch."""

    @abstractmethod
    def head(self, task: Task) -> nn.Module:
        """From states to logits of the tokens that a task predicts."""

    def read(
        self,
        task: Task,
        examples: Sequence[Example],
        dropped: Sequence[bool],
        longest: int | None = None,
    ) -> Reading:
        """Examples of a task; `dropped` says whose prompt is left out, when it is drawn. Of a
        conversation `longest` tokens are read."""
        if task == "understand":
            rows = [self.asked(example).cut(longest) for example in examples]
        else:
            pairs = zip(examples, dropped, strict=True)
            rows = [self.drawn(example, without) for example, without in pairs]
        return self.written(together(task, rows, self.model.device))

    def asked(self, example: Example) -> Row:
        """A conversation about an image, or about none."""
        turns = example.turns or ((CAPTION_REQUEST, example.caption),)
        opening, *rest = pieces(self.processor, turns, example.image is not None)
        batch = self.opened(opening.text, example.image)
        tokens = [batch.pop("input_ids")[0]]
        predicted = [torch.zeros_like(tokens[0], dtype=torch.bool)]
        for piece in rest:
            end = [self.processor.tokenizer.eos_token_id] if piece.is_answer else []
            ids = torch.tensor([*self.ids(piece.text), *end], dtype=torch.long)
            tokens.append(ids)
            predicted.append(torch.full_like(ids, piece.is_answer, dtype=torch.bool))
        row = torch.cat(tokens)
        is_image = row == self.image_token
        return Row(row, torch.cat(predicted), is_image, torch.zeros_like(is_image), batch)

    def opened(self, text: str, image: np.ndarray | None) -> dict[str, Tensor]:
        """The processor's batch of one text, with its image."""
        pictures = {} if image is None else {"images": [[Image.fromarray(image)]]}
        batch = dict(self.processor(text=[text], **pictures, return_tensors="pt"))
        batch.pop("attention_mask", None)
        return batch

    def ids(self, text: str) -> list[int]:
        return self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]

    def is_word(self, tokens: Tensor) -> Tensor:
        """Which tokens are no special ones."""
        return ~torch.isin(tokens, torch.tensor(self.processor.tokenizer.all_special_ids))

    @property
    def image_token(self) -> int:
        """The id that stands in a text for an image's token."""
        tokenizer = self.processor.tokenizer
        return tokenizer.convert_tokens_to_ids(self.processor.image_token)

    def save(self, folder: Path, state: Mapping[str, Tensor]) -> None:
        """Writes the model, of which this is the state, and its processor as transformers loads
        them."""
        self.model.save_pretrained(folder, state_dict=dict(state))
        self.processor.save_pretrained(folder)
