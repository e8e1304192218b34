"""Signed webhooks as a door for alerts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    DummyCookieJar,
    InvalidURL,
)

from bot.core.alerts import SendAlert
from bot.core.errors import RateLimited, Rejected, Unavailable
from bot.core.ports import Attempt
from handlers.egress import PrivateHost, open_session, refusal
from handlers.webhooks.signing import headers, render_body

TIMEOUT = 20.0  #: seconds; the specification recommends 15 to 30
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who is told, and the keys that prove it was us."""

    url: str
    keys: tuple[bytes, ...]
    allow_private: bool


class Webhooks:
    """Every receiver by its destination, "webhook:ops"."""

    def __init__(self, receivers: Mapping[str, Receiver]) -> None:
        self._receivers = receivers
        self._stack = AsyncExitStack()
        self._sessions: dict[bool, ClientSession] = {}

    async def __aenter__(self) -> Self:
        for is_private in {receiver.allow_private for receiver in self._receivers.values()}:
            session = open_session(is_private=is_private, total=TIMEOUT, cookie_jar=DummyCookieJar())
            self._sessions[is_private] = await self._stack.enter_async_context(session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def send(self, effect: SendAlert, attempt: Attempt) -> None:
        """One POST. No redirects: an address that moved is for the administrator to know."""
        receiver = self._receivers.get(effect.ref.destination)
        if receiver is None:
            raise Rejected("it is not configured")
        if not receiver.allow_private and (problem := refusal(receiver.url)):
            raise Rejected(f"its address {problem}")
        body = render_body(effect)
        signed = headers(attempt.key, body, receiver.keys, now=attempt.now)
        session = self._sessions[receiver.allow_private]
        try:
            async with session.post(
                receiver.url, data=body, headers=signed, allow_redirects=False
            ) as response:
                _check(response)
        except ClientConnectorError as error:
            if isinstance(error.os_error, PrivateHost):
                raise Rejected("its address leads into a private network") from None
            raise Unavailable(f"webhook: {type(error).__name__}") from None
        except InvalidURL:
            raise Rejected("its address is not one") from None
        except (ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"webhook: {type(error).__name__}") from None


def _check(response: ClientResponse) -> None:
    """2xx is success; what is wrong for good is said at once, for people who can put it right."""
    status = response.status
    if 200 <= status < 300:  # noqa: PLR2004 - success
        return
    reason = f"it answered {status}"
    if status == 429:  # noqa: PLR2004 - too many requests
        raise RateLimited(reason, retry_after=_pause(response))
    if status >= 500 or status in (408, 425):  # noqa: PLR2004 - theirs; too slow, too early
        raise Unavailable(reason, retry_after=_pause(response))
    raise Rejected(reason)


def _pause(response: ClientResponse) -> timedelta | None:
    """Retry-After in seconds; a date is left to our own pauses."""
    value = response.headers.get("retry-after", "").strip()
    if not (value.isascii() and value.isdecimal() and len(value) <= 9):  # noqa: PLR2004 - thirty years
        return None
    return min(timedelta(seconds=int(value)), LONGEST_PAUSE)
