"""A token architecture whole: embeddings, a trunk, a text head and an image head; and its losses.

Every token arm is this class around its own trunk, so that the arms differ in the trunk alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models import Task
from models.batch import Sequences, image_positions
from models.blocks import Trunk, TrunkOutput
from models.context import Context, causal_context
from models.interaction_loss import InteractionConfig, interaction_values, watch
from models.packing import pack
from models.sample_coin import prompt_coin, prompt_of
from models.tokenizers.codec import Codebook, FeatureMap

SCALAR_LOSS = "_loss"


@dataclass(frozen=True)
class Vocabulary:
    """How many text ids there are, and the codec's view of every image code `[v w]`.

    A position of an image has a code of each of `depths`, whose features lie end to end; beyond one
    depth, a depth head of `head_layers` blocks predicts them (models/token_models/depth_head.py).
    With a `view`, images are understood by a second encoder's features and not by their codes.
    """

    text: int
    code_features: Tensor
    grid: int
    depths: int = 1
    head_layers: int = 2
    view: FeatureMap | None = None

    @classmethod
    def around(cls, words: int, codec: Codebook, view: FeatureMap | None = None) -> "Vocabulary":
        """That of a model whose images pass `codec`."""
        sizes = (codec.config.grid, codec.depths, codec.head_layers)
        return cls(words, codec.features(), *sizes, view)

    @property
    def codes(self) -> int:
        return len(self.code_features) // self.depths

    @property
    def tokens_per_image(self) -> int:
        return self.grid**2


Tables = tuple[Float[Tensor, "v d"], Float[Tensor, "p d"]]
"""Embeddings of all tokens, and of the positions in an image."""

Choice = Callable[[Tensor, int], Tensor]


class TokenEmbedding(nn.Module):
    """Text by a table; an image code by a small MLP on its features plus a 2-D position."""

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        super().__init__()
        self.text = nn.Embedding(vocabulary.text, width)
        self.image_input = nn.Linear(vocabulary.code_features.shape[1], width)
        self.image_output = nn.Linear(width, width)
        self.row_position = nn.Parameter(torch.zeros(vocabulary.grid, width))
        self.column_position = nn.Parameter(torch.zeros(vocabulary.grid, width))
        self.register_buffer("code_features", vocabulary.code_features, persistent=False)

    def tables(self, dtype: torch.dtype) -> Tables:
        """Embeddings of all tokens, and of the image positions with a zero row for text."""
        hidden = nn.functional.gelu(self.image_input(self.code_features))
        tokens = torch.cat((self.text.weight, self.image_output(hidden).to(self.text.weight.dtype)))
        places = (self.row_position[:, None] + self.column_position[None]).flatten(0, 1)
        return tokens.to(dtype), torch.cat((places, torch.zeros_like(places[:1]))).to(dtype)


class UnifiedModel(nn.Module):
    def __init__(self, trunk: Trunk, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.trunk, self.vocabulary = trunk, vocabulary
        width = trunk.config.width
        self.embedding = TokenEmbedding(vocabulary, width)
        self.text_head = nn.Linear(width, vocabulary.text, bias=False)
        self.image_head = nn.Linear(width, vocabulary.codes, bias=False)

    def embed(
        self, tokens: Int[Tensor, "b n"], tables: Tables | None = None, place: int | None = None
    ) -> Float[Tensor, "b n d"]:
        """States before the first layer, in the autocast dtype where autocast is on.

        A sampler hands over `tables`, which do not change while it draws, and the `place` within
        the image of a single new token.
        """
        table, places = tables or self.embedding.tables(state_dtype(tokens.device))
        states = self.look_up(tokens, table)
        if place is not None:
            return states + places[place]
        is_image = tokens >= self.vocabulary.text
        per_image = self.vocabulary.tokens_per_image
        where = torch.where(is_image, image_positions(is_image, per_image), per_image)
        return states + nn.functional.embedding(where, places)

    def look_up(self, tokens: Int[Tensor, "b n"], table: Tensor) -> Float[Tensor, "b n d"]:
        """The tokens' rows of a table."""
        return nn.functional.embedding(tokens, table)

    def forward(self, tokens: Int[Tensor, "b n"], task: Task) -> TrunkOutput:
        """One pass over all positions. Without targets no prompt is known: no coin is tossed."""
        states = self.embed(tokens)
        context = causal_context(states, self.trunk.config)
        nothing = torch.zeros_like(tokens, dtype=torch.bool)
        return self.trunk(states, self.informed(context, tokens, nothing), task)

    def informed(
        self, context: Context, tokens: Int[Tensor, "b n"], is_prompt: Bool[Tensor, "b n"]
    ) -> Context:
        """The context with what a trunk may choose weights by beside the task."""
        coin = self.coin(tokens, is_prompt)[:, None].expand_as(tokens)
        is_image = tokens >= self.vocabulary.text
        if context.packing is not None:
            kept = context.packing.kept
            coin, is_image = (one.flatten()[kept][None] for one in (coin, is_image))
        return replace(context, is_image=is_image, coin=coin)

    def coin(self, tokens: Int[Tensor, "b n"], is_prompt: Bool[Tensor, "b n"]) -> Bool[Tensor, "b"]:
        """Each sample's toss."""
        return prompt_coin(tokens, is_prompt)

    def losses(
        self,
        sequences: Sequences,
        task: Task,
        interaction: InteractionConfig | None = None,
        tables: Tables | None = None,
    ) -> dict[str, Tensor]:
        """`loss`: mean cross-entropy over the task's targets; what the trunk adds by name; and the
        interaction loss where one is given.

        Targets are text for `understand`, image codes for `generate`. `tables` stand in for the
        embeddings of all tokens.
        """
        tokens, predicted = sequences["tokens"], sequences["predicted"]
        wanted = predicted[:, 1:].flatten().nonzero()[:, 0]
        targets = tokens[:, 1:].flatten()[wanted]
        states, packing = self.embed(tokens[:, :-1], tables), pack(predicted[:, 1:])
        if packing is not None:
            states, wanted = packing.collect(states), packing.rows.flatten()[wanted]
        watched = watch(sequences, task, self.vocabulary.text) if interaction else None
        context = causal_context(states, self.trunk.config, packing, watched)
        is_prompt = prompt_of(tokens, predicted)[:, :-1]
        context = self.informed(context, tokens[:, :-1], is_prompt)
        output = self.trunk(states, replace(context, wanted=wanted), task)
        loss = self.cross_entropy(output.states, targets, task)
        values = {"loss": loss, **layer_means(output)}
        if interaction and watched:
            values |= interaction_values(interaction, task, watched, loss)
        return values

    def cross_entropy(
        self, states: Float[Tensor, "t d"], targets: Int[Tensor, "t"], task: Task
    ) -> Float[Tensor, ""]:
        logits = self.logits(states, task)
        if task == "generate":
            targets = targets - self.vocabulary.text
        return nn.functional.cross_entropy(logits.float(), targets)

    def logits(self, states: Float[Tensor, "... d"], task: Task) -> Float[Tensor, "... v"]:
        """Over text ids for `understand`, over image codes for `generate`."""
        return self.text_head(states) if task == "understand" else self.image_head(states)

    def idle_parts(self, task: Task) -> tuple[nn.Module, ...]:
        """Parts outside the trunk that no token of `task` meets."""
        return (self.image_head,) if task == "understand" else (self.text_head,)

    def draw(self, states: Float[Tensor, "b d"], choose: Choice) -> Int[Tensor, "b"]:
        """The codes after `states`, as `choose` picks from logits `[b v]` at a depth, from 0."""
        return choose(self.logits(states, "generate"), 0)


def state_dtype(device: torch.device) -> torch.dtype:
    """The dtype of the residual stream: autocast's where it is on, else fp32."""
    if torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    return torch.float32


def layer_means(output: TrunkOutput) -> dict[str, Tensor]:
    """Scalars of the layers' auxiliary values, averaged over the layers that have them."""
    names = {
        name for layer in output.auxiliary for name, value in layer.items() if value.dim() == 0
    }
    return {
        name: torch.stack([layer[name] for layer in output.auxiliary if name in layer]).mean()
        for name in sorted(names)
    }


def objective(values: dict[str, Tensor]) -> Tensor:
    """The task's loss plus every weighted auxiliary loss."""
    extras = [value for name, value in values.items() if name.endswith(SCALAR_LOSS)]
    return torch.stack([values["loss"], *extras]).sum()
