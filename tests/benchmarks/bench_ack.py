"""How fast Slack is acknowledged: the web role against a bare handler that only verifies, side by side.

    python tests/benchmarks/bench_ack.py [--rounds 4] [--requests 2000] [--connections 32] [--rates 100,200]

Both servers are processes of their own on the loopback and take turns, round by round. The real one is
`python -m bot web`: aiohttp, Bolt, the ledger on SQLite with synchronous=FULL. Closed loop: each connection
sends again as soon as it is answered. Open loop: requests start at a fixed rate, and a latency counts from
the moment its request was due, however late it was sent (no coordinated omission).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from aiohttp import web
from serving import Served, cpu_seconds, free_port, say, serving

from bot.system import SystemTime

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PATH = "/slack/events"
READY = "/livez"


# -- the yardstick ----------------------------------------------------------


async def bare(request: web.Request) -> web.Response:
    """What nobody can do without: read the body and check its signature."""
    body = await request.read()
    sent = request.headers.get("X-Slack-Request-Timestamp", "")
    if abs(SystemTime().now().timestamp() - int(sent)) > 300:
        return web.Response(status=401)
    signed = b"v0:" + sent.encode() + b":" + body
    expected = "v0=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Slack-Signature", "")):
        return web.Response(status=401)
    return web.Response()


async def alive(_: web.Request) -> web.Response:
    return web.Response()


def serve_bare() -> None:
    application = web.Application()
    application.add_routes([web.post(PATH, bare), web.get(READY, alive)])
    web.run_app(application, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)


# -- the load ---------------------------------------------------------------


def make_requests(count: int, *, prefix: str) -> list[tuple[str, bytes]]:
    """Distinct signed events, each in a thread of its own, as ready bytes with their ids."""
    timestamp = str(int(SystemTime().now().timestamp()))
    return [_request(f"{prefix}{number:06d}", number, timestamp) for number in range(count)]


def _request(event_id: str, number: int, timestamp: str) -> tuple[str, bytes]:
    text = f"<@U0BOT> the connector for DataHub stopped after the upgrade {number}: what should I look at?"
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    event = {
        "type": "app_mention",
        "user": "U1",
        "team": "T1",
        "channel": "C1",
        "ts": f"{timestamp}.{number:06d}",
        "event_ts": f"{timestamp}.{number:06d}",
        "client_msg_id": "8d2c1a9e-4a38-4b0c-9d55-5c1e4f5f0f11",
        "text": text,
        "blocks": [{"type": "rich_text", "block_id": "b1", "elements": [section]}],
    }
    authorization = {"enterprise_id": None, "team_id": "T1", "user_id": "U0BOT", "is_bot": True}
    body = json.dumps(
        {
            "token": "verification",
            "team_id": "T1",
            "api_app_id": "A1",
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(timestamp),
            "authorizations": [{**authorization, "is_enterprise_install": False}],
            "is_ext_shared_channel": False,
            "event_context": "4-eyJldCI6ImFwcF9tZW50aW9uIn0",
            "event": event,
        }
    ).encode()
    signed = b"v0:" + timestamp.encode() + b":" + body
    signature = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\nAccept: */*\r\n"
        f"X-Slack-Request-Timestamp: {timestamp}\r\nX-Slack-Signature: v0={signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return event_id, head.encode() + body


@dataclass(slots=True)
class Results:
    """What came of one run."""

    latencies: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refused: int = 0
    took: float = 0.0

    def note(self, event_id: str, status: int, latency: float) -> None:
        self.latencies.append(latency)
        if 200 <= status < 300:
            self.accepted.append(event_id)
        else:
            self.refused += 1

    def at(self, quantile: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * quantile), len(ordered) - 1)] * 1000


class Connection(asyncio.Protocol):
    """One kept-alive connection with one request under way; thin, so that the servers are measured."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answered: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def send(self, request: bytes) -> int:
        """The status of the answer."""
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        if len(rest) >= length and self._answered and not self._answered.done():
            self._received.clear()
            self._answered.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(exc or ConnectionError("the server hung up"))

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


async def connect(port: int, count: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(Connection, "127.0.0.1", port) for _ in range(count)]
    return [connection for _, connection in pairs]


async def closed_loop(port: int, requests: Sequence[tuple[str, bytes]], connections: int) -> Results:
    """Everybody sends again as soon as they are answered."""
    results, waiting = Results(), deque(requests)
    opened = await connect(port, connections)

    async def drive(connection: Connection) -> None:
        while waiting:
            event_id, request = waiting.popleft()
            started = time.perf_counter()
            status = await connection.send(request)
            results.note(event_id, status, time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*map(drive, opened))
    results.took = time.perf_counter() - started
    for connection in opened:
        connection.close()
    return results


async def open_loop(
    port: int, requests: Sequence[tuple[str, bytes]], connections: int, rate: float
) -> Results:
    """Request n is due at n / rate; when no connection is free it waits, and the wait counts."""
    results = Results()
    opened = await connect(port, connections)
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in opened:
        free.put_nowait(connection)
    started = time.perf_counter()

    async def one(event_id: str, request: bytes, due: float) -> None:
        connection = await free.get()
        status = await connection.send(request)
        results.note(event_id, status, time.perf_counter() - due)
        free.put_nowait(connection)

    async with asyncio.TaskGroup() as group:
        for number, (event_id, request) in enumerate(requests):
            due = started + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            group.create_task(one(event_id, request, due))
    results.took = time.perf_counter() - started
    for connection in opened:
        connection.close()
    return results


# -- the comparison ---------------------------------------------------------


@contextmanager
def both_servers(data: Path) -> Iterator[dict[str, Served]]:
    """The bare handler and the web role, each ready."""
    real = {
        "DESKBELL_DATA": str(data),
        "SLACK_BOT_TOKEN": "xoxb-1-2-bench",
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_URL": f"http://127.0.0.1:{free_port()}/api",
    }
    with (
        serving([sys.executable, __file__, "serve-bare"], {}, ready=READY) as yardstick,
        serving([sys.executable, "-m", "bot", "web"], real, ready=READY) as program,
    ):
        yield {"bare": yardstick, "web": program}


@dataclass(slots=True)
class Compared:
    """All rounds of one kind of load."""

    name: str
    runs: dict[str, list[Results]] = field(default_factory=lambda: {"bare": [], "web": []})
    cpu: dict[str, list[float]] = field(default_factory=lambda: {"bare": [], "web": []})

    def line(self, who: str) -> str:
        runs = self.runs[who]
        count = sum(len(run.latencies) for run in runs)
        pace = median(len(run.latencies) / run.took for run in runs)
        p50, p99 = (median(run.at(quantile) for run in runs) for quantile in (0.5, 0.99))
        worst = max(run.at(1) for run in runs)
        cpu = sum(self.cpu[who]) / count * 1000
        refused = sum(run.refused for run in runs)
        return (
            f"{self.name:<14} {who:<5} {pace:8.0f}/s   p50 {p50:7.2f} ms   p99 {p99:7.2f} ms   "
            f"max {worst:7.1f} ms   cpu {cpu:5.2f} ms/request   {count} requests, {refused} refused"
        )

    def ratio(self) -> str:
        pace, p99 = (
            [
                median(len(run.latencies) / run.took if is_pace else run.at(0.99) for run in self.runs[who])
                for who in ("web", "bare")
            ]
            for is_pace in (True, False)
        )
        return f"{self.name:<14} web/bare: {pace[0] / pace[1]:.2f} x requests/s, {p99[0] / p99[1]:.2f} x p99"


def measure(servers: dict[str, Served], options: argparse.Namespace) -> list[Compared]:
    """Each load in turn, the two servers alternating within it; which one is first alternates too."""
    rates: list[float | None] = [None, *map(float, options.rates.split(","))]
    closed = f"closed x{options.connections}"
    compared = [Compared(f"open {rate:.0f}/s" if rate else closed) for rate in rates]
    for number in range(-1, options.rounds):  # one round to warm up
        for rate, load in zip(rates, compared, strict=True):
            for who in ("bare", "web") if number % 2 else ("web", "bare"):
                requests = make_requests(
                    int(rate * options.seconds) if rate else options.requests,
                    prefix=f"Ev{number + 1}{who}{int(rate or 0)}N",
                )
                before = cpu_seconds(servers[who].pid)
                run = asyncio.run(
                    open_loop(servers[who].port, requests, 2 * options.connections, rate)
                    if rate
                    else closed_loop(servers[who].port, requests, options.connections)
                )
                if number >= 0:
                    load.cpu[who].append(cpu_seconds(servers[who].pid) - before)
                    load.runs[who].append(run)
    return compared


def missing(database: Path, compared: Sequence[Compared]) -> set[str]:
    """Events that were acknowledged and are not there."""
    with closing(sqlite3.connect(database)) as connection:
        stored = {row[0] for row in connection.execute("SELECT external_id FROM deliveries")}
    return {event for load in compared for run in load.runs["web"] for event in run.accepted} - stored


def fsync_ms(directory: Path) -> float:
    """What one durable write costs here, at the median: the floor under every acknowledgement."""
    took = []
    with (directory / "fsync").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 4096)
            started = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - started)
    return median(took) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--requests", type=int, default=2000, help="of one closed round")
    parser.add_argument("--seconds", type=float, default=5, help="of one open round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rates", default="100,200,400", help="of the open loop, per second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ack-") as name:
        data = Path(name)
        with both_servers(data) as servers:
            compared = measure(servers, options)
            say(f"fsync here: {fsync_ms(data):.2f} ms (median); load: {os.getloadavg()[0]:.1f}")
        lost = missing(data / "deskbell.db", compared)
    for load in compared:
        say(load.line("bare"))
        say(load.line("web"))
        say(load.ratio())
    accepted = sum(len(run.accepted) for load in compared for run in load.runs["web"])
    say(f"{accepted} events acknowledged with 2xx, {len(lost)} of them not in the database")
    return 1 if lost else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["serve-bare"]:
        serve_bare()
    else:
        sys.exit(main())
