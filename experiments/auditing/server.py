"""The audit's page on 127.0.0.1: shows one sample at a time and takes one answer at a time.

GET  /              the page
GET  /samples       [{"id", "prompt", "answer"}] in order; nothing in it tells the arm
GET  /images/<id>   the drawing
POST /answers       {"id", "answer"}; replies once the answer is on the disk
"""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from experiments.auditing.samples import AnswerFile, Sample
from experiments.config import ConfigError

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("audit.html")
JSON, HTML, PNG = "application/json", "text/html; charset=utf-8", "image/png"
LONGEST_ANSWER = 1000


class AuditServer(ThreadingHTTPServer):
    """Serves `samples`, by id and in order; port 0 takes a free one."""

    def __init__(self, samples: Mapping[str, Sample], answers: AnswerFile, port: int) -> None:
        self.samples, self.answers = samples, answers
        try:
            super().__init__((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"--port must be free, got {port}: {error}.") from None

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}"

    def shown(self) -> list[dict[str, str | None]]:
        """What the browser may know of the samples."""
        return [
            {"id": one.id, "prompt": one.prompt(), "answer": self.answers.given.get(one.id)}
            for one in self.samples.values()
        ]

    def take(self, record: Any) -> None:
        """Saves an answer; raises ConfigError for one that is not about a sample."""
        if not isinstance(record, dict) or record.get("id") not in list(self.samples):
            raise ConfigError("answer must name a sample.")
        self.answers.add(self.samples[record["id"]], record.get("answer", ""))


class Handler(BaseHTTPRequestHandler):
    server: AuditServer

    def do_GET(self) -> None:
        _, _, image = self.path.partition("/images/")
        if not self.is_local():
            self.reply(403, JSON, b"{}")
        elif self.path == "/":
            self.reply(200, HTML, PAGE.read_bytes())
        elif self.path == "/samples":
            self.reply(200, JSON, json.dumps(self.server.shown()).encode())
        elif image in self.server.samples:
            self.reply(200, PNG, self.server.samples[image].image.read_bytes())
        else:
            self.reply(404, JSON, b"{}")

    def do_POST(self) -> None:
        """Takes JSON alone, which another site's page cannot send here without being asked."""
        if not self.is_local() or self.headers.get("Content-Type") != JSON:
            return self.reply(403, JSON, b"{}")
        try:
            length = min(int(self.headers.get("Content-Length", 0)), LONGEST_ANSWER)
            self.server.take(json.loads(self.rfile.read(length)))
        except ValueError as error:
            return self.reply(400, JSON, json.dumps({"error": str(error)}).encode())
        return self.reply(200, JSON, b"{}")

    def is_local(self) -> bool:
        """Whether the page was asked for by this address: a foreign name may lead here too."""
        return self.headers.get("Host") in (
            f"{name}:{self.server.server_port}" for name in (HOST, "localhost")
        )

    def reply(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the terminal belongs to the person."""
