"""Drawing, answering and judging, shared out to processes with a device each.

A picture is a function of its request and a verdict one of its picture, so it does not matter which
process gets which. Every process makes its own model or judge once and is handed every n-th item.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch

from benchmarks.protocol import Request


def shared_out(devices: int, make: Callable[..., Any], *arguments: Any) -> Any:
    """What `make(*arguments)` makes, a model or a judge; with several devices one on each."""
    return make(*arguments) if devices == 1 else Workers(devices, make, arguments)


class Workers:
    """A model, and a judge of any kind, whose items `count` processes share."""

    def __init__(self, count: int, make: Callable[..., Any], arguments: Sequence[Any]) -> None:
        context = multiprocessing.get_context("spawn")
        threads = torch.get_num_threads()
        self.pools = [
            ProcessPoolExecutor(1, context, _begin, (rank, threads, make, tuple(arguments)))
            for rank in range(count)
        ]

    @property
    def protocol(self) -> Mapping[str, object]:
        return self.first("protocol")

    @property
    def label(self) -> str:
        return self.first("label")

    def first(self, attribute: str) -> Any:
        """An attribute of what the first process has made: it is the same in all."""
        return self.pools[0].submit(_attribute, attribute).result()

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        return self.share("generate", requests)

    def answer(self, *columns: Sequence[Any]) -> list[Any]:
        """A model's answers to requests, or a judge's to the questions on images."""
        return self.share("answer", *columns)

    def detect(self, *columns: Sequence[Any]) -> list[dict[str, dict[str, list]]]:
        return self.share("detect", *columns)

    def drawn(self, *columns: Sequence[Any]) -> list[int]:
        return self.share("drawn", *columns)

    def features(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack(self.share("features", images))

    def share(self, method: str, *columns: Sequence[Any]) -> list[Any]:
        """One result an item, in order; an item is what stands at one place of the columns."""
        count = len(self.pools)
        parts = [[column[first::count] for column in columns] for first in range(count)]
        asked = [
            pool.submit(_call, method, part)
            for pool, part in zip(self.pools, parts, strict=True)
            if len(part[0])
        ]
        results: list[Any] = [None] * len(columns[0])
        for first, one in enumerate(asked):
            results[first::count] = list(one.result())
        return results


_made: list[Any] = []
"""What this process has made."""


def _begin(rank: int, threads: int, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    end_with_parent()
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        torch.cuda.set_device(rank)
    _made.append(make(*arguments))


def _attribute(name: str) -> Any:
    return getattr(_made[0], name)


def _call(method: str, columns: Sequence[Any]) -> Any:
    return getattr(_made[0], method)(*columns)


def end_with_parent() -> None:
    """Ends this process when the one that started it is gone, however that came about."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
