"""A judge behind an OpenAI-compatible chat endpoint: OpenAI's own, or a server such as vLLM.

The key comes from the environment and is written nowhere: it is cut out of replies and errors.
"""

import base64
import io
import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np
import openai
from PIL import Image
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from benchmarks.judges.asking import JudgeError
from benchmarks.judges.chat_config import ChatConfig
from benchmarks.judges.replies import ReplyLog, reply_key

PLACEHOLDER = "unset"
LONGEST_REQUESTED_SECONDS = 600.0
"""What a server's Retry-After is followed for."""
REFUSED = (401, 403, 404)


class PassingError(JudgeError):
    """A failure that another try may not meet; `wait` seconds if the server asked for that."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class ChatJudge:
    """Asks a chat endpoint, and keeps every reply with its tokens in a log."""

    def __init__(self, config: ChatConfig, replies: ReplyLog) -> None:
        self.config = config
        self.replies = replies
        self.label = config.model.rpartition("/")[2]
        self._client: openai.OpenAI | None = None
        self._lock = threading.Lock()
        self._used: dict[str, Mapping[str, Any]] = {}
        self._calls = self._failures = 0
        self._settings = {
            "url": config.url,
            "model": config.model,
            "system": config.system,
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
        }

    @property
    def protocol(self) -> Mapping[str, object]:
        """The model as it was asked for and as the replies name it, and the sampling settings."""
        served = sorted({str(entry["model"]) for entry in self._used.values() if entry["model"]})
        return {
            "model": self.config.model,
            "served": served,
            "temperature": self.config.temperature,
            "max_tokens": self.config.max_tokens,
        }

    @property
    def usage(self) -> Mapping[str, object]:
        """Calls of this run, replies from disk, and the tokens and cost of all replies used."""
        tokens = [self._tokens(name) for name in ("prompt_tokens", "completion_tokens")]
        prices = (self.config.dollars_per_million_in, self.config.dollars_per_million_out)
        known = None not in (*tokens, *prices)
        cost = sum(
            count * price / 1e6
            for count, price in zip(tokens, prices, strict=True)
            if count is not None and price is not None
        )
        return {
            "replies": len(self._used),
            "calls": self._calls,
            "from_disk": len(self._used) - self._calls,
            "failed_tries": self._failures,
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "cost_dollars": cost if known else None,
        }

    def _tokens(self, name: str) -> int | None:
        """Return the sum over the replies used; None if the server did not count for one."""
        counts = [entry["usage"].get(name) for entry in self._used.values()]
        return None if None in counts else sum(counts)

    def refresh(self) -> None:
        """Take in what other processes have kept."""
        self.replies.refresh()

    def ask(self, images: Sequence[np.ndarray], text: str, attempt: int = 0) -> str:
        """Return the reply to `text` about images uint8 [h, w, 3]: the kept one, or a new one.

        JudgeError after the last try, at once where another try would meet the same.
        """
        return self.complete(images, text, attempt)["reply"]

    def complete(
        self, images: Sequence[np.ndarray], text: str, attempt: int = 0
    ) -> Mapping[str, Any]:
        """Return what `ask` returns as `reply`, with the `finish_reason` that the server gave."""
        key = reply_key(self._settings, images, text, attempt)
        entry = self.replies.get(key)
        if entry is None:
            retrying = Retrying(
                stop=stop_after_attempt(self.config.tries),
                retry=retry_if_exception_type(PassingError),
                wait=self._pause,
                reraise=True,
            )
            entry = retrying(self._once, self._messages(images, text))
            self.replies.add(key, entry)
            with self._lock:
                self._calls += 1
        with self._lock:
            self._used[key] = entry
        return entry

    def _pause(self, state: RetryCallState) -> float:
        """Return the seconds until the next try: what the server asks for, else doubling."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, PassingError) and error.wait is not None:
            return error.wait
        first, longest = self.config.wait_seconds, self.config.longest_wait_seconds
        return wait_exponential_jitter(multiplier=first, max=longest, jitter=first)(state)

    def _messages(self, images: Sequence[np.ndarray], text: str) -> list[Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        content += [{"type": "image_url", "image_url": {"url": _data_url(it)}} for it in images]
        asked = [{"role": "user", "content": content}]
        system = {"role": "system", "content": [{"type": "text", "text": self.config.system}]}
        return [system, *asked] if self.config.system else asked

    def _once(self, messages: list[Any]) -> dict[str, Any]:
        """Return one reply with its model and tokens; JudgeError, counted, for anything else."""
        try:
            response = self._connected().chat.completions.with_raw_response.create(
                model=self.config.model,
                messages=messages,
                temperature=self.config.temperature,
                max_tokens=self.config.max_tokens,
            )
            return self._read(response.http_response.text)
        except openai.APITimeoutError:
            error = PassingError(f"no reply within {self.config.timeout_seconds:g} s.")
        except openai.APIConnectionError as cause:
            error = PassingError(
                f"no connection: {self.config.hidden(str(cause.__cause__ or cause))}."
            )
        except openai.APIStatusError as cause:
            error = self._of_status(cause)
        except PassingError as cause:
            error = cause
        with self._lock:
            self._failures += 1
        raise error

    def _connected(self) -> openai.OpenAI:
        with self._lock:
            if self._client is None:
                self._client = openai.OpenAI(
                    api_key=self.config.key() or PLACEHOLDER,
                    base_url=self.config.url,
                    timeout=self.config.timeout_seconds,
                    max_retries=0,
                )
            return self._client

    def _read(self, text: str) -> dict[str, Any]:
        """Return the entry of a chat completion; a refusal in words is a reply."""
        try:
            body = json.loads(text)
            choice = body["choices"][0]
            message = choice["message"]
            reply = message.get("content") or message.get("refusal") or ""
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            shown = self.config.hidden(text)[:80]
            raise PassingError(f"the reply must be a chat completion, got {shown!r}.") from error
        usage = body.get("usage") or {}
        return {
            "reply": self.config.hidden(str(reply)),
            "model": self.config.hidden(str(body.get("model") or "")),
            "finish_reason": str(choice.get("finish_reason")),
            "usage": {
                name: usage.get(name) if isinstance(usage, dict) else None
                for name in ("prompt_tokens", "completion_tokens")
            },
        }

    def _of_status(self, error: openai.APIStatusError) -> JudgeError:
        """Return whether a status is worth another try, ends the run, or fails this question."""
        status = error.status_code
        said = f"status {status}: {self.config.hidden(error.message)[:200]}."
        if status in REFUSED:
            return JudgeError(f"{said} Is {self.config.key_variable} right for it?", final=True)
        if error.code == "insufficient_quota":
            return JudgeError(said, final=True)
        if status in (408, 409, 429) or status >= 500:
            return PassingError(said, _requested_wait(error.response.headers.get("retry-after")))
        return JudgeError(said, refused=True)


def _data_url(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _requested_wait(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds seconds or a date."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), LONGEST_REQUESTED_SECONDS)
