from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from aiohttp import web
from slack_twin_kit import Received, a_twin, always, an_app, is_signed, ok

from bot.sandbox.faults import FaultKind


async def test_a_failed_delivery_is_tried_at_once_then_after_one_and_five_minutes_then_lost() -> None:
    async with an_app(always(500)) as app, a_twin() as (twin, time):
        await twin.subscribe(app.url)
        await twin.say("mia", "community", "anybody?")
        await twin.settled()
        assert [one.retry for one in app.received] == [(None, None), ("1", "http_error")]

        time.advance(seconds=59)
        assert await twin.tick() == 0
        time.advance(seconds=1)
        assert await twin.tick() == 1
        await twin.settled()
        time.advance(minutes=5)
        await twin.tick()
        await twin.settled()

        assert [one.retry[0] for one in app.received] == [None, "1", "2", "3"]
        assert len({one.payload["event_id"] for one in app.received}) == 1
        assert twin.next_retry_at is None
        assert len(twin.journal.of("deliver:message", outcome="lost")) == 1
        assert is_signed(twin, time, app.received[-1])


async def test_an_app_that_recovers_gets_the_event_by_the_retry() -> None:
    async with an_app(always(503)) as app, a_twin() as (twin, time):
        await twin.subscribe(app.url)
        await twin.say("mia", "community", "anybody?")
        await twin.settled()
        app.answer = ok
        time.advance(minutes=1)
        await twin.tick()
        await twin.settled()
        assert twin.journal.entries[-1].outcome == "ok"
        assert twin.next_retry_at is None


async def test_no_retry_is_honoured_on_an_error_only() -> None:
    async with an_app(always(500, **{"X-Slack-No-Retry": "1"})) as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        await twin.say("mia", "community", "anybody?")
        await twin.settled()
        assert len(app.received) == 1
        assert len(twin.journal.of("deliver:message", outcome="lost")) == 1


async def test_an_app_that_is_slow_or_away_is_told_so() -> None:
    held = asyncio.Event()

    async def never(received: Received) -> web.Response:
        del received
        await held.wait()
        return web.Response()

    async with a_twin(ack_within=timedelta(milliseconds=100)) as (twin, time):
        async with an_app(never) as app:
            await twin.subscribe(app.url)
            await twin.say("mia", "community", "anybody?")
            await twin.settled()
            assert app.received[1].retry == ("1", "http_timeout")
            held.set()
        time.advance(minutes=1)
        await twin.tick()
        await twin.settled()
        assert twin.journal.entries[-1].outcome == "connection_failed"


async def test_faults_double_drop_delay_reorder_and_forget_deliveries() -> None:
    async with an_app() as app, a_twin() as (twin, time):
        await twin.subscribe(app.url)
        arrived: list[list[str]] = []
        for kind in ("DUPLICATE", "DROP", "DELAY", "TIMEOUT_AFTER", "REORDER"):
            app.received.clear()
            twin.faults.fail_next("deliver:message", FaultKind[kind], delay=timedelta(seconds=30))
            await twin.say("mia", "community", kind)
            await twin.settled()
            if kind == "REORDER":
                await twin.say("mia", "community", "next")
                await twin.settled()
            if kind == "DELAY":
                assert app.received == []
                time.advance(seconds=30)
                await twin.tick()
                await twin.settled()
            arrived.append([one.event["text"] for one in app.received])

        assert arrived == [
            ["DUPLICATE", "DUPLICATE"],
            [],
            ["DELAY"],
            ["TIMEOUT_AFTER", "TIMEOUT_AFTER"],
            ["next", "REORDER"],
        ]


async def test_a_broken_body_is_signed_and_unreadable() -> None:
    async with an_app(always(400)) as app, a_twin() as (twin, time):
        await twin.subscribe(app.url)
        twin.faults.fail_next("deliver:message", FaultKind.MALFORMED_BODY)
        await twin.say("mia", "community", "hello")
        await twin.settled()
        assert is_signed(twin, time, app.received[0])
        with pytest.raises(json.JSONDecodeError):
            _ = app.received[0].payload
