"""`image_prompted_bridge`: the frozen bridge, trained on prompts that may hold images.

    <understand> words <image> codes </image> words │ query 1 … query N ──▶ connector ──▶ decoder
    └ read by the frozen model, which has learnt to answer about images ┘

It has `frozen_bridge`'s parts, weights and sampling, and on prompts of words alone its loss. It
differs in where a training sequence ends its prompt: at the first target, since image codes may
stand before it. What the decoder learns of a prompt's images passes through the queries alone, as
in MetaQuery's instruction tuning (arXiv 2504.06256).
"""

from dataclasses import dataclass

from einops import rearrange
from torch import Tensor

from models.batch import Batch, Sequences
from models.flow_matching import flow_matching_loss
from models.frozen_bridge import FrozenBridgeConfig, FrozenBridgeModule
from models.initialise import generator_for
from models.module import Architecture
from models.prompt_states import language_prompts


@dataclass(frozen=True, kw_only=True)
class ImagePromptedBridgeConfig(FrozenBridgeConfig):
    name: str = "image_prompted_bridge"


class ImagePromptedBridgeModule(FrozenBridgeModule):
    def losses(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        model, generator = self.model, generator_for(self.seed, "flow", self.global_step)
        text = model.language_model.vocabulary.text
        prompts, lengths, codes = split_at_targets(batch["generate"], text)
        clean = rearrange(model.latents[codes], "b (y x) l -> b l y x", y=model.grid)
        conditions = model.conditions(prompts, lengths)
        loss = flow_matching_loss(model.decoder, clean, conditions, generator)
        return {"generate": {"loss": loss}}


def split_at_targets(sequences: Sequences, text: int) -> tuple[Tensor, Tensor, Tensor]:
    """Prompts as the language model reads them, their lengths, and the codes of the drawn images.

    What stands before the first target, but for the `<image>` that opens it, is the prompt.
    """
    tokens, predicted = sequences["tokens"], sequences["predicted"]
    lengths = predicted.int().argmax(1) - 1
    codes = (tokens[predicted] - text).view(len(tokens), -1)
    return language_prompts(tokens[:, : int(lengths.max())], lengths), lengths, codes


ARCHITECTURE = Architecture(ImagePromptedBridgeConfig, ImagePromptedBridgeModule)
