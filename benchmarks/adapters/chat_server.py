"""`openai:NAME@URL`: a model behind an OpenAI-compatible chat endpoint; it answers."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.adapters.settings import Number, split_settings
from benchmarks.judges.asking import JudgeError, ask_all
from benchmarks.judges.chat import ChatJudge
from benchmarks.judges.chat_config import ChatConfig
from benchmarks.judges.replies import REPLIES, ReplyLog
from benchmarks.protocol import Request, UnansweredError

SETTINGS: dict[str, Number] = {"max_tokens": 512, "workers": 8, "tries": 6}
ENDED = "stop"
"""Why a completion ended that the model itself ended."""


class ChatServerModel:
    """Asks a served model, several requests side by side; the key is `OPENAI_API_KEY`.

    Replies are kept by the step that asks, a batch at a time. An empty completion is an answer only
    if the model itself ended it: one cut off by `max_tokens` or a filter is a refusal.
    """

    def __init__(self, given: str) -> None:
        place, self.settings = split_settings(given, SETTINGS)
        name, _, url = place.rpartition("@")
        if not name:
            raise ValueError(f"--model must be openai:NAME@URL, got {place!r}.")
        self.config = ChatConfig(
            url=url,
            model=name,
            max_tokens=int(self.settings["max_tokens"]),
            tries=int(self.settings["tries"]),
        )
        self.protocol = {
            "model": name,
            "url": url,
            "temperature": self.config.temperature,
            "max_tokens": self.config.max_tokens,
        }

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Return the reply to each text about its images.

        UnansweredError, with the other replies, for requests without one.
        """
        with TemporaryDirectory() as folder:
            server = ChatJudge(self.config, ReplyLog(Path(folder) / REPLIES))
            asked = {str(place): request for place, request in enumerate(requests)}
            try:
                replies = ask_all(partial(_reply, server), asked, int(self.settings["workers"]))
            except JudgeError as error:
                given = [error.replies.get(name) for name in asked]
                raise UnansweredError(str(error), given, error.refused) from error
        return list(replies.values())

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """ValueError: a chat endpoint only answers."""
        raise ValueError(f"a model that draws must be asked for images, got {self.config.model}.")


def _reply(server: ChatJudge, request: Request) -> str:
    """Return the reply to one request; JudgeError for none, or for an empty one that
    the model did not end itself.
    """
    entry = server.complete(request.images, request.text)
    if not entry["reply"] and entry["finish_reason"] != ENDED:
        raise JudgeError(
            f"a completion must have text or end by {ENDED!r}, got none and "
            f"{entry['finish_reason']!r}.",
            refused=True,
        )
    return entry["reply"]


def open_model(name: str) -> ChatServerModel:
    """Return the model of NAME@URL; nothing is asked yet."""
    return ChatServerModel(name)
