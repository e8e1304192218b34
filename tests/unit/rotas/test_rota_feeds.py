"""Feeds on real sockets: what is read, what is refused, and in which words."""

from __future__ import annotations

import gzip
import socket
from datetime import datetime, timedelta

import pytest
from rotas_kit import DAY, HOUR, NOW, WEEK, WHERE, a_feed, event, feed_server, ical

from bot.core.errors import RateLimited, Rejected, Unavailable
from bot.core.live_rotas import AHEAD
from handlers import egress
from handlers.rotas.feeds import LARGEST


async def test_events_become_duties_of_whoever_they_name() -> None:
    async with feed_server() as server:
        server.body = ical(
            event("On call: Ada", NOW, NOW + DAY, "ATTENDEE;CN=Ada:mailto:Ada@Acme.example"),
            event("Otto", NOW + DAY, NOW + 2 * DAY),
        )
        reading = await a_feed(server.url).read(None, now=NOW)

    assert [(duty.names, duty.starts_at, duty.ends_at) for duty in reading.duties] == [
        (("ada@acme.example", "On call: Ada"), NOW, NOW + DAY),
        (("Otto",), NOW + DAY, NOW + 2 * DAY),
    ]
    assert reading.until == NOW + AHEAD


async def test_whole_days_are_days_of_the_rotas_zone_and_touch() -> None:
    async with feed_server() as server:
        server.body = ical(
            "SUMMARY:Ada\r\nDTSTART;VALUE=DATE:20261123\r\nDTEND;VALUE=DATE:20261130",
            "SUMMARY:Otto\r\nDTSTART;VALUE=DATE:20261130\r\nDTEND;VALUE=DATE:20261207",
        )
        reading = await a_feed(server.url, timezone="America/New_York").read(None, now=NOW)

    first, second = reading.duties
    assert first.ends_at == second.starts_at == datetime.fromisoformat("2026-11-30T05:00:00+00:00")


async def test_repeated_events_stay_at_their_wall_clock_time_and_leave_exceptions_out() -> None:
    async with feed_server() as server:
        server.body = ical(
            "SUMMARY:Ada\r\nDTSTART;TZID=America/New_York:20261019T090000\r\n"
            "DTEND;TZID=America/New_York:20261020T090000\r\nRRULE:FREQ=WEEKLY;COUNT=5\r\n"
            "EXDATE;TZID=America/New_York:20261109T090000"
        )
        now = datetime.fromisoformat("2026-10-18T00:00:00+00:00")
        reading = await a_feed(server.url).read(None, now=now)

    starts = [duty.starts_at.isoformat() for duty in reading.duties]
    assert starts == [
        "2026-10-19T13:00:00+00:00",
        "2026-10-26T13:00:00+00:00",
        "2026-11-02T14:00:00+00:00",  # the clocks went back
        "2026-11-16T14:00:00+00:00",
    ]


async def test_an_unchanged_feed_is_not_sent_again_until_too_few_days_are_known() -> None:
    async with feed_server() as server:
        server.body, server.etag = ical(event("Ada", NOW, NOW + WEEK)), '"v1"'
        server.headers = {"Last-Modified": "Tue, 24 Nov 2026 11:00:00 GMT"}
        feed = a_feed(server.url)
        first = await feed.read(None, now=NOW)
        again = await feed.read(first, now=NOW + HOUR)
        later = await feed.read(first, now=NOW + AHEAD / 2 + HOUR)

    assert again is first
    assert [asked.get("If-None-Match") for asked in server.asked] == [None, '"v1"', None]
    assert server.asked[1].get("If-Modified-Since") == "Tue, 24 Nov 2026 11:00:00 GMT"
    assert later.until > first.until


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, Rejected, "HTTP 404"),
        (401, Rejected, "HTTP 401"),
        (503, Unavailable, "HTTP 503"),
        (304, Rejected, "says that nothing has changed"),
    ],
)
async def test_a_feed_that_is_refused_says_so_without_its_address(
    status: int, kind: type[Exception], words: str
) -> None:
    async with feed_server() as server:
        server.status = status
        with pytest.raises(kind) as caught:
            await a_feed(f"{server.url}?secret=1234").read(None, now=NOW)

    assert f"{caught.value}".startswith(f"{WHERE}: {words}")
    assert "1234" not in f"{caught.value}"


async def test_a_feed_that_asks_for_patience_gets_it() -> None:
    async with feed_server() as server:
        server.status, server.headers = 429, {"Retry-After": "120"}
        with pytest.raises(RateLimited) as caught:
            await a_feed(server.url).read(None, now=NOW)

    assert caught.value.retry_after == timedelta(seconds=120)


@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in</html>", b"\xff\xfe", ical("SUMMARY:Ada"), ical("SUMMARY:A\r\nDTSTART:x")]
)
async def test_what_is_no_calendar_is_refused_in_a_sentence(body: bytes) -> None:
    async with feed_server() as server:
        server.body = body
        with pytest.raises(Rejected) as caught:
            await a_feed(server.url).read(None, now=NOW)

    assert f"{caught.value}".startswith(f"{WHERE}: ")
    assert "Sign in" not in f"{caught.value}"


async def test_a_body_that_grows_when_it_is_unpacked_is_cut_off() -> None:
    async with feed_server() as server:
        server.body, server.headers = gzip.compress(b" " * (LARGEST + 1)), {"Content-Encoding": "gzip"}
        with pytest.raises(Rejected, match="is larger than"):
            await a_feed(server.url).read(None, now=NOW)


async def test_a_feed_that_nobody_serves_may_come_back() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/oncall.ics"
        with pytest.raises(Unavailable, match="cannot be reached"):
            await a_feed(url).read(None, now=NOW)


async def test_redirects_are_followed_a_few_times() -> None:
    async with feed_server() as server:
        server.status, server.headers = 302, {"Location": "/again"}
        with pytest.raises(Rejected, match="redirected more than 3 times"):
            await a_feed(server.url).read(None, now=NOW)

    assert len(server.asked) == 4


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_in_our_own_network_is_not_asked_unless_somebody_vouches_for_it(host: str) -> None:
    async with feed_server() as server:
        server.body = ical(event("Ada", NOW, NOW + WEEK))
        with pytest.raises(Rejected, match="leads into a private network; private = true allows"):
            await a_feed(server.url.replace("127.0.0.1", host), is_private=False).read(None, now=NOW)

    assert server.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address like any other here
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)
def test_private_addresses_are_known_in_every_dress(address: str) -> None:
    host = f"[{address}]" if ":" in address else address

    assert not egress.is_public(address)
    assert egress.refusal(f"https://{host}/oncall.ics") == "leads into a private network"


@pytest.mark.parametrize(
    "host", ["127。0。0。1", "①②⑦.0.0.1", "169。254。169。254", "\uff11\uff12\uff17.0.0.1"]
)
def test_private_addresses_are_known_in_letters_that_the_client_reads_as_digits(host: str) -> None:
    assert egress.refusal(f"http://{host}:8080/oncall.ics") == "leads into a private network"


def test_public_addresses_may_be_asked() -> None:
    assert egress.is_public("93.184.216.34")
    assert egress.is_public("2606:2800:220:1:248:1893:25c8:1946")
    assert egress.refusal("https://calendar.example/oncall.ics") is None
    assert egress.refusal("file:///etc/passwd") == "is not an http or https address"
    assert egress.refusal("https://[broken") == "is not an address"
