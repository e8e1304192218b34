from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import io
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import structlog
from aiohttp import ClientSession, web
from zendesk_recorder import SteppedTime

from bot.core.errors import ConfigError
from bot.core.ports import Delivery
from handlers.zendesk.front import LARGEST_BODY, ZendeskFront

SECRET = "webhook-secret"
BODY = b'{"type": "zen:event-type:ticket.tags_changed", "id": "e1", "detail": {"id": "9"}, "x": "hush"}'


class Store:
    """What a ledger does with deliveries, in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, Delivery] = {}
        self.is_broken = False

    async def accept(self, delivery: Delivery) -> bool:
        await asyncio.sleep(0)
        if self.is_broken:
            raise OSError("disk full of hush")
        is_new = delivery.id not in self.kept
        self.kept.setdefault(delivery.id, delivery)
        return is_new


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def url(store: Store, clock: SteppedTime) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(ZendeskFront(store.accept, [SECRET], clock).routes())
    runner = web.AppRunner(app, auto_decompress=False)  # as the program serves it
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/zendesk/webhooks"
    await runner.cleanup()


def signed(body: bytes, clock: SteppedTime, **extra: str) -> dict[str, str]:
    sent = clock.now().isoformat().replace("+00:00", "Z")
    digest = hmac.digest(SECRET.encode(), sent.encode() + body, hashlib.sha256)
    return {
        "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": sent,
        **extra,
    }


async def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    async with ClientSession() as http, http.post(url, data=body, headers=headers) as response:
        return response.status, dict(response.headers), await response.read()


async def test_a_delivery_is_kept_and_acknowledged(url: str, store: Store, clock: SteppedTime) -> None:
    status, _, _ = await post(url, BODY, signed(BODY, clock))
    assert status == 200
    assert store.kept["event:e1"].body == BODY


async def test_a_duplicate_is_acknowledged_and_kept_once(url: str, store: Store, clock: SteppedTime) -> None:
    for _ in range(3):
        assert (await post(url, BODY, signed(BODY, clock)))[0] == 200
    assert len(store.kept) == 1


async def test_an_empty_body_is_acknowledged(url: str, clock: SteppedTime) -> None:
    assert (await post(url, b"", signed(b"", clock)))[0] == 200


async def test_a_broken_store_asks_zendesk_to_come_again(url: str, store: Store, clock: SteppedTime) -> None:
    store.is_broken = True
    with structlog.testing.capture_logs() as logs:
        status, headers, _ = await post(url, BODY, signed(BODY, clock))
    assert status == 503
    assert 0 < int(headers["Retry-After"]) < 60
    [line] = logs
    assert (line["event"], line["error"]) == ("delivery_not_stored", "OSError")
    assert "hush" not in str(line)


async def test_a_forged_delivery_is_refused_with_a_reason_and_without_its_body(
    url: str, store: Store, clock: SteppedTime
) -> None:
    with structlog.testing.capture_logs() as logs:
        status, _, answer = await post(url, BODY + b" ", signed(BODY, clock))
    assert (status, answer, store.kept) == (401, b"", {})
    [line] = logs
    assert (line["event"], line["status"], line["reason"]) == ("delivery_refused", 401, "signature mismatch")
    assert "hush" not in str(line)


async def test_a_replayed_delivery_is_stale(url: str, clock: SteppedTime) -> None:
    headers = signed(BODY, clock)
    clock.move(timedelta(seconds=301))
    assert (await post(url, BODY, headers))[0] == 401


async def test_an_unsigned_delivery_is_refused(url: str) -> None:
    assert (await post(url, BODY, {}))[0] == 401


async def test_junk_is_a_bad_request(url: str, store: Store, clock: SteppedTime) -> None:
    assert (await post(url, b"{", signed(b"{", clock)))[0] == 400
    assert not store.kept


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_over_one_megabyte_is_refused_unread(
    is_chunked: bool,  # noqa: FBT001 - pytest's way of passing parameters
    url: str,
    clock: SteppedTime,
) -> None:
    body = b" " * (LARGEST_BODY + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 64 * 1024):
            yield body[at : at + 64 * 1024]

    data = chunks() if is_chunked else io.BytesIO(body)
    async with ClientSession() as http, http.post(url, data=data, headers=signed(body, clock)) as response:
        assert response.status == 413


async def test_exactly_one_megabyte_passes(url: str, clock: SteppedTime) -> None:
    body = b'{"a": "' + b"x" * (LARGEST_BODY - 9) + b'"}'
    assert len(body) == LARGEST_BODY
    assert (await post(url, body, signed(body, clock)))[0] == 200


async def test_a_compressed_bomb_is_refused(url: str, clock: SteppedTime) -> None:
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    assert len(bomb) < LARGEST_BODY
    status, _, _ = await post(url, bomb, signed(bomb, clock, **{"Content-Encoding": "gzip"}))
    assert status == 415


async def test_a_body_that_belies_its_encoding_is_refused_like_an_encoded_one(
    url: str, clock: SteppedTime
) -> None:
    status, _, _ = await post(url, BODY, signed(BODY, clock, **{"Content-Encoding": "gzip"}))
    assert status == 415


async def test_what_could_never_be_read_is_refused_and_not_kept(
    url: str, store: Store, clock: SteppedTime
) -> None:
    body = b'{"type": "zen:event-type:ticket.comment_added", "id": "e1", "detail": {"id": "9"}}'
    status, _, _ = await post(url, body, signed(body, clock))
    assert (status, store.kept) == (400, {})


async def test_another_method_is_not_allowed(url: str) -> None:
    async with ClientSession() as http, http.get(url) as response:
        assert response.status == 405


@pytest.mark.parametrize("secrets", [[], [""], ["  "]])
def test_a_door_without_a_secret_does_not_open(secrets: list[str], store: Store, clock: SteppedTime) -> None:
    with pytest.raises(ConfigError, match="ZENDESK_WEBHOOK_SECRET"):
        ZendeskFront(store.accept, secrets, clock)
