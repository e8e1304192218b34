from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qs, urlsplit

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class SteppedTime:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def move(self, span: timedelta) -> None:
        self.at += span


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    json: Any


@dataclass(slots=True, kw_only=True)
class Answer:
    status: int = 200
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hold: threading.Event | None = None  #: answered only after this is set
    drip: threading.Event | None = None  #: byte by byte until this is set
    is_dropped: bool = False  #: the connection is closed without an answer


@dataclass(slots=True)
class Recorder:
    """A server that says what it was told to say, and remembers what it was asked."""

    base_url: str = ""
    requests: list[Recorded] = field(default_factory=list)
    rules: list[tuple[str, re.Pattern[str], list[Answer]]] = field(default_factory=list)

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """The answers in turn; the last one for ever. The newest rule wins."""
        self.rules.insert(0, (method, re.compile(path), list(answers)))

    def answer(self, request: Recorded) -> Answer:
        self.requests.append(request)
        for method, path, answers in self.rules:
            if method == request.method and path.fullmatch(request.path):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return Answer(status=404, json={"error": "RecordNotFound", "description": "Not found"})

    def to(self, method: str, path: str) -> list[Recorded]:
        return [r for r in self.requests if r.method == method and re.fullmatch(path, r.path)]


def write(wire: BufferedIOBase, payload: bytes, drip: threading.Event | None) -> None:
    for at in range(len(payload)):
        if drip is None or drip.wait(0.02):
            wire.write(payload[at:])
            return
        wire.write(payload[at : at + 1])


def handler_for(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            return

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = urlsplit(self.path)
            answer = recorder.answer(
                Recorded(
                    method=self.command,
                    path=url.path,
                    query=parse_qs(url.query),
                    headers=dict(self.headers),
                    json=json.loads(body) if body else None,
                ),
            )
            if answer.hold is not None:
                answer.hold.wait(20)
            if answer.is_dropped:
                self.close_connection = True
                return
            payload = answer.raw if answer.raw is not None else json.dumps(answer.json).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            try:
                write(self.wfile, payload, answer.drip)
            except ConnectionError:
                self.close_connection = True  # the other side gave up first

        do_GET = do_POST = do_PUT = handle_one  # noqa: N815 - the names http.server calls

    return Handler
