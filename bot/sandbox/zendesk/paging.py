"""Lists, a page at a time: by cursor when the caller asks for `page[size]`, else by offset."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from bot.sandbox.zendesk.calls import Call
from bot.sandbox.zendesk.refusals import Refused
from bot.sandbox.zendesk.state import Json

LARGEST = 100
DEEPEST = 10_000  #: records reachable by offset


def page(call: Call, base: str, key: str, records: Sequence[Json]) -> Json:
    """One page of a list.

    https://developer.zendesk.com/api-reference/introduction/pagination/
    """
    if call.query.get("sort_order") == "desc" or call.query.get("sort", "").startswith("-"):
        records = list(reversed(records))
    if any(name.startswith("page[") for name in call.query):
        return _by_cursor(call, base, key, records)
    return _by_offset(call, base, key, records)


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A positive number in the query."""
    raw = query.get(name, str(default))
    if not raw.isdecimal() or int(raw) < 1:
        raise Refused(400, {"error": "InvalidPaginationParameter", "description": f"{name} is invalid"})
    return int(raw)


def cursor(position: object) -> str:
    """An opaque position."""
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def position(cursor: str) -> tuple[int, ...]:
    """What `cursor` hid: the numbers between its bars."""
    try:
        return tuple(int(part) for part in base64.urlsafe_b64decode(cursor.encode()).decode().split("|"))
    except (binascii.Error, ValueError):
        raise Refused(
            400, {"error": "InvalidPaginationParameter", "description": "cursor is invalid"}
        ) from None


def link(call: Call, base: str, **changed: str) -> str:
    """The same request with some parameters changed."""
    query = {name: value for name, value in call.query.items() if name not in ("page[before]", "page[after]")}
    return f"{base}{call.path}.json?{urlencode({**query, **changed})}"


def _by_cursor(call: Call, base: str, key: str, records: Sequence[Json]) -> Json:
    size = min(LARGEST, number(call.query, "page[size]", LARGEST))
    start = 0
    if "page[after]" in call.query:
        start = position(call.query["page[after]"])[0]
    elif "page[before]" in call.query:
        start = max(0, position(call.query["page[before]"])[0] - size)
    shown = records[start : start + size]
    end = start + len(shown)
    after, before = cursor(end), cursor(start)
    return {
        key: list(shown),
        "meta": {"has_more": end < len(records), "after_cursor": after, "before_cursor": before},
        "links": {
            "next": link(call, base, **{"page[after]": after}) if end < len(records) else None,
            "prev": link(call, base, **{"page[before]": before}) if start else None,
        },
    }


def _by_offset(call: Call, base: str, key: str, records: Sequence[Json]) -> Json:
    size = min(LARGEST, number(call.query, "per_page", LARGEST))
    index = number(call.query, "page", 1)
    if index * size > DEEPEST:
        text = "Requests beyond 10,000 records are not supported; use cursor pagination"
        raise Refused(400, {"error": "InvalidPaginationDepth", "description": text})
    shown = records[(index - 1) * size : index * size]
    more = index * size < len(records)
    return {
        key: list(shown),
        "next_page": link(call, base, page=str(index + 1)) if more else None,
        "previous_page": link(call, base, page=str(index - 1)) if index > 1 else None,
        "count": len(records),
    }
