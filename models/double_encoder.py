"""`double_encoder`: the shared trunk, with an encoder of its own for images to be understood.

    understand   image ─ EfficientNet, frozen ─ [ adapter ] ─┐
    generate     image ─ codec ─ codes ─ [ embedding ] ──────┴──▶ [ shared trunk ] ──▶ heads

It differs from `shared` in what stands at the image's positions of an `understand` sequence: the
adapted features of the cell that covers the position, and not the code's embedding. Length and
order of the sequence stay. Source: Janus (arXiv 2410.13848), whose encoder is SigLIP; ours is the
largest that comes as a package and runs in minutes, trained on ImageNet's labels and not on text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models import Task
from models.batch import Sequences, image_positions
from models.blocks import Trunk
from models.image_features import CELLS, CHANNELS
from models.interaction_loss import InteractionConfig
from models.module import Architecture, TokenModule
from models.sampling import SamplingConfig, answer_chunk, checked, chunks
from models.shared import Shared, SharedConfig
from models.text_tokens import PAD
from models.unified import Tables, UnifiedModel, Vocabulary, state_dtype


@dataclass(frozen=True, kw_only=True)
class DoubleEncoderConfig(SharedConfig):
    """`recipe`: its cells need the step that extracts features (experiments/graph.py)."""

    name: str = "double_encoder"

    @property
    def recipe(self) -> str:
        return "features"


class DoubleEncoderModel(UnifiedModel):
    def __init__(self, trunk: Trunk, vocabulary: Vocabulary) -> None:
        super().__init__(trunk, vocabulary)
        width = trunk.config.width
        self.feature_norm = nn.LayerNorm(CHANNELS, elementwise_affine=False)
        self.adapter_input = nn.Linear(CHANNELS, width)
        self.adapter_output = nn.Linear(width, width)

    def losses(
        self,
        sequences: Sequences,
        task: Task,
        interaction: InteractionConfig | None = None,
        tables: Tables | None = None,
    ) -> dict[str, Tensor]:
        """As in `shared`; raises ValueError for `understand` sequences without `features`."""
        if task == "understand":
            if "features" not in sequences:
                raise ValueError(
                    f"batch.understand must hold features for double_encoder, got {[*sequences]}."
                )
            tokens, tables = self.see(sequences["tokens"], sequences["features"])
            sequences = {**sequences, "tokens": tokens}
        return super().losses(sequences, task, interaction, tables)

    def see(
        self, tokens: Int[Tensor, "b n"], features: Float[Tensor, "b cells features"]
    ) -> tuple[Int[Tensor, "b n"], Tables]:
        """Tokens whose image positions point at adapted features, and the tables to look them up.

        The features of row i follow the embeddings of all tokens, after those of the rows before.
        """
        known, places = self.embedding.tables(state_dtype(tokens.device))
        hidden = nn.functional.gelu(self.adapter_input(self.feature_norm(features.float())))
        adapted = self.adapter_output(hidden).flatten(0, 1).to(known.dtype)
        is_image = tokens >= self.vocabulary.text
        cell = self.cells(tokens.device)[
            image_positions(is_image, self.vocabulary.tokens_per_image)
        ]
        row = torch.arange(len(tokens), device=tokens.device)[:, None] * features.shape[1]
        seen = torch.where(is_image, len(known) + row + cell, tokens)
        return seen, (torch.cat((known, adapted)), places)

    def cells(self, device: torch.device) -> Int[Tensor, "p"]:
        """The cell of the feature map that covers each image position."""
        grid = self.vocabulary.grid
        along = torch.arange(grid, device=device) * CELLS // grid
        return (along[:, None] * CELLS + along[None]).flatten()


class DoubleEncoderModule(TokenModule):
    trunk_class = Shared
    model_class = DoubleEncoderModel
    second_encoder = True
    model: DoubleEncoderModel

    def answer(
        self,
        questions: Sequence[list[int]],
        config: SamplingConfig,
        length: int,
        features: Float[Tensor, "b cells features"] | None = None,
    ) -> list[list[int]]:
        """As any arm; `features` holds a row a question, whatever it is where there is no image.

        Raises ValueError for a question about an image without features.
        """
        if features is None:
            if any(max(question) >= self.model.vocabulary.text for question in questions):
                raise ValueError("a question about an image must come with features, got none.")
            return super().answer(questions, config, length)
        answers: list[list[int]] = []
        for chosen in chunks(len(questions), config.chunk):
            rows = [checked(questions[index], config.question_length) for index in chosen]
            answers += self._answer_chunk(rows, features[chosen], config, length)
        return answers[: len(questions)]

    @torch.no_grad()
    def _answer_chunk(
        self, rows: list[list[int]], features: Tensor, config: SamplingConfig, length: int
    ) -> list[list[int]]:
        width = config.question_length
        padded = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
        seen, tables = self.model.see(padded.to(self.device), features.to(self.device))
        prompts = [ids[: len(row)] for ids, row in zip(seen.tolist(), rows, strict=True)]
        return answer_chunk(self.model, prompts, width, length, tables)


ARCHITECTURE = Architecture(DoubleEncoderConfig, DoubleEncoderModule)
