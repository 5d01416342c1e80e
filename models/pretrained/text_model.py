"""A published language model as the text model that arms start from, in the place of stage 0.

Word embeddings and head keep their rows behind those of our special tokens, which start as the
token that does the same work in the checkpoint, or as the mean of all.
"""

import copy
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from models import Task
from models.initialise import draw
from models.module import SharedModule, UnifiedModule
from models.pretrained.checkpoint import Checkpoint
from models.pretrained.names import HEAD, WORDS
from models.pretrained.words import SHIFT, PretrainedWords
from models.shared import Shared, SharedConfig
from models.token_models import token_model
from models.training import TrainConfig
from models.unified import UnifiedModel, Vocabulary


class PretrainedModule(SharedModule):
    """The control with weights that were read; arms start from it by `start_from_text`."""

    def __init__(self, model: UnifiedModel, train: TrainConfig, seed: int) -> None:
        UnifiedModule.__init__(self, train)  # not the control's, which draws every weight
        self.model, self.seed = model, seed


def text_model(
    checkpoint: Checkpoint, words: PretrainedWords, vocabulary: Vocabulary, seed: int
) -> UnifiedModel:
    """The checkpoint with our special tokens; what belongs to images is drawn by name and `seed`.

    Logits over text without the first eight, the special tokens', are the checkpoint's.
    """
    with torch.device("meta"):
        trunk = Shared(SharedConfig(trunk=checkpoint.trunk))
    own = dict(trunk.named_parameters())
    copies = {name: checkpoint.tensors[name].clone() for name in own}
    trunk.load_state_dict(copies, assign=True)
    model = token_model(trunk, vocabulary)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "image" in name or "position" in name:
                value = draw(name, parameter.shape, seed, trunk.config.depth)
                if value is not None:
                    parameter.copy_(value)
        model.embedding.text.weight.copy_(with_special(checkpoint.tensors[WORDS], words))
        if not checkpoint.tied:
            model.text_head.weight.copy_(with_special(checkpoint.tensors[HEAD], words))
    if checkpoint.tied:
        model.text_head.weight = model.embedding.text.weight
    return model


def with_special(table: Float[Tensor, "v d"], words: PretrainedWords) -> Float[Tensor, "u d"]:
    """The rows of our special tokens, then those of `table`."""
    starts, mean = words.starts(), table.mean(0)
    special = [table[starts[index]] if index in starts else mean for index in range(SHIFT)]
    return torch.cat((torch.stack(special), table))


def as_checkpoint(model: UnifiedModel, read: Checkpoint, task: Task = "understand") -> Checkpoint:
    """The way of `task` through a model that started from `read`, without our special tokens.

    A fork has one language model a branch. A head that was tied and is not any more is its own.
    """
    layers, norm = model.trunk.path(task)
    tensors = {f"norm.{name}": value for name, value in norm.state_dict().items()}
    for number, layer in enumerate(layers):
        tensors |= {f"layers.{number}.{name}": v for name, v in layer.state_dict().items()}
    words, head = model.embedding.text.weight, model.text_head.weight
    outside = {WORDS: words} if torch.equal(words, head) else {WORDS: words, HEAD: head}
    tensors |= {name: table.detach()[SHIFT:].clone() for name, table in outside.items()}
    config = copy.deepcopy(read.config)
    config.tie_word_embeddings = len(outside) == 1
    return replace(read, config=config, tensors=tensors)
