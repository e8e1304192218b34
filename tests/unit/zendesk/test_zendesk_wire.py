from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import MalformedDelivery, UntrustedDelivery
from handlers.zendesk.wire import decode, delivery_from_http, verify

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SENT = "2026-11-02T09:00:00Z"
SECRET = "dGhpcyBpcyBhIHdlYmhvb2sgc2VjcmV0"
BODY = b'{"type": "zen:event-type:ticket.comment_added", "id": "e1", "detail": {"id": "9"}}'


def signature(body: bytes, sent: str = SENT, secret: str = SECRET) -> str:
    """Written anew from the documentation, so that the door is not its own judge."""
    return base64.b64encode(hmac.digest(secret.encode(), sent.encode() + body, hashlib.sha256)).decode()


def signed(body: bytes, sent: str = SENT, secret: str = SECRET) -> dict[str, str]:
    return {
        "X-Zendesk-Webhook-Signature": signature(body, sent, secret),
        "X-Zendesk-Webhook-Signature-Timestamp": sent,
    }


@pytest.mark.parametrize("body", [BODY, b"", b"\xff\x00"])
def test_a_genuine_delivery_passes_also_when_it_is_empty(body: bytes) -> None:
    verify(signed(body), body, secrets=[SECRET], now=NOW)


def test_the_signature_is_zendesks_own_formula() -> None:
    # printf '2026-11-02T09:00:00Z{}' | openssl dgst -sha256 -hmac k -binary | base64
    headers = {
        "x-zendesk-webhook-signature": "rGoH0k5PRpvc7L7mOcWdZJTKTYPb9MLUjDEA6esanmc=",
        "x-zendesk-webhook-signature-timestamp": SENT,
    }
    verify(headers, b"{}", secrets=["k"], now=NOW)


def test_two_secrets_are_good_while_one_is_rotated() -> None:
    for secret in ("old", "new"):
        verify(signed(BODY, secret=secret), BODY, secrets=["old", "new"], now=NOW)
    with pytest.raises(UntrustedDelivery, match="mismatch"):
        verify(signed(BODY, secret="third"), BODY, secrets=["old", "new"], now=NOW)


@pytest.mark.parametrize("secrets", [[], [""]])
def test_no_secret_trusts_nobody(secrets: list[str]) -> None:
    with pytest.raises(UntrustedDelivery):
        verify(signed(BODY, secret=""), BODY, secrets=secrets, now=NOW)


@pytest.mark.parametrize("name", ["X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp"])
def test_an_unsigned_delivery_is_refused(name: str) -> None:
    headers = signed(BODY)
    del headers[name]
    with pytest.raises(UntrustedDelivery, match="unsigned"):
        verify(headers, BODY, secrets=[SECRET], now=NOW)


@pytest.mark.parametrize("skew", [timedelta(seconds=300), timedelta(seconds=-300)])
def test_five_minutes_of_skew_pass_and_a_second_more_does_not(skew: timedelta) -> None:
    verify(signed(BODY), BODY, secrets=[SECRET], now=NOW + skew)
    with pytest.raises(UntrustedDelivery, match="stale"):
        verify(signed(BODY), BODY, secrets=[SECRET], now=NOW + skew * (301 / 300))


@pytest.mark.parametrize("sent", ["now", "2026-11-02T09:00:00", "1793610000", "2026-11-02T09Z\u00e9", ""])
def test_a_timestamp_that_is_no_instant_is_refused(sent: str) -> None:
    with pytest.raises(UntrustedDelivery):
        verify(signed(BODY, sent), BODY, secrets=[SECRET], now=NOW)


def test_every_change_of_a_single_byte_is_refused() -> None:
    good = signature(BODY)
    for at in range(len(BODY)):
        changed = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        with pytest.raises(UntrustedDelivery):
            verify(signed(BODY), changed, secrets=[SECRET], now=NOW)
    for at in range(len(good)):
        for other in {chr(ord(good[at]) ^ bit) for bit in (1, 2, 4, 32)} | {""}:
            headers = signed(BODY) | {"X-Zendesk-Webhook-Signature": good[:at] + other + good[at + 1 :]}
            with pytest.raises(UntrustedDelivery):
                verify(headers, BODY, secrets=[SECRET], now=NOW)
    for other_time in ("2026-11-02T09:00:01Z", "2026-11-02T09:00:00+00:00", "2026-11-02 09:00:00Z"):
        headers = signed(BODY) | {"X-Zendesk-Webhook-Signature-Timestamp": other_time}
        with pytest.raises(UntrustedDelivery):
            verify(headers, BODY, secrets=[SECRET], now=NOW)


@given(sent=st.text(max_size=40), given_signature=st.text(max_size=60), body=st.binary(max_size=50))
@settings(max_examples=300)
def test_nothing_but_untrusted_delivery_is_ever_raised(sent: str, given_signature: str, body: bytes) -> None:
    headers = {
        "x-zendesk-webhook-signature": given_signature,
        "x-zendesk-webhook-signature-timestamp": sent,
    }
    with pytest.raises(UntrustedDelivery):
        verify(headers, body, secrets=[SECRET], now=NOW)


@given(instant=st.datetimes(timezones=st.timezones()))
def test_any_instant_is_compared_without_an_overflow(instant: datetime) -> None:
    sent = instant.isoformat()
    if abs(instant - NOW) > timedelta(minutes=5):
        with pytest.raises(UntrustedDelivery):
            verify(signed(BODY, sent), BODY, secrets=[SECRET], now=NOW)


INVOKED = {"X-Zendesk-Webhook-Invocation-Id": "01GK8E6BKW"}


def test_an_events_own_id_is_the_key_and_its_ticket_the_lane() -> None:
    delivery = delivery_from_http(INVOKED, BODY, NOW)
    assert (delivery.door, delivery.id, delivery.lane) == ("zendesk", "event:e1", "ticket:9")
    assert (delivery.body, delivery.headers, delivery.received_at) == (BODY, {}, NOW)


def test_a_triggers_delivery_goes_by_its_invocation() -> None:
    delivery = delivery_from_http(INVOKED, b'{"deskbell": "trigger", "ticket_id": "12"}', NOW)
    assert (delivery.id, delivery.lane) == ("invocation:01GK8E6BKW", "ticket:12")


def test_without_any_id_the_same_body_is_the_same_delivery() -> None:
    first, again, other = (delivery_from_http({}, body, NOW) for body in (b"{}", b"{}", b"{ }"))
    assert first.id == again.id != other.id
    assert first.id.startswith("sha256:")
    assert first.lane == "account"


def test_an_empty_body_is_a_delivery_too() -> None:
    assert delivery_from_http(INVOKED, b"", NOW).id == "invocation:01GK8E6BKW"


def test_a_users_event_is_in_no_tickets_lane() -> None:
    body = b'{"type": "zen:event-type:user.created", "subject": "zen:user:9", "detail": {"id": "9"}}'
    assert delivery_from_http({}, body, NOW).lane == "account"


@pytest.mark.parametrize("bad", ["x" * 201, "a\nb", "", 7, None, True])
def test_an_id_that_no_store_should_keep_is_not_used(bad: object) -> None:
    body = json.dumps({"type": "t", "id": bad}).encode()
    assert delivery_from_http({}, body, NOW).id.startswith("sha256:")


@pytest.mark.parametrize(
    "junk", [b"{", b"[]", b"7", b'"x"', b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_junk_is_malformed(junk: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        delivery_from_http({}, junk, NOW)


def test_raw_line_breaks_in_a_triggers_strings_are_read() -> None:
    assert decode(b'{"comment": "two\nlines"}') == {"comment": "two\nlines"}
