"""The base of the LightningModules: it trains any architecture on both tasks.

batch ── for each task present: losses(sequences, task) ── weights ── sum ── one optimiser step
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightning
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models import Task
from models.batch import Batch
from models.blocks import Trunk
from models.initialise import initialise, start_trunk
from models.parameters import active_parameters
from models.pieces import weighed
from models.remedies import COMBINERS
from models.sampling import SamplingConfig, generate_codes
from models.schedules import scheduled
from models.shared import Shared, SharedConfig
from models.token_models import token_model
from models.token_models.double_encoder_model import answer_seen
from models.tokenizers.codec import FeatureMap
from models.training import TrainConfig, build_optimizer, freeze
from models.unified import UnifiedModel, Vocabulary, objective


class UnifiedModule(lightning.LightningModule, ABC):
    """Training of a model on the tasks that have a weight.

    `second_encoder`: whether `answer` takes `features` of the questions' images as well.
    `needs_coin`: whether a pass without a known prompt cannot choose its weights.
    """

    second_encoder = False
    needs_coin = False

    def __init__(self, train: TrainConfig) -> None:
        super().__init__()
        self.train_config = train
        self.combine = COMBINERS[train.combine]()
        self.values: dict[str, Tensor] = {}  # the last step's, for whoever logs

    @property
    def trained_tasks(self) -> tuple[Task, ...]:
        """The tasks whose loss counts."""
        return self.train_config.tasks

    @property
    def passed_twice(self) -> tuple[nn.Module, ...]:
        """The parts that a step runs through more than once, with gradient."""
        return ()

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        """Named values, `loss` among them, of every trained task that is in the batch."""

    @abstractmethod
    def active_parameters(self) -> dict[str, int]:
        """Parameters that a token of each task meets: trunk, embeddings and its head."""

    @abstractmethod
    def generate(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
    ) -> Int[Tensor, "b p"]:
        """Image codes; prompts end in `<image>`, and image i depends on prompt and seed i alone."""

    @property
    @abstractmethod
    def reader(self) -> UnifiedModel:
        """The model over tokens that answers."""

    def answer(
        self,
        questions: Sequence[list[int]],
        config: SamplingConfig,
        length: int,
        features: Float[Tensor, "b cells features"] | None = None,
    ) -> list[list[int]]:
        """Greedy answers of at most `length` tokens, without `<end>`.

        `features` are those of the questions' images, a row each, for a model that needs them.
        """
        return answer_seen(self.reader, questions, features, config, length)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The tasks' weighted objectives in one. Raises ValueError when it is not finite."""
        values = weighed(self.losses(batch), batch)
        weighted = {t: self.train_config.weight(t) * objective(v) for t, v in values.items()}
        loss = self.combine(weighted, self.parameters)
        if not torch.isfinite(loss):
            found = {task: v["loss"].item() for task, v in values.items()}
            raise ValueError(
                f"loss must stay finite, got {found} at step {self.global_step}, batch {batch_idx}."
            )
        self.values = {
            f"train/{task}/{name}": value.detach()
            for task, named in values.items()
            for name, value in named.items()
        }
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(self, self.train_config)
        return scheduled(optimizer, self.train_config.rate)


class TokenModule(UnifiedModule):
    """Any architecture that is a trunk over tokens; its vocabulary says what stands around it."""

    trunk_class: Callable[[Any], Trunk]
    own_view: FeatureMap | None = None
    model: UnifiedModel

    def __init__(self, config: Any, vocabulary: Vocabulary, train: TrainConfig, seed: int) -> None:
        super().__init__(train)
        self.model = self.around(self.trunk_class(config), vocabulary)
        initialise(self.model, seed, config.trunk.depth)
        reference = Shared(SharedConfig(trunk=config.trunk))
        initialise(reference, seed, config.trunk.depth)
        start_trunk(self.model.trunk, dict(reference.named_parameters()), seed)
        self.seed = seed
        self.second_encoder = self.model.vocabulary.view is not None
        freeze(self.model.trunk, train.frozen)

    @classmethod
    def around(cls, trunk: Trunk, vocabulary: Vocabulary) -> UnifiedModel:
        """The model around a trunk, which sees by `own_view` unless the vocabulary has another."""
        return token_model(trunk, replace(vocabulary, view=vocabulary.view or cls.own_view))

    def start_from_shared(self, trained: "SharedModule") -> None:
        """Takes all that a trained shared model has: its trunk, embeddings and heads."""
        source = trained.model
        start_trunk(self.model.trunk, dict(source.trunk.named_parameters()), self.seed)
        for name, part in source.named_children():
            if part is not source.trunk:
                getattr(self.model, name).load_state_dict(part.state_dict())

    def start_from_text(self, text_model: "SharedModule") -> None:
        """Takes trunk, word embeddings and text head of a model trained on text (stage 0)."""
        source = text_model.model
        start_trunk(self.model.trunk, dict(source.trunk.named_parameters()), self.seed)
        self.model.embedding.text.load_state_dict(source.embedding.text.state_dict())
        self.model.text_head.load_state_dict(source.text_head.state_dict())

    @property
    def reader(self) -> UnifiedModel:
        return self.model

    def losses(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        present: list[Task] = [task for task in self.trained_tasks if batch.get(task)]
        return {task: self.task_losses(batch, task) for task in present}

    def task_losses(self, batch: Batch, task: Task) -> dict[str, Tensor]:
        """The task's values, with the interaction loss where that has a weight."""
        interaction = self.train_config.interaction
        wanted = interaction if interaction.weight(task) else None
        return self.model.losses(batch[task], task, wanted)

    def active_parameters(self) -> dict[str, int]:
        return {task: active_parameters(self.model, task) for task in self.trained_tasks}

    def generate(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
    ) -> Int[Tensor, "b p"]:
        return generate_codes(self.model, prompts, seeds, config)


class SharedModule(TokenModule):
    """The control, which every token arm starts as."""

    trunk_class = Shared


@dataclass(frozen=True)
class Architecture:
    """What the file of an architecture gives: its config's dataclass and its LightningModule."""

    config: type
    module: type[UnifiedModule]
