"""Bytes from Slack: proved to be Slack's, and turned into a delivery. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from bot.core.errors import MalformedDelivery, UntrustedDelivery
from bot.core.ports import Delivery
from handlers.slack.mrkdwn import storable

DOOR = "slack"
REPLAY_WINDOW = timedelta(minutes=5)
FORM = "application/x-www-form-urlencoded"
_KEPT_HEADERS = ("content-type", "x-slack-retry-num", "x-slack-retry-reason")
_MAX_FIELDS = 100  # a slash command has about fifteen
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


def verify(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: datetime) -> None:
    """Raise UntrustedDelivery unless one of the secrets signed these bytes within five minutes of `now`.

    Two secrets are valid at once while one is being rotated.
    """
    # https://docs.slack.dev/authentication/verifying-requests-from-slack/
    sent = _header(headers, "x-slack-request-timestamp")
    signature = _header(headers, "x-slack-signature")
    if not sent or not signature:
        raise UntrustedDelivery("not signed")
    if not _TIMESTAMP.fullmatch(sent):
        raise UntrustedDelivery("the timestamp is no number")
    if abs(now.timestamp() - int(sent)) > REPLAY_WINDOW.total_seconds():
        raise UntrustedDelivery("the timestamp is more than five minutes away")
    given = signature.encode("utf-8", "replace")
    signed = b"v0:" + sent.encode() + b":" + body
    # An empty secret is no secret: everybody can sign with it.
    matches = [
        hmac.compare_digest(
            f"v0={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}".encode(), given
        )
        for secret in secrets
        if secret
    ]
    if not any(matches):
        raise UntrustedDelivery("the signature does not match")


def delivery_from_http(headers: Mapping[str, str], body: bytes, now: datetime) -> Delivery:
    """A verified request as a delivery; MalformedDelivery when it is not what Slack documents."""
    payload = read_payload(_header(headers, "content-type"), body)
    return _delivery(payload, body, headers=headers, now=now)


def delivery_from_socket(
    payload: Mapping[str, Any], *, headers: Mapping[str, str], now: datetime
) -> Delivery:
    """The same from a Socket Mode envelope, whose payload arrives as an object and without raw bytes."""
    body = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    kept = {**headers, "content-type": "application/json"}
    return _delivery(payload, body, headers=kept, now=now)


def payload_of(delivery: Delivery) -> Mapping[str, Any]:
    """The object inside a stored delivery."""
    return read_payload(delivery.headers.get("content-type", ""), delivery.body)


def read_payload(content_type: str, body: bytes) -> Mapping[str, Any]:
    """The object in a body: JSON, or a form which holds JSON in `payload` or is itself the object."""
    try:
        text = body.decode("utf-8")
        if content_type.partition(";")[0].strip().lower() == FORM:
            form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
            payload = json.loads(form["payload"]) if "payload" in form else form
        else:
            payload = json.loads(text)
    except (ValueError, RecursionError):
        # The parser's own message quotes the body, so it goes no further.
        raise MalformedDelivery("the body cannot be read") from None
    if not isinstance(payload, dict) or not payload:
        raise MalformedDelivery("the body holds no object")
    return payload


def record(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one: payloads of vendors are trusted in nothing."""
    return value if isinstance(value, dict) else {}


def text_of(*candidates: object) -> str | None:
    """The first candidate that is a text and not empty, as a database can store it."""
    return next((storable(each) for each in candidates if isinstance(each, str) and each), None)


def identifier(*candidates: object) -> str:
    """The first candidate that looks like one of Slack's ids or timestamps, or nothing."""
    fitting = (each for each in candidates if isinstance(each, str) and _ID.fullmatch(each))
    return next(fitting, "")


def _delivery(
    payload: Mapping[str, Any], body: bytes, *, headers: Mapping[str, str], now: datetime
) -> Delivery:
    if payload.get("type") == "event_callback":
        unique = identifier(payload.get("event_id"))
        if not unique or not record(payload.get("event")):
            raise MalformedDelivery("an event without an id or without content")
    else:
        # Interactions and commands carry no id. Their trigger makes the bytes unique.
        unique = f"request:{hashlib.sha256(body).hexdigest()}"
    kept = {name: _header(headers, name) for name in _KEPT_HEADERS}
    return Delivery(
        door=DOOR,
        id=unique,
        lane=_lane(payload) or unique,
        headers={name: value for name, value in kept.items() if value and value.isascii()},
        body=body,
        received_at=now,
    )


def _lane(payload: Mapping[str, Any]) -> str:
    """The thread, so that what was said in it is understood in order."""
    event, container = record(payload.get("event")), record(payload.get("container"))
    inner = record(event.get("message") or event.get("previous_message") or payload.get("message"))
    channel = identifier(
        event.get("channel"), record(payload.get("channel")).get("id"), container.get("channel_id")
    )
    thread = identifier(
        event.get("thread_ts"),
        inner.get("thread_ts"),
        container.get("thread_ts"),
        inner.get("ts"),
        event.get("ts"),
        container.get("message_ts"),
    )
    return f"{channel}:{thread}" if channel and thread else ""


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header whatever its case; aiohttp's mapping and a plain dict alike."""
    exact = headers.get(name)
    if exact is not None:
        return exact
    return next((value for key, value in headers.items() if key.lower() == name), "")
