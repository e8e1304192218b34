"""What went wrong at Slack, in the core's terms: later, slower, or never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.core.errors import DeskbellError, RateLimited, Rejected, Unavailable

DEFAULT_PAUSE = timedelta(seconds=30)  # for a 429 without Retry-After
MENDED_WITHIN = timedelta(minutes=5)  # a person has to do something in Slack's settings
# Errors of Slack's own making, from the lists under https://docs.slack.dev/reference/methods/chat.postMessage
PASSING = frozenset(
    {
        "external_service_failure",
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
# About the app as a whole, not about this call: whoever mends the token or the scope mends all calls at
# once. Parking them would leave a row for every message that was said meanwhile.
APP_WIDE = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "not_authed",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
SLOW_DOWN = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})


class AppRefused(Unavailable):
    """Slack refuses the app as a whole; the call may be repeated once a person has mended that."""


@asynccontextmanager
async def slack_answers(method: str, *, timeout: timedelta) -> AsyncIterator[None]:
    """Around one call: bounded in time, and every failure one of Unavailable, RateLimited, Rejected."""
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            yield
    except SlackApiError as error:
        raise translated(method, error) from None  # its text may quote what was sent
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"{method}: {type(error).__name__}") from None


def translated(method: str, error: SlackApiError) -> DeskbellError:
    """One answer of the Web API that was not ok."""
    status, data = _status(error), error_data(error)
    code = data.get("error") if isinstance(data.get("error"), str) else ""
    if status == 429 or code in SLOW_DOWN:  # noqa: PLR2004 - the HTTP status, as everybody knows it
        return RateLimited(f"{method}: {code or status}", retry_after=_retry_after(error))
    if not code or code in PASSING or status >= 500:  # noqa: PLR2004 - likewise
        return Unavailable(f"{method}: {code or f'HTTP {status}'}")
    if code in APP_WIDE:
        return AppRefused(f"{method}: {code}{_explained(data)}", retry_after=MENDED_WITHIN)
    return Rejected(f"{method}: {code}{_explained(data)}")


def error_data(error: SlackApiError) -> Mapping[str, Any]:
    """The body of the answer, if it had one; the SDK also raises with a bare HTTP response."""
    data = getattr(error.response, "data", None)
    return data if isinstance(data, dict) else {}


def _status(error: SlackApiError) -> int:
    status = getattr(error.response, "status_code", None) or getattr(error.response, "status", None)
    return status if isinstance(status, int) else 0


def _retry_after(error: SlackApiError) -> timedelta:
    # https://docs.slack.dev/apis/web-api/rate-limits
    headers = getattr(error.response, "headers", None) or {}
    given = str(headers.get("Retry-After", ""))
    return timedelta(seconds=int(given)) if given.isascii() and given.isdecimal() else DEFAULT_PAUSE


def _explained(data: Mapping[str, Any]) -> str:
    needed = data.get("needed")
    return f" (the app needs the scope {needed})" if isinstance(needed, str) and needed else ""
