"""Zendesk's webhooks on the wire: is it theirs, and under which id and lane is it kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.core.errors import MalformedDelivery, UntrustedDelivery
from bot.core.ports import Delivery

DOOR = "zendesk"
REPLAY_WINDOW = timedelta(minutes=5)  #: ours: Zendesk sets no rule

_SIGNATURE = "x-zendesk-webhook-signature"
_TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
_INVOCATION = "x-zendesk-webhook-invocation-id"
_LONGEST_ID = 200
_LONGEST_NUMBER = 19  #: digits of a 64-bit integer


def verify(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: datetime) -> None:
    """Raise UntrustedDelivery unless one of `secrets` signed this body within the replay window.

    Two secrets are accepted while one is being rotated. The body may be empty.
    """
    # https://developer.zendesk.com/documentation/webhooks/verifying/
    sent = _header(headers, _TIMESTAMP)
    signature = _header(headers, _SIGNATURE)
    if not sent or not signature:
        raise UntrustedDelivery("unsigned")
    if not (sent.isascii() and signature.isascii()):
        raise UntrustedDelivery("unreadable signature headers")
    if abs(now - _instant(sent)) > REPLAY_WINDOW:
        raise UntrustedDelivery("stale timestamp")
    given = signature.encode("ascii")
    matches = [hmac.compare_digest(sign(secret, sent, body), given) for secret in secrets if secret]
    if not any(matches):
        raise UntrustedDelivery("signature mismatch")


def sign(secret: str, timestamp: str, body: bytes) -> bytes:
    """base64(HMAC-SHA256(secret, timestamp + body)), as Zendesk computes it."""
    digest = hmac.new(secret.encode(), timestamp.encode("ascii") + body, hashlib.sha256).digest()
    return base64.b64encode(digest)


def delivery_from_http(headers: Mapping[str, str], body: bytes, now: datetime) -> Delivery:
    """The delivery to store; MalformedDelivery when the body is not the JSON object it should be."""
    payload = decode(body)
    ticket = ticket_id(payload)
    return Delivery(
        door=DOOR,
        id=_delivery_id(headers, payload, body),
        lane=f"ticket:{ticket}" if ticket else "account",
        headers={},
        body=body,
        received_at=now,
    )


def decode(body: bytes) -> dict[str, Any]:
    """The JSON object in a webhook's body; an empty body is an empty object."""
    if not body.strip():
        return {}
    try:
        # A trigger's placeholders can put raw line breaks into strings: hence not strict.
        payload = json.loads(body.decode("utf-8"), strict=False)
    except (ValueError, RecursionError) as error:
        raise MalformedDelivery(f"the body is not JSON ({type(error).__name__})") from None
    if not isinstance(payload, dict):
        raise MalformedDelivery("the body is not a JSON object")
    return payload


def ticket_id(payload: Mapping[str, Any]) -> str | None:
    """The ticket a payload of either kind is about, or None."""
    detail = payload.get("detail")
    if isinstance(detail, dict) and (found := as_id(detail.get("id"))):
        is_about_ticket = str(payload.get("subject", "zen:ticket:")).startswith("zen:ticket:")
        return found if is_about_ticket else None
    return as_id(payload.get("ticket_id"))


def as_id(value: object) -> str | None:
    """Zendesk's ids are whole numbers, written as numbers here and as strings there."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return str(value) if 0 < value < 10**_LONGEST_NUMBER else None
    text = value.strip()
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return str(int(text)) if is_number and int(text) > 0 else None


def _delivery_id(headers: Mapping[str, str], payload: Mapping[str, Any], body: bytes) -> str:
    """What makes two deliveries the same one.

    An event carries an `id` of its own, which stays the same when two webhooks are subscribed to it or when
    somebody sends it again; that is the best key. A trigger's body has none. The invocation id is shared by
    the attempts of one invocation, that is by Zendesk's own retries:
    https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/#list-webhook-invocation-attempts
    """
    event = payload.get("id")
    is_event = isinstance(payload.get("type"), str) and isinstance(event, str)
    if is_event and 0 < len(str(event)) <= _LONGEST_ID and str(event).isprintable():
        return f"event:{event}"
    invocation = _header(headers, _INVOCATION)
    if 0 < len(invocation) <= _LONGEST_ID and invocation.isascii() and invocation.isprintable():
        return f"invocation:{invocation}"
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _header(headers: Mapping[str, str], name: str) -> str:
    """Header names are case-insensitive; mappings are not."""
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _instant(sent: str) -> datetime:
    """An ISO 8601 instant such as 2021-03-25T05:09:27Z."""
    try:
        instant = datetime.fromisoformat(sent)
    except ValueError:
        raise UntrustedDelivery("unreadable timestamp") from None
    if instant.tzinfo is None:
        raise UntrustedDelivery("timestamp without an offset")
    return instant
