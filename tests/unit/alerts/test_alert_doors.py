"""PagerDuty, webhooks and mail as doors: what is sent, what refusals mean, and where nothing is sent to."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from aiohttp import ClientSession, web
from alert_kit import ATTEMPT, NOON, an_alert

from bot.core.alerts import AlertAction
from bot.core.errors import ConfigError, RateLimited, Rejected, Unavailable
from bot.core.model import Priority
from bot.sandbox.pagerduty.events import PagerDutyEventsTwin
from bot.sandbox.refusals import Refusal, listening
from bot.sandbox.webhook_receiver import WebhookReceiver
from handlers.mail.messages import render_mail
from handlers.pagerduty.door import PagerDuty
from handlers.pagerduty.events import render_event
from handlers.webhooks.door import Receiver, Webhooks
from handlers.webhooks.signing import headers, read_secret, render_body

KEY = "d" * 32
SECRET = b"a receiver's thirty-two byte key"


class Noon:
    def now(self) -> datetime:
        return NOON


# -- PagerDuty ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("priority", "severity"),
    [(Priority.P1, "critical"), (Priority.P2, "error"), (Priority.P3, "warning"), (Priority.P4, "info")],
)
def test_severity_follows_the_priority(priority: Priority, severity: str) -> None:
    event = render_event(an_alert("pagerduty", priority=priority), routing_key=KEY)

    assert event["payload"]["severity"] == severity


def test_what_follows_a_trigger_has_its_key_and_nothing_else() -> None:
    event = render_event(an_alert("pagerduty", AlertAction.RESOLVE), routing_key=KEY)

    assert event == {
        "routing_key": KEY,
        "event_action": "resolve",
        "dedup_key": "deskbell-3f9c2a1b-clock-12",
    }


def test_a_long_subject_stays_within_their_limit() -> None:
    event = render_event(an_alert("pagerduty", subject="x" * 5000), routing_key=KEY)

    assert len(event["payload"]["summary"]) == 1024


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refusal(status=400, body=KEY), Rejected),
        (Refusal(status=403), Rejected),
        (Refusal(status=302, headers={"location": "/v2/enqueue"}), Rejected),
        (Refusal(status=429), RateLimited),
        (Refusal(status=500), Unavailable),
        (Refusal(status=503), Unavailable),
    ],
)
async def test_only_what_may_work_later_is_tried_again(refusal: Refusal, error: type[Exception]) -> None:
    twin = PagerDutyEventsTwin()
    async with listening(twin.app()) as url, ClientSession() as session:
        door = PagerDuty(session, base_url=url, keys={"pagerduty": KEY})
        twin.refusals.order(refusal)
        with pytest.raises(error) as raised:
            await door.send(an_alert("pagerduty"), ATTEMPT)
        assert type(raised.value) is error
        assert KEY not in str(raised.value)
        await door.send(an_alert("pagerduty"), ATTEMPT)
    assert len(twin.incidents) == 1


async def test_nobody_at_the_other_end_is_an_outage() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with ClientSession() as session:
        door = PagerDuty(session, base_url=f"http://127.0.0.1:{port}", keys={"pagerduty": KEY})
        with pytest.raises(Unavailable):
            await door.send(an_alert("pagerduty"), ATTEMPT)


async def test_a_service_without_a_key_is_refused() -> None:
    async with ClientSession() as session:
        door = PagerDuty(session, base_url="http://127.0.0.1:1", keys={})
        with pytest.raises(Rejected, match="its integration key is not set"):
            await door.send(an_alert("pagerduty:payments"), ATTEMPT)


# -- webhooks ----------------------------------------------------------------


def test_a_signature_is_that_of_the_specification() -> None:
    """Their libraries' own example: https://github.com/standard-webhooks/standard-webhooks."""
    key = read_secret("S", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        [key],
        now=NOON.fromtimestamp(1614265330, NOON.tzinfo),
    )

    assert signed["webhook-timestamp"] == "1614265330"
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_replaced_both_sign() -> None:
    signed = headers("id", b"{}", [SECRET, SECRET[::-1]], now=NOON)

    assert len(signed["webhook-signature"].split()) == 2


@pytest.mark.parametrize("written", ["", "abc", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "x" * 40])
def test_a_secret_that_is_none_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_secret("OPS_WEBHOOK_SECRET", written)

    assert str(refused.value).startswith("OPS_WEBHOOK_SECRET: ")
    assert not written or len(written) < 10 or written not in str(refused.value)


def test_a_body_says_what_it_is_about_and_nothing_that_was_written() -> None:
    body = json.loads(render_body(an_alert("webhook:ops", AlertAction.ACKNOWLEDGE, by="Ada")))

    assert body["type"] == "escalation.acknowledged"
    assert body["data"]["acknowledged_by"] == "Ada"
    assert body["data"]["due_at"] == "2026-11-24T14:00:00Z"


async def sent(url: str, *, allow_private: bool = True, keys: tuple[bytes, ...] = (SECRET,)) -> None:
    receivers: Mapping[str, Receiver] = {
        "webhook:ops": Receiver(url=url, keys=keys, allow_private=allow_private)
    }
    async with Webhooks(receivers) as door:
        await door.send(an_alert("webhook:ops"), ATTEMPT)


async def test_a_receiver_can_prove_that_it_was_us_and_count_a_repetition_once() -> None:
    twin = WebhookReceiver(time=Noon(), secret="whsec_" + base64.b64encode(SECRET).decode())
    async with listening(twin.app()) as url:
        await sent(f"{url}/hook")
        await sent(f"{url}/hook")
        with pytest.raises(Rejected, match="it answered 401"):
            await sent(f"{url}/hook", keys=(SECRET[::-1],))

    assert twin.heard == ["3f9c2a1b-effect-17"] * 2
    assert len(twin.events) == 1


@pytest.mark.parametrize(
    ("refusal", "error", "pause"),
    [
        (Refusal(status=307, headers={"location": "https://a.example"}), Rejected, None),
        (Refusal(status=404), Rejected, None),
        (Refusal(status=410), Rejected, None),
        (Refusal(status=408), Unavailable, None),
        (Refusal(status=502), Unavailable, None),
        (Refusal(status=503, headers={"retry-after": "7"}), Unavailable, 7),
        (Refusal(status=429, headers={"retry-after": "999999"}), RateLimited, 3600),
        (Refusal(status=429, headers={"retry-after": "soon"}), RateLimited, None),
    ],
)
async def test_a_receivers_refusals_mean_what_they_say(
    refusal: Refusal, error: type[Exception], pause: int | None
) -> None:
    twin = WebhookReceiver(time=Noon())
    async with listening(twin.app()) as url:
        twin.refusals.order(refusal)
        with pytest.raises(error) as raised:
            await sent(f"{url}/hook")
    assert type(raised.value) is error
    asked = getattr(raised.value, "retry_after", None)
    assert asked == (timedelta(seconds=pause) if pause else None)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "2130706433",
        "0.0.0.0",  # noqa: S104 - an address, and nobody listens
    ],
)
async def test_nothing_is_sent_into_our_own_network(host: str) -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", answer)
    async with listening(app) as url:
        port = url.rpartition(":")[2]
        with pytest.raises(Rejected, match=r"its address (leads into a private network|is not one)"):
            await sent(f"http://{host}:{port}/hook", allow_private=False)
    assert asked == []


# -- mail --------------------------------------------------------------------


def test_mails_about_one_clock_are_one_thread_and_each_try_is_the_same_mail() -> None:
    first, again = (
        render_mail(
            an_alert("mail:m", subject="Subject: x\r\nBcc: everybody@acme.example"),
            sender="bot@acme.example",
            recipient="m@acme.example",
            key=ATTEMPT.key,
            now=NOON,
        )
        for _ in range(2)
    )

    assert first["Message-ID"] == again["Message-ID"] == "<3f9c2a1b-effect-17@acme.example>"
    assert first["In-Reply-To"] == "<deskbell-3f9c2a1b-clock-12@acme.example>"
    assert first["Subject"] == "[Deskbell] DB-7 P2: resolution runs out"
    assert first["Bcc"] is None
    assert "Subject: x Bcc: everybody@acme.example" in first.get_content()
