"""Our own checkpoints as the model that a probe sees."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from benchmarks.probes.protocol import (
    TASKS,
    Choices,
    Gradient,
    Masses,
    NotApplicableError,
    Sample,
    States,
    Task,
)
from datamodules.sequences import PromptDrop, SequenceStore, StepBatches
from experiments.build import build_module, device, text_module, trained_module
from experiments.config import with_sections
from experiments.language.words import text_tokens
from models import inspection
from models.batch import Packed, Sequences, pack_generate, pack_understand, pad
from models.module import TokenModule, UnifiedModule
from models.text_tokens import DROP, PAD, SPECIAL, UNDERSTAND
from models.tokenizers.codec import image_ids
from models.tokenizers.kinds import load_codec
from models.unified import UnifiedModel

Inputs = dict[str, Path]
AT_ONCE = 64
"""Samples in one pass."""


def untrained_module(config: SimpleNamespace, inputs: Inputs) -> UnifiedModule:
    """The arm as it is drawn, without stage 0; of the bridge, the frozen model so."""
    if "frozen" in inputs:
        return text_module(config, load_codec(inputs["tokenizer"])).to(device()).eval()
    scratch = with_sections(config, train=replace(config.train, init="scratch"))
    drawn = {name: folder for name, folder in inputs.items() if name != "start"}
    return build_module(scratch, drawn).to(device()).eval()


class InspectedModel:
    """A module with its codec and its words, in fp32; `config` and `inputs` as a step has them."""

    def __init__(self, config: SimpleNamespace, inputs: Inputs, module: UnifiedModule) -> None:
        self.config, self.inputs, self.module = config, inputs, module
        self.words = text_tokens(config)
        self.tokenizer = load_codec(inputs["tokenizer"])
        self.name = "this arm"

    @classmethod
    def trained(
        cls, config: SimpleNamespace, inputs: Inputs, weights: str = "model.pt"
    ) -> "InspectedModel":
        return cls(config, inputs, trained_module(config, inputs, weights))

    @classmethod
    def untrained(cls, config: SimpleNamespace, inputs: Inputs) -> "InspectedModel":
        return cls(config, inputs, untrained_module(config, inputs))

    def states(self, samples: Sequence[Sample], task: Task) -> States:
        """Each task reads the prompt behind its own task token."""
        model, text = self.token_model(task), len(self.words)
        image, prompt = [], []
        for some in parts(samples):
            pictures = self.pack(some, task)["tokens"]
            prompts = pictures if task == "generate" else self.prompts(some)
            is_image, is_word = pictures >= text, (prompts >= len(SPECIAL)) & (prompts < text)
            image.append(inspection.mean_states(model, pictures, task, is_image))
            prompt.append(inspection.mean_states(model, prompts, task, is_word)[-1])
        return States(array(torch.cat(image, dim=1)), array(torch.cat(prompt)))

    def masses(self, samples: Sequence[Sample], task: Task) -> Masses:
        model = self.token_model(task)
        found, uniform = [], []
        for some in parts(samples):
            sequences = self.pack(some, task)
            marked = inspection.roles(sequences, task, len(self.words))
            found.append(inspection.attention_masses(model, sequences["tokens"], task, marked))
            uniform.append(marked.uniform())
        return Masses(array(torch.cat(found, dim=1)), array(torch.cat(uniform)))

    def choices(self, samples: Sequence[Sample], task: Task) -> Choices:
        model = self.token_model(task)
        experts, tokens = [], []
        for some in parts(samples):
            read = self.pack(some, task)["tokens"]
            chosen = inspection.expert_choices(model, read, task)
            if chosen is None:
                raise NotApplicableError(f"{self.name} has no experts in its layers")
            kept = (read != PAD).flatten()
            experts.append(chosen[:, kept])
            tokens.append(read.flatten()[kept])
        words = array(torch.cat(tokens))
        modality = np.where(words >= len(self.words), "image", "text")
        half = self.experts_of_a_task(model)
        group = tuple(task for task in TASKS for _ in range(half))
        return Choices(array(torch.cat(experts, dim=1)), modality, words, group)

    def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
        """Of training sequences that follow the last ones trained on, in the order of the seed.

        ValueError where the data have not enough for two batches with nothing in common.
        """
        if not isinstance(self.module, TokenModule) or set(self.module.trained_tasks) != set(TASKS):
            raise NotApplicableError(f"{self.name} does not train one model on both tasks here")
        self.token_model(task)
        training = self.training
        size, there = training.sizes[task], len(training.stores[task])
        if 2 * size > there:
            raise ValueError(
                f"probe.gradient_batch must be at most half of the {there} sequences of {task}, "
                f"got {size}."
            )
        sequences = self.placed(training.sequences(task, self.first_unseen(task) + batch))
        found = inspection.layer_gradients(self.module.model, sequences, task)
        return {
            name: Gradient(one.layer + 1, one.projection, array(one.slope.flatten()))
            for name, one in found.items()
        }

    def first_unseen(self, task: Task) -> int:
        """How many batches of the probe's size training has dealt out."""
        train = self.config.train
        return -(
            -(train.stage + 1) * train.steps * train.batch(task) // self.config.probe.gradient_batch
        )

    @property
    def training(self) -> StepBatches:
        """The cell's training data, dealt in batches of the probe's size, no prompt dropped."""
        stores = {task: SequenceStore.load(self.inputs["data"], task) for task in TASKS}
        sizes = dict.fromkeys(TASKS, self.config.probe.gradient_batch)
        drop = PromptDrop(0, DROP)
        return StepBatches(
            stores, sizes, drop, self.config.seed, range(self.config.train.steps + 1)
        )

    def token_model(self, task: Task) -> UnifiedModel:
        """The model over tokens that does `task`; NotApplicableError if the arm has none."""
        if isinstance(self.module, TokenModule):
            if task not in self.module.trained_tasks:
                raise NotApplicableError(f"{self.name} is not trained to {task} here")
            if self.module.second_encoder and task == "understand":
                raise NotApplicableError(f"{self.name} reads pictures by an encoder of its own")
            if self.module.needs_coin:
                raise NotApplicableError(f"{self.name} has no path of its own for a task")
        elif task == "generate":
            raise NotApplicableError(f"{self.name} draws outside the layers that read its prompt")
        elif getattr(self.config.model, "pretrained", ""):
            raise NotApplicableError(f"{self.name} reads by a published model that sees no picture")
        return next(part for part in self.module.modules() if isinstance(part, UnifiedModel))

    @staticmethod
    def experts_of_a_task(model: UnifiedModel) -> int:
        routers = [part for part in model.modules() if isinstance(part, inspection.Router)]
        return len(routers[0].get_submodule("experts")) // len(TASKS)

    def pack(self, samples: Sequence[Sample], task: Task) -> Sequences:
        """Prompt and picture, or picture, question and answer."""
        codes = image_ids(self.tokenizer, np.stack([one.image for one in samples]))
        pairs = list(zip(samples, codes, strict=True))
        if task == "generate":
            drawn = [pack_generate(self.words, one.prompt, code) for one, code in pairs]
            return self.placed(pad(drawn))
        rows = [
            pack_understand(self.words, code, [(one.question, one.answer)]) for one, code in pairs
        ]
        return self.placed(pad(rows))

    def prompts(self, samples: Sequence[Sample]) -> Tensor:
        """The prompts alone, as text that is to be understood, `[b n]`."""
        rows = [[UNDERSTAND, *self.words.encode(one.prompt)] for one in samples]
        return self.placed(pad([Packed(row, [False] * len(row)) for row in rows]))["tokens"]

    def placed(self, sequences: Sequences) -> Sequences:
        """On the module's device."""
        device = self.module.device
        return {name: values.to(device) for name, values in sequences.items()}


def array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()


def parts(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    for first in range(0, len(samples), AT_ONCE):
        yield samples[first : first + AT_ONCE]
