"""Webhooks as records: what they listen to, how they are signed, and what became of each invocation."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.sandbox.zendesk.envelopes import PREFIX, TYPES
from bot.sandbox.zendesk.refusals import bad_webhook
from bot.sandbox.zendesk.rendering import stamp
from bot.sandbox.zendesk.state import Json

BY_TRIGGER = "conditional_ticket_events"  #: the only subscription of a trigger-connected webhook
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORMATS = ("json", "xml", "form_encoded")


@dataclass(slots=True, kw_only=True)
class Webhook:
    """Either subscribed to events or connected to triggers, for good."""

    id: str
    name: str
    endpoint: str
    secret: str
    subscriptions: list[str]
    created_at: datetime
    updated_at: datetime
    status: str = "active"
    http_method: str = "POST"
    request_format: str = "json"
    authentication: Json | None = None
    custom_headers: dict[str, str] = field(default_factory=dict)
    description: str | None = None

    @property
    def is_for_triggers(self) -> bool:
        """Whether triggers may use it; then it has no events of its own."""
        return self.subscriptions in ([], [BY_TRIGGER])

    def listens_to(self, kind: str) -> bool:
        """Whether an event of this kind is sent here."""
        return self.status == "active" and PREFIX + kind in self.subscriptions

    def reconnected(self, subscriptions: list[str]) -> list[str]:
        """The new subscriptions, refused when they would change the method of connection."""
        if self.is_for_triggers != (subscriptions in ([], [BY_TRIGGER])):
            raise bad_webhook("the connection method of a webhook cannot be changed")
        return subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request of an invocation."""

    id: str
    at: datetime
    status: str  #: "success", "failed" or "timeout"
    http_status: int | None


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One thing to be told to one webhook, over all tries."""

    id: str
    webhook: Webhook
    operation: str  #: "deliver:ticket.comment_added" or "deliver:trigger"
    body: bytes
    created_at: datetime
    status: str = "pending"  #: then "success", "failed", "circuit_broken" or "dropped"
    attempts: list[Attempt] = field(default_factory=list)
    conflicts: int = 0  #: how often 409 was answered
    refusals: int = 0  #: how often 429 or 503 with Retry-After was answered
    timeouts: int = 0


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a request.

    https://developer.zendesk.com/documentation/webhooks/verifying/
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def request_headers(
    webhook: Webhook, invocation: Invocation, account_id: int, timestamp: str
) -> dict[str, str]:
    """Everything that goes with the body."""
    headers = {
        **webhook.custom_headers,
        "Content-Type": "application/json",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": str(account_id),
        "X-Zendesk-Webhook-Id": webhook.id,
        "X-Zendesk-Webhook-Invocation-Id": invocation.id,
        "X-Zendesk-Webhook-Signature": sign(webhook.secret, timestamp, invocation.body),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
    }
    access = webhook.authentication or {}
    data = access.get("data") or {}
    if access.get("type") == "bearer_token":
        headers["Authorization"] = f"Bearer {data.get('token')}"
    elif access.get("type") == "basic_auth":
        pair = f"{data.get('username')}:{data.get('password')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    elif access.get("type") == "api_key":
        headers[str(data.get("name"))] = str(data.get("value"))
    return headers


def check(fields: Json) -> None:
    """Refuse a webhook that Zendesk would refuse.

    https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/
    """
    for name in ("name", "endpoint", "http_method", "request_format", "status"):
        if not fields.get(name):
            raise bad_webhook(f"{name} is required")
    # The real one insists on https; a twin's receivers live on the loopback.
    if not str(fields["endpoint"]).startswith(("http://", "https://")):
        raise bad_webhook("endpoint must be a URL")
    allowed: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("http_method", METHODS),
        ("request_format", FORMATS),
        ("status", ("active", "inactive")),
    )
    for name, values in allowed:
        if fields[name] not in values:
            raise bad_webhook(f"{name} must be one of {', '.join(values)}")
    check_subscriptions(fields.get("subscriptions") or [BY_TRIGGER], fields)


def check_subscriptions(subscriptions: Any, fields: Json) -> None:
    """Events or triggers, never both; events come as POST and JSON only."""
    if not isinstance(subscriptions, list):
        raise bad_webhook("subscriptions must be an array")
    if subscriptions == [BY_TRIGGER]:
        return
    if BY_TRIGGER in subscriptions:
        raise bad_webhook(f"{BY_TRIGGER} cannot be combined with other subscriptions")
    known = {PREFIX + kind for kind in TYPES}
    for one in subscriptions:
        if one not in known:
            raise bad_webhook(f"subscription {one} is invalid")
    if (fields["http_method"], fields["request_format"]) != ("POST", "json"):
        raise bad_webhook("event subscriptions require http_method POST and request_format json")


def webhook_json(webhook: Webhook) -> Json:
    """Without the secret, which has an endpoint of its own."""
    access = webhook.authentication
    return {
        "id": webhook.id,
        "name": webhook.name,
        "description": webhook.description,
        "endpoint": webhook.endpoint,
        "http_method": webhook.http_method,
        "request_format": webhook.request_format,
        "status": webhook.status,
        "subscriptions": webhook.subscriptions,
        "authentication": {k: v for k, v in access.items() if k != "data"} if access else None,
        "custom_headers": webhook.custom_headers or None,
        "created_at": stamp(webhook.created_at),
        "updated_at": stamp(webhook.updated_at),
        "created_by": "-1",
        "updated_by": "-1",
    }


def invocation_json(invocation: Invocation) -> Json:
    """As the activity log shows it."""
    last = invocation.attempts[-1] if invocation.attempts else None
    return {
        "id": invocation.id,
        "status": invocation.status,
        "status_code": last.http_status if last else None,
        "latest_completed_at": stamp(last.at) if last else None,
    }


def attempt_json(attempt: Attempt) -> Json:
    """One try."""
    return {
        "id": attempt.id,
        "status": attempt.status,
        "status_code": attempt.http_status,
        "completed_at": stamp(attempt.at),
    }
