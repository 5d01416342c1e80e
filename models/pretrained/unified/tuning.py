"""Tunes a published unified model on both tasks, with the interaction loss where it has a weight.

batch ── for each task present: read, states, loss of its tokens, interaction ── sum ── one step

AIA (arXiv 2511.22663) fine-tunes Emu3 and post-trains Janus-Pro so; its released code, for
Janus-Pro, draws one task a step, where a step here sees both. It drops no attention probabilities.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import lightning
import torch
from torch import Tensor

from models import TASKS, Task
from models.attention_mass import Watch
from models.block_execution import recompute_blocks
from models.initialise import generator_for
from models.interaction_loss import curves, pull
from models.pretrained.unified.form import UnifiedForm
from models.pretrained.unified.reading import Example, Reading, ahead
from models.pretrained.unified.stages import published_stages
from models.pretrained.unified.token_loss import token_loss
from models.pretrained.unified.tuning_config import TuningConfig
from models.ranks import over_ranks, ranks
from models.schedules import scheduled
from models.unified import objective

Examples = Mapping[Task, Sequence[Example]]


class UnifiedTuning(lightning.LightningModule):
    """A batch holds examples by task. Raises ValueError for a target curve of another length."""

    def __init__(self, form: UnifiedForm, config: TuningConfig, seed: int = 0) -> None:
        super().__init__()
        self.form, self.train_config, self.seed = form, config, seed
        self.model = form.model
        stages = published_stages(form.depth)
        self.curves = {
            task: curves(config.interaction, task, stages)
            for task in TASKS
            if config.interaction.weight(task)
        }
        self.values: dict[str, Tensor] = {}  # the last step's, for whoever logs
        if config.recompute:
            recompute_blocks(form.decoder)
        self.train()

    def train(self, mode: bool = True) -> "UnifiedTuning":
        """Frozen parts stay as in use: Emu3's tokenizer has batch norms, which would move."""
        super().train(mode)
        for part in self.form.frozen:
            part.eval()
        return self

    def training_step(self, batch: Examples, batch_idx: int) -> Tensor:
        """The tasks' weighted objectives in one. Raises ValueError when it is not finite.

        What the model's own layers drop is, like dropped prompts, a function of seed and step.
        """
        torch.manual_seed(self.generator("layers").initial_seed())
        present: list[Task] = [task for task in self.train_config.tasks if batch.get(task)]
        values = {task: self.losses(self.read(task, batch[task])) for task in present}
        weighted = [self.train_config.weight(task) * objective(values[task]) for task in present]
        loss = torch.stack(weighted).sum()
        if not torch.isfinite(loss):
            found = {task: v["loss"].item() for task, v in values.items()}
            raise ValueError(f"loss must stay finite, got {found} at step {self.global_step}.")
        self.values = {
            f"train/{task}/{name}": value.detach()
            for task, named in values.items()
            for name, value in named.items()
        }
        return loss

    def read(self, task: Task, examples: Sequence[Example]) -> Reading:
        """The examples as this step sees them."""
        left_out = self.dropped(len(examples))
        return self.form.read(task, examples, left_out, self.train_config.longest)

    def dropped(self, count: int) -> list[bool]:
        """Whose prompt is left out: a function of seed, step, process and place."""
        drawn = torch.rand(count, generator=self.generator("prompts"))
        return (drawn < self.train_config.prompt_drop).tolist()

    def generator(self, purpose: str) -> torch.Generator:
        """Of this step and process."""
        return generator_for(self.seed, purpose, self.global_step, self.global_rank)

    def losses(self, reading: Reading) -> dict[str, Tensor]:
        """The mean loss of the tokens that all processes predict, as this one's share of it; with
        the interaction loss, what that adds."""
        watch = reading.watch() if reading.task in self.curves else None
        states = self.form.states(reading, watch)
        read, aims = states[ahead(reading.predicted)], reading.tokens[reading.predicted]
        own = torch.tensor(float(len(aims)))
        share = (ranks() * own / over_ranks(own).clamp_min(1)).item()
        head, recompute = self.form.head(reading.task), self.train_config.recompute
        loss = share * token_loss(head, read, aims, recompute)
        return {"loss": loss} | ({} if watch is None else self.pulled(watch, reading.task, loss))

    def pulled(self, watch: Watch, task: Task, loss: Tensor) -> dict[str, Tensor]:
        """As `models.interaction_loss.interaction_values`, from the curves of this model; the means
        are over what all processes count, as this one's share of them."""
        number = over_ranks(watch.counted.sum()).clamp_min(1) / ranks()
        weight = self.train_config.interaction.weight(task)
        return pull(watch, self.curves[task], weight, number, loss)

    def configure_optimizers(self) -> Any:
        """AdamW with AIA's moments over all that is not frozen."""
        trained = [one for one in self.parameters() if one.requires_grad]
        optimizer = torch.optim.AdamW(
            trained, 1.0, betas=(0.9, 0.95), eps=1e-6, weight_decay=self.train_config.weight_decay
        )
        return scheduled(optimizer, self.train_config.rate)
