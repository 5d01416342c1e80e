"""A token architecture over residual codes: several codes stand at a position, which is one token.

What it changes, whatever the trunk: a position is embedded by the sum of its codes' vectors; the
image head is a depth head; the loss is the mean over all depths; a position is drawn depth by
depth. Source: UniFork (arXiv 2506.17202), in the form of VILA-U (arXiv 2409.04429).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models import Task
from models.blocks import Trunk
from models.token_models.depth_head import DepthHead
from models.tokenizers.residual_codes import join, split, summed
from models.unified import Choice, Tables, TokenEmbedding, UnifiedModel, Vocabulary


class ResidualEmbedding(TokenEmbedding):
    """Text by a table; a position of an image by a small MLP on the sum of its codes' vectors."""

    code_features: Tensor

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        super().__init__(vocabulary, width)
        self.depths = vocabulary.depths

    def tables(self, dtype: torch.dtype) -> Tables:
        """Embeddings of the words alone, as there are too many combinations of codes."""
        places = (self.row_position[:, None] + self.column_position[None]).flatten(0, 1)
        places = torch.cat((places, torch.zeros_like(places[:1])))
        return self.text.weight.to(dtype), places.to(dtype)

    def positions(self, codes: Int[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
        """What stands at the positions of composed codes."""
        vectors = summed(self.code_features, codes, self.depths)
        return self.image_output(nn.functional.gelu(self.image_input(vectors)))


class ResidualModel(UnifiedModel):
    embedding: ResidualEmbedding
    image_head: DepthHead

    def __init__(self, trunk: Trunk, vocabulary: Vocabulary) -> None:
        super().__init__(trunk, vocabulary)
        self.embedding = ResidualEmbedding(vocabulary, trunk.config.width)
        features, layers = vocabulary.code_features, vocabulary.head_layers
        self.image_head = DepthHead(trunk.config, features, vocabulary.depths, layers)

    def look_up(self, tokens: Int[Tensor, "b n"], table: Tensor) -> Float[Tensor, "b n d"]:
        """Words' rows and composed codes' sums; a table that goes on after the words has all."""
        if len(table) > self.vocabulary.text:
            return super().look_up(tokens, table)
        codes = tokens - self.vocabulary.text
        is_image = codes >= 0
        words = super().look_up(tokens.masked_fill(is_image, 0), table)
        seen = self.embedding.positions(codes.clamp_min(0)).to(table.dtype)
        return torch.where(is_image[..., None], seen, words)

    def cross_entropy(
        self, states: Float[Tensor, "t d"], targets: Int[Tensor, "t"], task: Task
    ) -> Float[Tensor, ""]:
        """For `generate` the mean over positions and depths."""
        if task == "understand":
            return super().cross_entropy(states, targets, task)
        parts = self.parts(targets - self.vocabulary.text)
        logits = self.image_head(states, parts[:, :-1])
        return nn.functional.cross_entropy(logits.float().flatten(0, 1), parts.flatten())

    def logits(self, states: Float[Tensor, "... d"], task: Task) -> Float[Tensor, "... v"]:
        """For `generate` over the codes of the first depth."""
        if task == "understand":
            return super().logits(states, task)
        rows = states.flatten(0, -2)
        nothing = torch.empty(len(rows), 0, dtype=torch.long, device=states.device)
        return self.image_head(rows, nothing)[:, 0].unflatten(0, states.shape[:-1])

    def draw(self, states: Float[Tensor, "b d"], choose: Choice) -> Int[Tensor, "b"]:
        """Depth by depth, each chosen from logits that know the ones before."""
        parts = torch.empty(len(states), 0, dtype=torch.long, device=states.device)
        for depth in range(self.vocabulary.depths):
            chosen = choose(self.image_head(states, parts)[:, -1], depth)
            parts = torch.cat((parts, chosen[:, None]), dim=1)
        return join(parts, self.vocabulary.codes)

    def parts(self, codes: Int[Tensor, "..."]) -> Int[Tensor, "... depths"]:
        return split(codes, self.vocabulary.codes, self.vocabulary.depths)
