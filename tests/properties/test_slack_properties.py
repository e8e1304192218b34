from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.core.errors import MalformedDelivery, UntrustedDelivery
from bot.core.ports import Delivery
from handlers.slack.parsing import SlackDoor, moment
from handlers.slack.wire import delivery_from_http, verify

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TYPES = st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", ""])


def signed(timestamp: str, body: bytes) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return f"v0={hmac.new(SECRET.encode(), base, hashlib.sha256).hexdigest()}"


@given(body=st.binary(max_size=200), ago=st.integers(-300, 300))
def test_what_was_signed_in_time_is_trusted(body: bytes, ago: int) -> None:
    timestamp = str(int(NOW.timestamp()) - ago)
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signed(timestamp, body)}
    verify(headers, body, secrets=[SECRET], now=NOW)


@given(body=st.binary(min_size=1, max_size=200), data=st.data())
def test_every_change_of_one_byte_is_refused(body: bytes, data: st.DataObject) -> None:
    timestamp = str(int(NOW.timestamp()))
    parts = {"timestamp": timestamp.encode(), "body": body, "signature": signed(timestamp, body).encode()}
    name = data.draw(st.sampled_from(sorted(parts)))
    original = parts[name]
    at, byte = data.draw(st.integers(0, len(original) - 1)), data.draw(st.integers(0, 255))
    assume(byte != original[at])
    parts[name] = original[:at] + bytes([byte]) + original[at + 1 :]
    headers = {
        "x-slack-request-timestamp": parts["timestamp"].decode("utf-8", "surrogateescape"),
        "x-slack-signature": parts["signature"].decode("utf-8", "surrogateescape"),
    }
    with pytest.raises(UntrustedDelivery):
        verify(headers, parts["body"], secrets=[SECRET], now=NOW)


@given(away=st.integers(301, 10**8), is_past=st.booleans(), body=st.binary(max_size=20))
def test_nothing_older_or_newer_than_five_minutes_is_trusted(away: int, is_past: bool, body: bytes) -> None:  # noqa: FBT001 - drawn by hypothesis
    timestamp = str(int(NOW.timestamp()) + (-away if is_past else away))
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signed(timestamp, body)}
    with pytest.raises(UntrustedDelivery):
        verify(headers, body, secrets=[SECRET], now=NOW)


def understood(content_type: str, body: bytes) -> None:
    """Both halves of the door: malformed is the only complaint they have."""
    stored = {"content-type": content_type}
    with suppress(MalformedDelivery):
        SlackDoor().parse(delivery_from_http({"Content-Type": content_type}, body, NOW))
    with suppress(MalformedDelivery):
        SlackDoor().parse(
            Delivery(door="slack", id="1", lane="1", headers=stored, body=body, received_at=NOW)
        )


@given(content_type=TYPES, body=st.binary(max_size=300))
def test_no_bytes_crash_the_door(content_type: str, body: bytes) -> None:
    understood(content_type, body)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
KNOWN: dict[str, list[Any]] = {
    "type": ["event_callback", "block_actions", "message", "app_mention", "url_verification"],
    "subtype": ["file_share", "bot_message", "message_changed"],
    "event_id": ["Ev1"],
    "team_id": ["T1"],
    "ts": ["1793707200.000100", "99999999999.999999999"],
    "thread_ts": ["1793707200.000100"],
    "message_ts": ["1793707200.000100"],
    "action_ts": ["1793707200.000100"],
    "channel": ["C1"],
    "user": ["U1"],
    "id": ["C1"],
    "action_id": ["helped"],
    "value": ["1"],
    "text": ["<@U1> hi", "<@U1"],
}


def shaped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with Slack's own field names, often with Slack's own values."""
    names = [
        *KNOWN,
        "event",
        "message",
        "container",
        "actions",
        "authorizations",
        "files",
        "attachments",
        "team",
    ]
    fields = {
        name: st.sampled_from(KNOWN[name]) | inner if name in KNOWN else inner | st.lists(inner, max_size=2)
        for name in names
    }
    return st.fixed_dictionaries({}, optional=fields)


@given(st.recursive(JSON, shaped, max_leaves=40).filter(lambda value: isinstance(value, dict)))
def test_no_shape_crashes_the_door(payload: dict[str, Any]) -> None:
    understood("application/json", json.dumps(payload).encode())
    outer = {"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": payload}
    understood("application/json", json.dumps(outer).encode())
    understood("application/json", json.dumps({**payload, "type": "block_actions"}).encode())


@given(seconds=st.integers(0, 10**11 - 1), micro=st.integers(0, 999_999))
def test_a_timestamp_is_read_to_the_microsecond(seconds: int, micro: int) -> None:
    read = moment(f"{seconds}.{micro:06d}")
    assert read == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=micro)
