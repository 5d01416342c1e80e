"""A chat endpoint on this machine that answers, fails, stalls, babbles and limits on demand."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STALL_SECONDS = 0.6
Answer = Callable[[str, str], str | None]
"""What the endpoint replies to a text, given the Authorization header as well; None is a completion
that `max_tokens` cut off before its first word.
"""


class ChatServer:
    """Serves `/v1/chat/completions`; each of `faults` is met by one request, in order.

    A fault is a status, "garbage", "empty", "stall", or a status with a Retry-After header.
    """

    def __init__(self, answer: Answer, faults: tuple[Any, ...] = ()) -> None:
        self.answer = answer
        self.faults = list(faults)
        self.requests: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.authorizations: set[str] = set()
        self.open = self.most_open = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "ChatServer":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def texts(self) -> list[str]:
        """Return the text of each request's last message."""
        return [_text(request) for request in self.requests]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                request = json.loads(self.rfile.read(length))
                with server._lock:
                    server.open += 1
                    server.most_open = max(server.most_open, server.open)
                    server.requests.append(request)
                    server.times.append(time.monotonic())
                    server.authorizations.add(self.headers["Authorization"])
                    fault = server.faults.pop(0) if server.faults else None
                try:
                    status, headers, body = self.reply(request, fault)
                    with server._lock:
                        server.open -= 1
                    self.send_response(status)
                    for name, value in {"Content-Type": "application/json", **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body.encode())
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client has gone after a stall, or `answer` hung up

            def reply(self, request: dict[str, Any], fault: Any) -> tuple[int, dict, str]:
                if fault == "stall":
                    time.sleep(STALL_SECONDS)
                status, headers = fault if isinstance(fault, tuple) else (fault, {})
                if isinstance(status, int):
                    return status, headers, json.dumps({"error": {"message": f"fault {status}"}})
                if fault == "garbage":
                    return 200, {}, "<html>no completion</html>"
                if fault == "empty":
                    return 200, {}, json.dumps({"choices": []})
                said = server.answer(_text(request), self.headers["Authorization"])
                return 200, {}, json.dumps(_completion(request, said))

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _text(request: dict[str, Any]) -> str:
    return request["messages"][-1]["content"][0]["text"]


def _completion(request: dict[str, Any], text: str | None) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": f"{request['model']}-snapshot",
        "choices": [
            {
                "index": 0,
                "finish_reason": "length" if text is None else "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
