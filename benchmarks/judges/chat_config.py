"""Where a chat judge is and how it is asked; the key stays in the environment."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

HIDDEN = "[key]"
SHORTEST_KEY = 8
"""A shorter "key" is a placeholder that servers without keys are given; replies may contain it."""


@dataclass(frozen=True, kw_only=True)
class ChatConfig:
    """Where the judge is, what it is asked with, how long it is waited for."""

    url: str
    model: str
    system: str = ""
    temperature: float = 0.0
    max_tokens: int = 2000
    timeout_seconds: float = 120.0
    tries: int = 6
    wait_seconds: float = 1.0
    """Before the second try; doubles from there."""
    longest_wait_seconds: float = 60.0
    key_variable: str = "OPENAI_API_KEY"
    dollars_per_million_in: float | None = None
    dollars_per_million_out: float | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"--judge-url must begin with http:// or https://, got {self.url!r}.")
        if parts.username or parts.password or parts.query:
            raise ValueError(
                f"--judge-url must hold no credentials (the key belongs in the environment), got "
                f"some for {parts.hostname}."
            )
        if self.tries < 1:
            raise ValueError(f"tries must be at least 1, got {self.tries}.")

    def key(self) -> str:
        """Return the key; ValueError if OpenAI's own endpoint would be called without one."""
        key = os.environ.get(self.key_variable, "")
        if not key and urlsplit(self.url).hostname == "api.openai.com":
            raise ValueError(f"{self.key_variable} must be set in the environment, got nothing.")
        return key

    def hidden(self, text: str) -> str:
        """Return `text` without the key, should a server repeat it."""
        key = os.environ.get(self.key_variable, "")
        return text.replace(key, HIDDEN) if len(key) >= SHORTEST_KEY else text
