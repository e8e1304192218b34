"""A twin of PagerDuty's REST API as far as on-calls are read: GET /oncalls, and what it refuses.

https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.core.ports import Time

DEFAULT_LIMIT, MOST, LAST = 25, 100, 10_000  # https://developer.pagerduty.com/docs/pagination
AHEAD = timedelta(days=90)
RESET = 20  #: seconds until a limit is reset
INCLUDED = ("escalation_policies", "users", "schedules")

_ACCEPT = "application/vnd.pagerduty+json;version=2"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinUser:
    """Somebody with an account there."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinOnCall:
    """One stretch; without a start or an end it is for good."""

    user: TwinUser
    policy: str
    schedule: str | None
    level: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class PagerDutyOnCallsTwin:
    """An account with its on-calls."""

    time: Time
    token: str = "rest-token"  # noqa: S105 - the twin's, which guards nothing
    may_read: bool = True  #: what the key is allowed
    on_calls: list[TwinOnCall] = field(default_factory=list)
    limited: int = 0  #: so many of the next requests come too soon
    knows_reset: bool = True  #: a 429 may come without its headers
    failing: int = 0  #: so many of the next requests meet an error of theirs
    asked: list[str] = field(default_factory=list)  #: query strings

    def app(self) -> web.Application:
        """The HTTP side."""
        app = web.Application()
        app.router.add_get("/oncalls", self._list)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        self.asked.append(request.query_string)
        refused = self._refusal(request)
        if refused is not None:
            return refused
        query = request.query
        try:
            limit, offset = int(query.get("limit", DEFAULT_LIMIT)), int(query.get("offset", 0))
            since, until = self._range(query)
            zone = ZoneInfo(query.get("time_zone", "America/New_York"))
        except (ValueError, KeyError):
            return _error(400, 2002, "Arguments Caused Error", "a parameter cannot be read")
        limit = min(limit, MOST)
        if limit < 1 or offset < 0 or offset + limit > LAST or until < since:
            return _error(400, 2001, "Invalid Input Provided", "Offset, limit or range is invalid")
        include = query.getall("include[]", [])
        if any(one not in INCLUDED for one in include):
            return _error(400, 2001, "Invalid Input Provided", "include[] is invalid")
        found = [one for one in self.on_calls if _overlaps(one, since, until) and _is_asked_for(one, request)]
        entries = [_rendered(one, zone, include) for one in found[offset : offset + limit]]
        more = offset + limit < len(found)
        page = {"oncalls": entries, "limit": limit, "offset": offset, "more": more, "total": None}
        return web.json_response(page)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.failing:
            self.failing -= 1
            return _error(500, 2000, "An internal error has occurred. PagerDuty team has been notified.")
        if request.headers.get("Authorization") != f"Token token={self.token}":
            # "this format must be followed precisely": https://developer.pagerduty.com/docs/authentication
            return _error(401, 2006, "Authentication failed")
        if not self.may_read:
            return _error(403, 2010, "Access Denied")
        if self.limited:
            self.limited -= 1
            headers = {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": str(RESET)}
            refused = _error(429, 2020, "Rate Limit Exceeded")
            refused.headers.update(headers if self.knows_reset else {})
            return refused
        if request.headers.get("Accept") != _ACCEPT:
            return _error(400, 2002, "Arguments Caused Error", "Accept is required, with the version")
        return None

    def _range(self, query: Mapping[str, str]) -> tuple[datetime, datetime]:
        """Both are now by default, and nothing beyond ninety days is computed."""
        now = self.time.now()
        since, until = (
            datetime.fromisoformat(query[name]) if name in query else now for name in ("since", "until")
        )
        if since.tzinfo is None or until.tzinfo is None or until > now + AHEAD:
            raise ValueError("On-call shifts are limited to 90 days in the future")
        return since, until


def _overlaps(one: TwinOnCall, since: datetime, until: datetime) -> bool:
    starts = one.starts_at or datetime.min.replace(tzinfo=UTC)
    ends = one.ends_at or datetime.max.replace(tzinfo=UTC)
    return starts <= until and ends > since


def _is_asked_for(one: TwinOnCall, request: web.Request) -> bool:
    schedules = request.query.getall("schedule_ids[]", [])
    policies = request.query.getall("escalation_policy_ids[]", [])
    return (not schedules or one.schedule in schedules) and (not policies or one.policy in policies)


def _rendered(one: TwinOnCall, zone: ZoneInfo, include: list[str]) -> dict[str, Any]:
    user: dict[str, Any] = _reference("user", one.user.id, one.user.name)
    if "users" in include:
        user |= {"type": "user", "name": one.user.name, "email": one.user.email}
    return {
        "user": user,
        "schedule": _reference("schedule", one.schedule, "Rotation") if one.schedule else None,
        "escalation_policy": _reference("escalation_policy", one.policy, "Policy"),
        "escalation_level": one.level,
        "start": one.starts_at.astimezone(zone).isoformat() if one.starts_at else None,
        "end": one.ends_at.astimezone(zone).isoformat() if one.ends_at else None,
    }


def _reference(kind: str, id: str, summary: str) -> dict[str, Any]:
    return {
        "id": id,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"https://api.pagerduty.com/{kind}s/{id}",
        "html_url": f"https://acme.pagerduty.com/{kind}s/{id}",
    }


def _error(status: int, code: int, message: str, *details: str) -> web.Response:
    """As https://developer.pagerduty.com/docs/errors describes it."""
    error: dict[str, Any] = {"message": message, "code": code}
    return web.json_response({"error": error | ({"errors": list(details)} if details else {})}, status=status)
