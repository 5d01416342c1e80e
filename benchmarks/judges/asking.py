"""Judges that read: one is asked a text about images and answers with a text.

Many questions are asked side by side; what was answered is kept when others fail.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Protocol, TypeVar

import numpy as np

from benchmarks.judges import Judge

GIVE_UP = 10
"""Failures in a row after which no further question is asked: the judge is not there."""
NAMED = 5

T = TypeVar("T")
R = TypeVar("R")


class Asker(Judge, Protocol):
    """A judge that answers a text about images, and knows what that has used up."""

    def ask(self, images: Sequence[np.ndarray], text: str, attempt: int = 0) -> str:
        """Return the reply to `text` about images uint8 [h, w, 3]; a new one for a new attempt.

        JudgeError if there is none. Called from several threads at once.
        """
        ...

    def refresh(self) -> None:
        """Take in the replies that other processes have kept."""
        ...

    @property
    def usage(self) -> Mapping[str, object]:
        """Calls, tokens and cost so far: of a run, not of the protocol."""
        ...


class JudgeError(OSError):
    """A judge that gave no reply.

    `final` if it will give none to any other question either, `refused` if it would give none to
    this one again. `replies` has, by name, those that were given beside it.
    """

    def __init__(self, message: str, final: bool = False, refused: bool = False) -> None:
        super().__init__(message)
        self.final = final
        self.refused = refused
        self.replies: Mapping[str, Any] = {}


def ask_all(ask: Callable[[T], R], questions: Mapping[str, T], workers: int = 1) -> dict[str, R]:
    """Return `ask` of each question by name, `workers` at a time.

    JudgeError counts and names those without a reply once all are through, or at once where the
    judge is found to be gone. Calls under way are finished, so that their replies can be kept: the
    error has them all, and is `refused` if all were asked and those without a reply were refused.
    """
    failures: dict[str, JudgeError] = {}
    in_a_row = 0
    pool = ThreadPoolExecutor(workers)
    try:
        futures = {pool.submit(ask, question): name for name, question in questions.items()}
        for future in as_completed(futures):
            error = future.exception()
            if error is None:
                in_a_row = 0
            elif isinstance(error, JudgeError):
                failures[futures[future]] = error
                in_a_row += 1
                if error.final or in_a_row == GIVE_UP:
                    break
            else:
                raise error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    replies = {
        name: future.result()
        for future, name in futures.items()
        if not future.cancelled() and future.exception() is None
    }
    if failures:
        raise _summary(failures, replies, len(questions))
    return replies


def _summary(
    failures: Mapping[str, JudgeError], replies: Mapping[str, Any], total: int
) -> JudgeError:
    names = sorted(failures, key=lambda name: (len(name), name))
    listed = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
    unasked = total - len(replies) - len(failures)
    rest = f" and {unasked} not asked" if unasked else ""
    every = not unasked and all(failure.refused for failure in failures.values())
    summary = JudgeError(
        f"the judge must answer every question, got {len(failures)} of {total} without a reply"
        f"{rest} ({listed}): {failures[names[0]]} Finished calls are kept; the same command asks "
        f"only the others.",
        refused=every,
    )
    summary.replies = replies
    return summary
