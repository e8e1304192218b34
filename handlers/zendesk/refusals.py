"""What a Zendesk answer means for the worker: one place that reads status codes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests

from bot.core.errors import RateLimited, Rejected, Unavailable

UNSAID_PAUSE: Final = timedelta(minutes=1)  #: Zendesk counts requests by the minute
LONGEST_PAUSE: Final = timedelta(hours=1)
_CODE: Final = re.compile(r"[A-Za-z0-9_.\- ]{1,64}")


class BadRequest(Rejected):
    """400, which for a create can mean that the idempotency key is known with another body."""


def check(response: requests.Response, now: datetime) -> None:
    """Raise what the answer means; nothing when it is a success.

    Called from a hook of the session, so that it comes before zenpy, which would sleep through a 429 for as
    long as it lasts. https://developer.zendesk.com/api-reference/introduction/requests/
    """
    status = response.status_code
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return
    reason = f"Zendesk answered {describe(response)}"
    if 300 <= status < 400:  # noqa: PLR2004 - a renamed account; the token follows nobody
        raise Rejected(f"{reason} and redirects elsewhere: is ZENDESK_SUBDOMAIN right?")
    if status == 429:  # noqa: PLR2004 - too many requests
        raise RateLimited(reason, retry_after=pause(response, now) or UNSAID_PAUSE)
    if status == 401:  # noqa: PLR2004 - the adapter has already tried a fresh token
        # A person has to mend the credentials; parking everything meanwhile would help nobody.
        raise Unavailable(reason, retry_after=UNSAID_PAUSE)
    if status in (408, 409) or status >= 500:  # noqa: PLR2004 - 409 is a conflicting update: read again, try again
        raise Unavailable(reason, retry_after=pause(response, now))
    if status == 400:  # noqa: PLR2004 - see BadRequest
        raise BadRequest(reason)
    raise Rejected(reason)


def describe(response: requests.Response) -> str:
    """Status and the vendor's error keys: never a description, which can quote what somebody wrote."""
    try:
        body = response.json()
    except ValueError:
        body = None
    keys = _keys(body) if isinstance(body, dict) else []
    return " ".join([str(response.status_code), *keys])


def pause(response: requests.Response, now: datetime) -> timedelta | None:
    """The Retry-After of an answer, in seconds or as a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:  # noqa: PLR2004 - anything longer is nonsense
        return min(max(timedelta(seconds=int(value)), timedelta(seconds=1)), LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(seconds=1)), LONGEST_PAUSE)


def _keys(body: dict[str, Any]) -> list[str]:
    """{"error": "RecordInvalid", "details": {"status": [{"error": "ClosedTicket"}]}} and its like."""
    found = [body.get("error")]
    details = body.get("details")
    if isinstance(details, dict):
        for field, problems in details.items():
            found.append(field)
            if isinstance(problems, list):
                found += [problem.get("error") for problem in problems if isinstance(problem, dict)]
    return [key for key in found if isinstance(key, str) and _CODE.fullmatch(key)][:10]
