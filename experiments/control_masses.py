"""Targets for the interaction loss from the suite's own single-task controls.

AIA reads its constants off plots of public models of one task. Here the models of one task have the
arm's trunk, data and steps, so a curve is measured: the mass by layer of the control of each task
on that task's training sequences, prompts kept. An arm names them as it names a frozen model:

    arm: {needs: {understand_control: understand_only, generate_control: generate_only}}
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch

from datamodules.sequences import PromptDrop, StepBatches
from experiments.build import load_weights, vocabulary
from experiments.config import ConfigError, with_sections
from experiments.language.trunk import trunk_of
from experiments.store.markers import write_json
from experiments.training_sequences import read_store
from models import TASKS, Task
from models.batch import Sequences
from models.context import causal_context
from models.interaction_loss import watch
from models.module import SharedModule
from models.shared import SharedConfig
from models.text_tokens import DROP
from models.token_models.double_encoder_model import DoubleEncoderModel
from models.tokenizers.encoders import feature_map
from models.tokenizers.kinds import load_codec
from models.unified import UnifiedModel

BATCHES = 8
SIZE = 64
FILE = "interaction_targets.json"


def with_measured_targets(
    config: SimpleNamespace, inputs: Mapping[str, Path], out: Path
) -> SimpleNamespace:
    """The config with the controls' curves as its targets, written down in `out`; itself where it
    does not ask for them. Raises ConfigError where the arm does not name both controls.
    """
    asked = config.train.interaction
    if asked.targets != "controls" or not asked.is_on:
        return config
    curves = {f"{task}_values": control_curve(config, inputs, task) for task in TASKS}
    write_json(out / FILE, curves)
    interaction = replace(asked, targets="values", **curves)
    return with_sections(config, train=replace(config.train, interaction=interaction))


def control_curve(config: SimpleNamespace, inputs: Mapping[str, Path], task: Task) -> list[float]:
    """Mean mass of the task's control by layer, over the first batches that the arm will see."""
    name = f"{task}_control"
    if name not in inputs:
        raise ConfigError(
            f"arm.needs must name {name} where train.interaction.targets is controls, "
            f"got {sorted(inputs)}."
        )
    words = vocabulary(config, load_codec(inputs["tokenizer"]), feature_map(config.encoder))
    control = SharedModule(SharedConfig(trunk=trunk_of(config)), words, config.train, config.seed)
    load_weights(control, inputs[name] / "model.pt")
    stores = {task: read_store(inputs, task)}
    steps = range(BATCHES)
    dealt = StepBatches(stores, {task: SIZE}, PromptDrop(0, DROP), config.seed, steps)
    return mean_masses(control.model, task, [dealt[step][task] for step in steps])


@torch.no_grad()
def mean_masses(model: UnifiedModel, task: Task, batches: list[Sequences]) -> list[float]:
    """Mass by layer, the mean over all sequences that count."""
    found = []
    for sequences in batches:
        watched = watch(sequences, task, model.vocabulary.text)
        tokens, tables = sequences["tokens"][:, :-1], None
        if isinstance(model, DoubleEncoderModel) and task == "understand":
            tokens, tables = model.see(tokens, sequences["features"])
        states = model.embed(tokens, tables)
        context = causal_context(states, model.trunk.config, watch=watched)
        model.trunk(states, context, task)
        found.append(torch.stack(watched.masses, dim=-1)[watched.counted])
    return torch.cat(found).mean(0).tolist()
