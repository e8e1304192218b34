"""How late the event loop is while a desk works: python -m tests.benchmarks.bench_zendesk_loop."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bot.core.effects import CommentOnReplica
from bot.core.model import OrganisationId, Person, PersonRef, Text, TicketId, customer
from bot.core.ports import Attempt
from handlers.zendesk.desk import ZendeskDesk

CALLS = 50
TICK = 0.001
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANN = Person(ref=PersonRef(door="slack", workspace="T2", user="U7"), name="Ann", email=None)
AUDIT = {"id": 1, "metadata": {"custom": {}}, "events": [{"id": 2, "type": "Comment", "body": "x" * 400}]}


class StillTime:
    def now(self) -> datetime:
        return NOW


class Zendesk(BaseHTTPRequestHandler):
    """Every request gets a plausible answer, the audits a full page of a hundred."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        return

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(self.payload()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def payload(self) -> dict[str, Any]:
        if "oauth" in self.path:
            return {"access_token": "t", "scope": "read write", "expires_in": 1800}
        if "users" in self.path:
            return {"users": [{"id": 5, "role": "end-user", "external_id": "slack:T2:U7"}], "next_page": None}
        if "audits" in self.path:
            return {"audits": [AUDIT] * 100, "meta": {"has_more": False}, "links": {"next": None}}
        ticket = {"ticket": {"id": 9, "requester_id": 5}}
        return ticket if self.command == "GET" else {**ticket, "audit": AUDIT}

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names http.server calls


def serve() -> None:
    """In a process of its own, so that the server's work is not mistaken for the desk's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Zendesk)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


async def watch(stalls: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(TICK)
        stalls.append(time.perf_counter() - before - TICK)


async def measure(base_url: str, attempt_number: int, calls: int) -> tuple[float, list[float]]:
    """Wall time of the calls, and by how much each tick of the loop was late; no call at all: of opening."""
    text = Text(body="Still failing", audience=customer(OrganisationId("acme")))
    effect = CommentOnReplica(ticket=TicketId(1), text=text, author=ANN, author_role="requester", replica="9")
    attempt = Attempt(key="effect-1", number=attempt_number, now=NOW)
    stalls: list[float] = []
    desk = ZendeskDesk(
        subdomain="acme",
        client_id="c",
        client_secret="s",
        time=StillTime(),
        base_url=base_url,
    )
    watcher = asyncio.create_task(watch(stalls))
    started = time.perf_counter()
    async with desk:
        if calls:
            await desk.comment(effect, attempt)
            stalls.clear()
            started = time.perf_counter()
        for _ in range(calls):
            await desk.comment(effect, attempt)
        took = time.perf_counter() - started
        watcher.cancel()
    return took, sorted(stalls)


async def idle(seconds: float) -> list[float]:
    """The same ticks with nothing to do: what this machine costs by itself."""
    stalls: list[float] = []
    watcher = asyncio.create_task(watch(stalls))
    await asyncio.sleep(seconds)
    watcher.cancel()
    return sorted(stalls)


def report(name: str, took: float, stalls: list[float]) -> None:
    p50, p99 = (stalls[int(len(stalls) * q)] * 1000 for q in (0.5, 0.99))
    figures = f"late p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {stalls[-1] * 1000:.1f} ms"
    sys.stdout.write(f"{name}: {took:.2f} s, {figures}\n")


def main() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.bench_zendesk_loop", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        base_url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        try:
            report("idle loop", 2.0, asyncio.run(idle(2.0)))
            report("opening, which loads zenpy", *asyncio.run(measure(base_url, 1, 0)))
            report(f"{CALLS} comments", *asyncio.run(measure(base_url, 1, CALLS)))
            report(f"{CALLS} retries over 100 audits", *asyncio.run(measure(base_url, 2, CALLS)))
        finally:
            server.kill()


if __name__ == "__main__":
    serve() if "serve" in sys.argv else main()
