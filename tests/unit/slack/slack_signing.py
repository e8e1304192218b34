"""Requests as Slack signs them."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"


def signature(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    signed = b"v0:" + timestamp.encode() + b":" + body
    return f"v0={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def signed(
    body: bytes, *, at: datetime = NOW, secret: str = SECRET, content_type: str = "application/json"
) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(body, timestamp, secret),
    }


def event_body(event: dict[str, Any], *, event_id: str = "Ev1", **outer: Any) -> bytes:
    return json.dumps(
        {
            "type": "event_callback",
            "team_id": "T_HOME",
            "api_app_id": "A1",
            "event_id": event_id,
            "event_time": 1793707200,
            "authorizations": [{"team_id": "T_HOME", "user_id": "UBOT", "is_bot": True}],
            "event": event,
            **outer,
        }
    ).encode()


def message(text: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "channel": "C1",
        "user": "U1",
        "team": "T_HOME",
        "text": text,
        "ts": "1793707200.000100",
        "channel_type": "channel",
        **fields,
    }


def interaction_body(payload: dict[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def press(**fields: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "team": {"id": "T_HOME", "domain": "opendatagov"},
        "user": {"id": "U2", "team_id": "T_CUSTOMER"},
        "channel": {"id": "C1", "name": "acme"},
        "container": {"type": "message", "message_ts": "1793707300.000200", "channel_id": "C1"},
        "message": {"ts": "1793707300.000200", "thread_ts": "1793707200.000100"},
        "actions": [
            {
                "type": "button",
                "action_id": "open_ticket",
                "value": "12",
                "action_ts": "1793707400.000300",
            }
        ],
        **fields,
    }
