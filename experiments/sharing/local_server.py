"""Serves a page on 127.0.0.1 alone, and tells browsers to ask nowhere else.

The page's code is gradio's. It is sent with a policy (`Content-Security-Policy`) under which a
browser fetches nothing from another address, and gradio's own reports are off.
"""

from typing import Any

import gradio
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from experiments.config import ConfigError

HOST = "127.0.0.1"
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "connect-src 'self' data: blob:; form-action 'self'; frame-ancestors 'self'"
)


class OnlyHere:
    """Adds POLICY to every reply."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = POLICY
            await send(message)

        await self.app(scope, receive, sent)


def serve(page: gradio.Blocks, look: dict[str, Any], port: int) -> None:
    """Starts a page in a thread; `look` is gradio's theme and style.

    Raises ConfigError for a port that is taken.
    """
    try:
        page.launch(
            **look,
            server_name=HOST,
            server_port=port,
            share=False,
            quiet=True,
            ssr_mode=False,
            footer_links=[],
            prevent_thread_lock=True,
            app_kwargs={"middleware": [Middleware(OnlyHere)]},
        )
    except (OSError, OverflowError):
        raise ConfigError(f"--port must be free, got {port}.") from None
