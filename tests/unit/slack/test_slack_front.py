from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from slack_sdk.web.async_client import AsyncWebClient
from slack_signing import FORM, NOW, SECRET, event_body, interaction_body, message, press, signed

from bot.core.errors import Unavailable
from bot.core.ports import Delivery
from handlers.slack.front import MAX_BODY, PATH, SlackFront

BODY = event_body(message("my password is hunter2"))

Poster = TestClient[web.Request, web.Application]


class Noon:
    def now(self) -> datetime:
        return NOW


@dataclass
class Store:
    """As the ledger: a second delivery of the same id is known; an outage raises."""

    accepted: list[Delivery] = field(default_factory=list)
    outage: Exception | None = None

    async def accept(self, delivery: Delivery) -> bool:
        await asyncio.sleep(0)
        if self.outage is not None:
            raise self.outage
        is_new = delivery.id not in {each.id for each in self.accepted}
        if is_new:
            self.accepted.append(delivery)
        return is_new


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def poster(store: Store) -> AsyncIterator[Poster]:
    async with posting_to(store) as poster:
        yield poster


@asynccontextmanager
async def posting_to(store: Store) -> AsyncIterator[Poster]:
    client = AsyncWebClient(token="xoxb-1", base_url="http://127.0.0.1:1/api/")
    front = SlackFront(accept=store.accept, secrets=[SECRET], client=client, time=Noon())
    app = web.Application()
    app.add_routes(front.routes())
    async with TestClient(TestServer(app)) as poster:
        yield poster


async def test_an_event_is_stored_and_then_acknowledged(poster: Poster, store: Store) -> None:
    response = await poster.post(PATH, data=BODY, headers=signed(BODY))
    assert (response.status, await response.text()) == (200, "")
    (delivery,) = store.accepted
    assert (delivery.door, delivery.id, delivery.body) == ("slack", "Ev1", BODY)
    assert delivery.received_at == NOW


async def test_a_retry_is_acknowledged_and_stored_once(poster: Poster, store: Store) -> None:
    for retry in ("", "1", "2"):
        headers = {**signed(BODY), **({"X-Slack-Retry-Num": retry} if retry else {})}
        assert (await poster.post(PATH, data=BODY, headers=headers)).status == 200
    assert len(store.accepted) == 1


async def test_a_retry_that_is_the_first_to_arrive_is_stored(poster: Poster, store: Store) -> None:
    await poster.post(PATH, data=BODY, headers={**signed(BODY), "X-Slack-Retry-Num": "2"})
    assert store.accepted[0].headers["x-slack-retry-num"] == "2"


async def test_a_button_press_is_stored(poster: Poster, store: Store) -> None:
    body = interaction_body(press())
    response = await poster.post(PATH, data=body, headers=signed(body, content_type=FORM))
    assert (response.status, await response.text()) == (200, "")
    assert store.accepted[0].lane == "C1:1793707200.000100"


async def test_a_slash_command_is_stored(poster: Poster, store: Store) -> None:
    body = b"command=%2Fdeskbell&text=hi&team_id=T1&channel_id=C1&trigger_id=1.2"
    assert (await poster.post(PATH, data=body, headers=signed(body, content_type=FORM))).status == 200
    assert len(store.accepted) == 1


async def test_bolt_answers_the_challenge(poster: Poster, store: Store) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a", "token": "x"}).encode()
    response = await poster.post(PATH, data=body, headers=signed(body))
    assert (response.status, await response.json()) == (200, {"challenge": "3eZbrw1a"})
    assert store.accepted == []


async def test_bolt_answers_the_ssl_check(poster: Poster, store: Store) -> None:
    body = b"ssl_check=1&token=x"
    assert (await poster.post(PATH, data=body, headers=signed(body, content_type=FORM))).status == 200
    assert store.accepted == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Signature": "v0=" + "0" * 64, "X-Slack-Request-Timestamp": "1793707200"},
        signed(BODY, secret="guessed"),
        signed(BODY, at=NOW - timedelta(minutes=6)),
        signed(BODY, at=NOW + timedelta(minutes=6)),
        signed(BODY + b" "),
    ],
)
async def test_a_forged_or_stale_request_is_unauthorised(
    poster: Poster, store: Store, headers: dict[str, str]
) -> None:
    assert (await poster.post(PATH, data=BODY, headers=headers)).status == 401
    assert store.accepted == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b""),
        ("application/json", b"{"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"type":"event_callback"}'),
        ("application/json; charset=klingon", b"\xff"),
        ("application/json", b'{"type":"block_actions","team":5}'),
        ("application/json", b'{"type":"x","authorizations":[1]}'),
        (FORM, b"payload=%7B"),
    ],
)
async def test_a_malformed_request_is_a_bad_request(
    poster: Poster, store: Store, content_type: str, body: bytes
) -> None:
    headers = signed(body, content_type=content_type)
    assert (await poster.post(PATH, data=body, headers=headers)).status == 400
    assert store.accepted == []


async def test_a_giant_is_refused(poster: Poster, store: Store) -> None:
    body = b" " * (MAX_BODY + 1)
    assert (await poster.post(PATH, data=body, headers=signed(body))).status == 413
    assert store.accepted == []


async def test_a_streamed_giant_is_refused_while_it_is_read(poster: Poster, store: Store) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50 * MAX_BODY:
            sent += 65_536
            yield b" " * 65_536

    response = await poster.post(PATH, data=endless(), headers=signed(b""))
    assert response.status == 413
    assert sent < 10 * MAX_BODY
    assert store.accepted == []


async def test_a_compressed_body_is_refused(poster: Poster, store: Store) -> None:
    body = gzip.compress(BODY)
    headers = {**signed(body), "Content-Encoding": "gzip"}
    assert (await poster.post(PATH, data=body, headers=headers)).status == 415
    assert store.accepted == []


@pytest.mark.parametrize("outage", [Unavailable("database is locked"), RuntimeError("disk full")])
async def test_nothing_is_acknowledged_that_was_not_stored(
    poster: Poster, store: Store, outage: Exception
) -> None:
    store.outage = outage
    assert (await poster.post(PATH, data=BODY, headers=signed(BODY))).status == 503
    store.outage = None
    assert (await poster.post(PATH, data=BODY, headers=signed(BODY))).status == 200
    assert len(store.accepted) == 1


async def test_refusals_log_their_reason_and_never_the_body(
    poster: Poster, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BODY[:-1]
    with structlog.testing.capture_logs() as logs, caplog.at_level(logging.DEBUG):
        await poster.post(PATH, data=BODY, headers=signed(BODY, secret="guessed"))
        await poster.post(PATH, data=broken, headers=signed(broken))
        store.outage = Unavailable("down")
        await poster.post(PATH, data=BODY, headers=signed(BODY))
    assert [(each["event"], each["status"]) for each in logs] == [
        ("delivery_refused", 401),
        ("delivery_refused", 400),
        ("delivery_not_stored", 503),
    ]
    assert "hunter2" not in f"{logs}{caplog.text}"


async def test_a_client_that_leaves_midway_does_no_harm(poster: Poster, store: Store) -> None:
    host, port = str(poster.host), poster.port
    _, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await poster.post(PATH, data=BODY, headers=signed(BODY))).status == 200
    assert len(store.accepted) == 1


KINDS: list[object] = [None, 5, [], {}]
TEAMS: list[object] = ["T1", {"id": 5}, None]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("team", TEAMS)
async def test_a_signed_oddity_is_never_a_server_error(poster: Poster, kind: object, team: object) -> None:
    body = json.dumps({"type": kind, "team": team}).encode()
    assert (await poster.post(PATH, data=body, headers=signed(body))).status in {200, 400}
