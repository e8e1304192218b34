"""What tests of rotas share: a feed on a real socket, PagerDuty's twin, and boring people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from aiohttp import web

from bot.core.model import PersonRef
from bot.sandbox.refusals import listening
from config.rotas import RotaKind, RotaSource, read_duties
from handlers.rotas.feeds import IcalFeed

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
WHERE = "oncall.toml: [on_call]: ical"
ADA, OTTO = (PersonRef(door="slack", workspace="T", user=user) for user in ("U_ADA", "U_OTTO"))


def ical(*events: str) -> bytes:
    """A calendar of these events, each given by its lines."""
    inside = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}@test\r\nDTSTAMP:20261101T000000Z\r\n{event}\r\nEND:VEVENT\r\n"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//\r\n{inside}END:VCALENDAR\r\n".encode()


def event(summary: str, start: datetime, end: datetime, *more: str) -> str:
    """One event's lines."""
    stamp = "%Y%m%dT%H%M%SZ"
    lines = (f"SUMMARY:{summary}", f"DTSTART:{start:{stamp}}", f"DTEND:{end:{stamp}}", *more)
    return "\r\n".join(lines)


@dataclass(slots=True)
class FeedServer:
    """A calendar at an address, as an ordinary web server offers it."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        if self.status == 200 and self.etag and request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304)
        headers = self.headers | ({"ETag": self.etag} if self.etag else {})
        return web.Response(status=self.status, body=self.body, headers=headers)


@asynccontextmanager
async def feed_server() -> AsyncIterator[FeedServer]:
    server = FeedServer()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    async with listening(app) as url:
        server.url = f"{url}/oncall.ics"
        yield server


def a_source(place: str, *, timezone: str = "UTC") -> RotaSource:
    return RotaSource(
        role="on_call", kind=RotaKind.FEED, place=place, where=WHERE, timezone=timezone, is_private=True
    )


def a_feed(url: str, *, timezone: str = "UTC", is_private: bool = True) -> IcalFeed:
    source = a_source(url, timezone=timezone)
    return IcalFeed(
        source=source.source,
        role="on_call",
        url=url,
        where=WHERE,
        parse=partial(read_duties, source),
        is_private=is_private,
    )
