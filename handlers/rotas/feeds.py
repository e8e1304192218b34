"""iCalendar at an address or in a file, read politely and within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

from aiohttp import ClientError, ClientResponse, ClientSession

from bot.core.errors import RateLimited, Rejected, Unavailable, UserFacingError
from bot.core.live_rotas import AHEAD, Duty, Reading
from handlers import egress

LARGEST = 4 * 2**20  #: bytes, unpacked
MOST = 5_000  #: shifts; one an hour is less than half of that
REDIRECTS = 3
BEFORE = timedelta(days=2)  #: a shift that has begun is still a shift

_PRIVATE = "leads into a private network; private = true allows our own network"

Parse = Callable[[bytes, datetime, datetime], tuple[Duty, ...]]  #: UserFacingError when it cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    body: bytes | None  #: None: not changed
    tag: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IcalFeed:
    """A feed at an address. The address may be a secret, and is in no error."""

    source: str
    role: str
    url: str = field(repr=False)
    where: str  #: begins what is wrong with it
    parse: Parse
    is_private: bool = False

    async def read(self, known: Reading | None, *, now: datetime) -> Reading:
        """Ask for it, and read it when it is another one than the last time."""
        # What did not change need not be sent again, while enough of the days ahead are known.
        kept = known if known is not None and known.until - now > AHEAD / 2 else None
        try:
            async with egress.open_session(is_private=self.is_private) as session:
                answer = await self._answer(session, kept)
        except TimeoutError:
            raise Unavailable(f"{self.where}: no answer within the time given") from None
        except (ClientError, OSError) as error:
            if isinstance(getattr(error, "os_error", None), egress.PrivateHost):
                raise Rejected(f"{self.where}: {_PRIVATE}") from None
            raise Unavailable(f"{self.where}: cannot be reached ({type(error).__name__})") from None
        if answer.body is not None:
            reading = await _parsed(self.parse, answer.body, self.where, now)
            return replace(reading, tag=answer.tag, modified=answer.modified)
        if kept is None:
            raise Rejected(f"{self.where}: says that nothing has changed, though it was not asked")
        return kept

    async def _answer(self, session: ClientSession, known: Reading | None) -> _Answer:
        url = self.url
        for _ in range(REDIRECTS + 1):
            if not self.is_private and (why := egress.refusal(url)):
                raise Rejected(f"{self.where}: {why}; private = true allows our own network")
            headers = _conditions(known) | {"Accept": "text/calendar, */*;q=0.1"}
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status not in (301, 302, 303, 307, 308):
                    return await self._accepted(response)
                url = urljoin(url, response.headers.get("Location", ""))
        raise Rejected(f"{self.where}: redirected more than {REDIRECTS} times")

    async def _accepted(self, response: ClientResponse) -> _Answer:
        match response.status:
            case 200:
                body = await egress.read_limited(response, LARGEST)
                if body is None:
                    raise Rejected(f"{self.where}: is larger than {LARGEST // 2**20} MiB")
                headers = response.headers
                return _Answer(body=body, tag=headers.get("ETag"), modified=headers.get("Last-Modified"))
            case 304:
                return _Answer(body=None)
            case 429:
                asked = _seconds(response.headers.get("Retry-After"))
                raise RateLimited(f"{self.where}: asked us to slow down", retry_after=asked)
            case status if status >= 500:  # noqa: PLR2004 - HTTP's
                raise Unavailable(f"{self.where}: HTTP {status}")
            case status:
                raise Rejected(f"{self.where}: HTTP {status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IcalFile:
    """A file beside the policies, which may be replaced while the desk runs."""

    source: str
    role: str
    path: Path
    where: str
    parse: Parse

    async def read(self, known: Reading | None, *, now: datetime) -> Reading:
        """The file as it is now."""
        try:
            body = await asyncio.to_thread(self._content)
        except OSError as error:
            raise Unavailable(f"{self.where}: cannot be read: {error.strerror}") from None
        del known  # reading it costs no more than asking
        return await _parsed(self.parse, body, self.where, now)

    def _content(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(LARGEST + 1)


async def _parsed(parse: Parse, body: bytes, where: str, now: datetime) -> Reading:
    try:
        duties = await asyncio.to_thread(parse, body, now - BEFORE, now + AHEAD)
    except UserFacingError as error:
        raise Rejected(f"{where}: {error}") from None
    if len(duties) > MOST:
        raise Rejected(f"{where}: holds more than {MOST} shifts in {AHEAD.days} days")
    return Reading(duties=duties, until=now + AHEAD)


def _conditions(known: Reading | None) -> dict[str, str]:
    """Ask whether it has changed: https://www.rfc-editor.org/rfc/rfc9110#section-13.1."""
    found: dict[str, str] = {}
    if known is not None and known.tag:
        found["If-None-Match"] = known.tag
    if known is not None and known.modified:
        found["If-Modified-Since"] = known.modified
    return found


def _seconds(text: str | None) -> timedelta | None:
    """Retry-After in seconds; dates are rare, and our own pause does as well."""
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) <= 6  # noqa: PLR2004 - days
    return timedelta(seconds=int(text)) if is_number and text else None
