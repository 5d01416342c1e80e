"""A token architecture with an encoder of its own for images to be understood, whatever the trunk.

    understand   image ─ encoder, frozen ─ [ adapter ] ─┐
    generate     image ─ codec ─ codes ─ [ embedding ] ─┴──▶ [ trunk ] ──▶ heads

It differs from the plain model in what stands at the image's positions of an `understand` sequence:
the adapted features of the cell that covers the position, and not the code's embedding. Length and
order of the sequence stay. Source: Janus (arXiv 2410.13848), whose encoder is SigLIP.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models import Task
from models.batch import Sequences, image_positions
from models.blocks import Trunk
from models.interaction_loss import InteractionConfig
from models.sampling import SamplingConfig, answer_chunk, answer_tokens, checked, chunks
from models.text_tokens import PAD
from models.tokenizers.codec import FeatureMap
from models.unified import Tables, UnifiedModel, Vocabulary, state_dtype


class DoubleEncoderModel(UnifiedModel):
    view: FeatureMap

    def __init__(self, trunk: Trunk, vocabulary: Vocabulary) -> None:
        super().__init__(trunk, vocabulary)
        assert vocabulary.view is not None
        self.view, width = vocabulary.view, trunk.config.width
        self.feature_norm = nn.LayerNorm(self.view.channels, elementwise_affine=False)
        self.adapter_input = nn.Linear(self.view.channels, width)
        self.adapter_output = nn.Linear(width, width)

    def losses(
        self,
        sequences: Sequences,
        task: Task,
        interaction: InteractionConfig | None = None,
        tables: Tables | None = None,
    ) -> dict[str, Tensor]:
        """As in any model; raises ValueError for `understand` sequences without `features`."""
        if task == "understand":
            if "features" not in sequences:
                raise ValueError(
                    f"batch.understand must hold features for a second encoder, got {[*sequences]}."
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

    def coin(self, tokens: Int[Tensor, "b n"], is_prompt: Bool[Tensor, "b n"]) -> Bool[Tensor, "b"]:
        """By the words alone: what stands for an image is numbered by its place in the batch."""
        return super().coin(tokens, is_prompt & (tokens < self.vocabulary.text))

    def idle_parts(self, task: Task) -> tuple[nn.Module, ...]:
        """Each task has its own view of an image, its codes or the adapted features."""
        codes = (self.embedding.image_input, self.embedding.image_output)
        features = (self.adapter_input, self.adapter_output)
        return (*super().idle_parts(task), *(codes if task == "understand" else features))

    def cells(self, device: torch.device) -> Int[Tensor, "p"]:
        """The cell of the feature map that covers each image position."""
        grid, cells = self.vocabulary.grid, self.view.cells
        along = torch.arange(grid, device=device) * cells // grid
        return (along[:, None] * cells + along[None]).flatten()


def answer_seen(
    model: UnifiedModel,
    questions: Sequence[list[int]],
    features: Float[Tensor, "b cells features"] | None,
    config: SamplingConfig,
    length: int,
) -> list[list[int]]:
    """As `answer_tokens`; `features` holds a row a question, whatever it is without an image.

    Raises ValueError for a question about an image without features, of a model that needs them.
    """
    if not isinstance(model, DoubleEncoderModel):
        return answer_tokens(model, questions, config, length)
    if features is None:
        if any(token >= model.vocabulary.text for question in questions for token in question):
            raise ValueError("a question about an image must come with features, got none.")
        return answer_tokens(model, questions, config, length)
    answers: list[list[int]] = []
    for chosen in chunks(len(questions), config.chunk):
        rows = [checked(questions[index], config, "question_length") for index in chosen]
        answers += _answer_chunk(model, rows, features[chosen], config, length)
    return answers[: len(questions)]


@torch.no_grad()
def _answer_chunk(
    model: DoubleEncoderModel,
    rows: list[list[int]],
    features: Tensor,
    config: SamplingConfig,
    length: int,
) -> list[list[int]]:
    width, device = config.question_length, model.text_head.weight.device
    padded = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    seen, tables = model.see(padded.to(device), features.to(device))
    prompts = [ids[: len(row)] for ids, row in zip(seen.tolist(), rows, strict=True)]
    return answer_chunk(model, prompts, width, length, tables)
