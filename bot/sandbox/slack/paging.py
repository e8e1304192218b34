"""Cursors, as Slack makes them: opaque, but base64 of something simple."""

# https://docs.slack.dev/apis/web-api/pagination

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bot.sandbox.slack.calls import Call, Refused
from bot.sandbox.slack.things import Json

ItemT = TypeVar("ItemT")


def page(
    call: Call, items: Sequence[ItemT], *, default: int, prefix: str = "offset"
) -> tuple[Sequence[ItemT], Json]:
    """The asked page, and the `response_metadata` that leads to the next one."""
    size = call.limit(default=default)
    start = _decode(call.text("cursor"), prefix)
    end = start + size
    cursor = base64.b64encode(f"{prefix}:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], {"next_cursor": cursor}


def _decode(cursor: str | None, prefix: str) -> int:
    if cursor is None:
        return 0
    try:
        kind, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if kind != prefix:
            raise Refused("invalid_cursor")
        return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise Refused("invalid_cursor") from None
