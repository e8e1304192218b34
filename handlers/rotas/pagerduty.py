"""On-calls as PagerDuty computes them, for a schedule or one level of an escalation policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from bot.core.errors import RateLimited, Rejected, Unavailable
from bot.core.live_rotas import AHEAD, Duty, Reading
from bot.core.spelling import render_instant
from handlers import egress

PAGE = 100  #: the most there is
MOST = 10_000  #: offset and limit together: https://developer.pagerduty.com/docs/pagination
LARGEST = 4 * 2**20  #: bytes of one page
TIMEOUT = ClientTimeout(total=20, sock_connect=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutyRota:
    """GET /oncalls, read anew each time.

    https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls
    """

    source: str
    role: str
    where: str
    token: str = field(repr=False)
    base_url: str
    schedule: str | None = None
    policy: str | None = None
    level: int = 1  #: of the policy

    async def read(self, known: Reading | None, *, now: datetime) -> Reading:
        """Everybody who is on call now or within the days ahead; PagerDuty knows no "unchanged"."""
        del known
        # Whole days, so that what is always the same reads the same; it looks 90 days ahead by its own clock.
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        until = today + AHEAD - timedelta(days=1)
        try:
            async with ClientSession(headers=self._headers(), timeout=TIMEOUT) as session:
                return Reading(duties=await self._all(session, today, until), until=until)
        except TimeoutError:
            raise Unavailable(f"{self.where}: no answer within the time given") from None
        except (ClientError, OSError) as error:
            raise Unavailable(f"{self.where}: cannot be reached ({type(error).__name__})") from None

    def _headers(self) -> Mapping[str, str]:
        # https://developer.pagerduty.com/docs/authentication, https://developer.pagerduty.com/docs/versioning
        return {
            "Authorization": f"Token token={self.token}",
            "Accept": "application/vnd.pagerduty+json;version=2",
            "Content-Type": "application/json",
        }

    async def _all(self, session: ClientSession, since: datetime, until: datetime) -> tuple[Duty, ...]:
        """Page after page, one at a time, as they ask of us."""
        found: list[Duty] = []
        for offset in range(0, MOST, PAGE):
            page = await self._page(session, offset, since, until)
            entries = _of(page, "oncalls", list, self.where)
            found += (self._duty(entry, since, until) for entry in entries if self._is_ours(entry))
            if page.get("more") is not True:
                return tuple(dict.fromkeys(found))  # one schedule in two policies is there twice
        raise Rejected(f"{self.where}: more than {MOST} on-calls")

    async def _page(
        self, session: ClientSession, offset: int, since: datetime, until: datetime
    ) -> Mapping[str, Any]:
        query = [
            ("schedule_ids[]", self.schedule)
            if self.schedule
            else ("escalation_policy_ids[]", self.policy or ""),
            ("include[]", "users"),
            ("since", render_instant(since)),
            ("until", render_instant(until)),
            ("time_zone", "UTC"),
            ("limit", str(PAGE)),
            ("offset", str(offset)),
        ]
        url = f"{self.base_url}/oncalls"
        async with session.get(url, params=query, allow_redirects=False) as response:
            if response.status != 200:  # noqa: PLR2004 - HTTP's
                raise _refused(response, self.where)
            body = await egress.read_limited(response, LARGEST)
        if body is None:
            raise Rejected(f"{self.where}: a page is larger than {LARGEST // 2**20} MiB")
        try:
            page = json.loads(body)
        except ValueError:
            raise Unavailable(f"{self.where}: the answer is not JSON") from None
        if not isinstance(page, dict):
            raise Unavailable(f"{self.where}: the answer is not an object")
        return page

    def _is_ours(self, entry: object) -> bool:
        if not isinstance(entry, dict):
            raise Unavailable(f"{self.where}: an on-call is not an object")
        return self.schedule is not None or entry.get("escalation_level") == self.level

    def _duty(self, entry: Mapping[str, Any], since: datetime, until: datetime) -> Duty:
        """Without a start or an end somebody is always on call, or from then on."""
        user = _of(entry, "user", dict, self.where)
        names = (user.get("email"), user.get("name") or user.get("summary"))
        return Duty(
            names=tuple(name for name in names if isinstance(name, str) and name.strip()),
            starts_at=self._instant(entry.get("start")) or since,
            ends_at=self._instant(entry.get("end")) or until,
        )

    def _instant(self, text: object) -> datetime | None:
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(str(text))
        except ValueError:
            raise Unavailable(f"{self.where}: an instant cannot be read") from None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _refused(response: ClientResponse, where: str) -> RateLimited | Unavailable | Rejected:
    """What to do about it: https://developer.pagerduty.com/docs/errors."""
    match response.status:
        case 429:  # https://developer.pagerduty.com/docs/rest-api-rate-limits - seconds; may be missing
            reset = response.headers.get("ratelimit-reset", "")
            pause = (
                timedelta(seconds=min(int(reset), 3600)) if reset.isascii() and reset.isdecimal() else None
            )
            return RateLimited(f"{where}: asked us to slow down", retry_after=pause)
        case 401:
            return Rejected(f"{where}: PagerDuty does not accept PAGERDUTY_API_TOKEN")
        case 403:
            return Rejected(f"{where}: PAGERDUTY_API_TOKEN may not read on-calls")
        case status if status == 408 or status >= 500:  # noqa: PLR2004 - HTTP's
            return Unavailable(f"{where}: PagerDuty answered {status}")
        case status:
            return Rejected(f"{where}: PagerDuty answered {status}")


def _of(values: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = values.get(key)
    if not isinstance(value, kind):
        raise Unavailable(f"{where}: the answer has no {key}")
    return value
