"""Bodies and signatures of our webhooks, as https://www.standardwebhooks.com has them. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime

from bot.core.alerts import AlertAction, SendAlert
from bot.core.errors import ConfigError
from bot.core.replies import alert_summary, ticket_label
from bot.core.spelling import render_instant

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a secret
TYPES = {
    AlertAction.TRIGGER: "escalation.triggered",
    AlertAction.ACKNOWLEDGE: "escalation.acknowledged",
    AlertAction.RESOLVE: "escalation.resolved",
}


def read_secret(name: str, written: str) -> bytes:
    """The key in "whsec_…"; ConfigError names its variable and repeats nothing of it."""
    try:
        key = base64.b64decode(written.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not written.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ConfigError(f"{name}: write {PREFIX} and the base64 of {SHORTEST} to {LONGEST} random bytes")
    return key


def render_body(effect: SendAlert) -> bytes:
    """The same at every try, but for a link that could not be had at an earlier one."""
    document = {
        "type": TYPES[effect.action],
        "timestamp": render_instant(effect.at),
        "data": {
            "key": effect.key,
            "summary": alert_summary(effect),
            "ticket": ticket_label(effect.ticket),
            "subject": effect.subject,
            "organisation": effect.organisation,
            "tier": effect.tier.value,
            "priority": effect.priority.value,
            "metric": effect.metric.value,
            "due_at": render_instant(effect.due_at),
            "step": effect.ref.mark,
            "reminder": effect.round,
            "acknowledged_by": effect.by,
            "link": effect.link,
        },
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def headers(id: str, body: bytes, keys: Sequence[bytes], *, now: datetime) -> dict[str, str]:
    """The id stays over all tries of one webhook, and is what its receiver recognises a repetition by."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join((id.encode(), timestamp.encode(), body))
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "content-type": "application/json",
        "user-agent": "Deskbell",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
