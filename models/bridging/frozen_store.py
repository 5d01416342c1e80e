"""Prefixes of prompts that come again: a training run's second epoch, a dropped caption, a seed."""

from collections import OrderedDict

import torch

from models.bridging.frozen_states import Prefix


class PromptStore:
    """Prefixes by prompt's key in the host's memory; beyond the budget the least recently used go.

    A prefix has the rounding of the batch in which it was first read; a run that must be
    bit-identical after an interruption goes without a store.
    """

    def __init__(self, budget_bytes: int) -> None:
        if budget_bytes < 1:
            raise ValueError(f"budget_bytes must be at least 1, got {budget_bytes}.")
        self.budget_bytes = budget_bytes
        self.held: OrderedDict[str, Prefix] = OrderedDict()
        self.held_bytes = 0

    def fetch(self, key: str) -> Prefix | None:
        prefix = self.held.get(key)
        if prefix is not None:
            self.held.move_to_end(key)
        return prefix

    def keep(self, key: str, prefix: Prefix) -> None:
        """Takes a copy of a prompt's prefix, unless it is larger than the whole budget."""
        if prefix.nbytes > self.budget_bytes or key in self.held:
            return
        self.held[key] = prefix.to(torch.device("cpu"))
        self.held_bytes += prefix.nbytes
        while self.held_bytes > self.budget_bytes:
            self.held_bytes -= self.held.popitem(last=False)[1].nbytes
