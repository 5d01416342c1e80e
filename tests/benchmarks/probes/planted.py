"""A model whose states, masses, choices and gradients are planted, and its probes' tables."""

import numpy as np

from benchmarks.probes.alignment import OWN, WORLD, alignment
from benchmarks.probes.gradients import gradients
from benchmarks.probes.interaction import interaction
from benchmarks.probes.protocol import (
    Choices,
    Gradient,
    Masses,
    NotApplicableError,
    Sample,
    States,
    Task,
)
from benchmarks.probes.routing import routing
from benchmarks.probes.tables import Tables

SAMPLES = [
    Sample(np.zeros((2, 2, 3), np.uint8), f"prompt {n}", kind, "what ?", f"answer {n}")
    for n in range(12)
    for kind in ("one", "two")
]
DEPTH, HEADS = 4, 3


class Planted:
    """Its pictures come nearer to their prompts with every layer, for the tasks it is given."""

    name = "planted"

    def __init__(self, tasks: tuple[Task, ...] = ("understand", "generate")) -> None:
        self.tasks, self.random = tasks, np.random.default_rng(0)

    def require(self, task: Task) -> None:
        if task not in self.tasks:
            raise NotApplicableError(f"planted does not {task}")

    def states(self, samples, task: Task) -> States:
        self.require(task)
        prompt = np.random.default_rng(7).normal(size=(len(samples), 16))
        noise = self.random.normal(size=(DEPTH, *prompt.shape))
        shares = np.linspace(0, 1, DEPTH)[:, None, None]
        return States(shares * prompt + (1 - shares) * noise, prompt)

    def masses(self, samples, task: Task) -> Masses:
        self.require(task)
        curve = np.linspace(0.2, 0.8, DEPTH)[:: 1 if task == "generate" else -1]
        found = np.broadcast_to(curve[:, None, None], (DEPTH, len(samples), HEADS))
        return Masses(found, np.full(len(samples), 0.1))

    def choices(self, samples, task: Task) -> Choices:
        self.require(task)
        experts = np.stack([np.arange(20)[:, None] % 4] * DEPTH)
        word = np.arange(20) % 5
        modality = np.where(word > 2, "image", "text")
        return Choices(experts, modality, word, ("understand",) * 2 + ("generate",) * 2)

    def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
        self.require(task)
        random = np.random.default_rng([batch, task == "generate"])
        return {
            f"{layer}.{name}": Gradient(layer + 1, name, random.normal(size=30) + layer)
            for layer in range(DEPTH)
            for name in ("attention.query", "feed_forward.up")
        }


def probe(name: str, model: Planted) -> Tables:
    """The tables of one probe of a planted model."""
    if name == "alignment":
        return alignment(model, Planted(), {WORLD: SAMPLES, OWN: SAMPLES}, 3)
    if name == "interaction":
        return interaction(model, SAMPLES)
    return gradients(model) if name == "gradients" else routing(model, SAMPLES)
