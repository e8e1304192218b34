"""The HTTP session under zenpy: where requests go, what they carry, and how long they may take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from bot.core.errors import Rejected, Unavailable
from bot.core.ports import Time
from handlers.zendesk import refusals
from handlers.zendesk.oauth import Timeout, TokenSource, unchanged

CONNECT_SECONDS: Final = 3.05
READ_SECONDS: Final = 10.0
_CREATE: Final = "/api/v2/tickets.json"  #: the one request that understands an Idempotency-Key


class Transport(HTTPAdapter):
    """Puts the token on, sends to the configured place, and to no other.

    zenpy speaks to https://SUBDOMAIN.zendesk.com alone and recognises answers by that address, so requests
    are re-addressed here, on a copy, and answers keep the address that was asked for. Nothing is retried:
    the ledger retries, and only it knows whether an effect may be repeated.
    """

    def __init__(self, *, subdomain: str, base_url: str, tokens: TokenSource) -> None:
        super().__init__(max_retries=0)
        self._home = f"https://{subdomain}.zendesk.com"
        self._base_url = base_url
        self._tokens = tokens
        self._key: str | None = None
        self._ends: float | None = None

    @contextmanager
    def operation(self, seconds: float) -> Iterator[None]:
        """All requests made inside share this much time."""
        self._ends = time.monotonic() + seconds
        try:
            yield
        finally:
            self._ends = None

    @contextmanager
    def idempotent(self, key: str) -> Iterator[None]:
        """The ticket created inside carries this key; zenpy has no parameter for it."""
        self._key = key
        try:
            yield
        finally:
            self._key = None

    def send(  # noqa: PLR0917 - requests' own signature
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - likewise
        timeout: Any = None,  # noqa: ARG002 - ours are stricter
        verify: bool | str = True,  # noqa: FBT001, FBT002 - likewise
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One request, and one more with a fresh token when the first is refused."""
        copy = self._readdressed(request)
        for is_last in (False, True):
            copy.headers["Authorization"] = f"Bearer {self._tokens.token(self._timeout())}"
            response = super().send(copy, stream, self._timeout(), verify, cert, proxies)
            if response.status_code != 401 or is_last:  # noqa: PLR2004 - unauthorised
                break
            response.close()
            self._tokens.forget()
        response.request = request
        response.url = str(request.url)
        return response

    def _readdressed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        url = urlsplit(str(request.url))
        path = url.path + (f"?{url.query}" if url.query else "")
        if f"{url.scheme}://{url.netloc}" != self._home:
            if not str(request.url).startswith(f"{self._base_url}/"):
                # The address of a next page comes from an answer; our token goes to nobody else.
                raise Rejected("Zendesk pointed to another host")
            path = str(request.url)[len(self._base_url) :]
        copy = request.copy()
        copy.url = self._base_url + path
        if self._key and request.method == "POST" and url.path == _CREATE:
            copy.headers["Idempotency-Key"] = self._key
        return copy

    def _timeout(self) -> Timeout:
        left = READ_SECONDS if self._ends is None else self._ends - time.monotonic()
        if left <= 0:
            raise Unavailable("Zendesk was too slow: the operation ran out of time")
        return min(CONNECT_SECONDS, left), min(READ_SECONDS, left)


def open_session(transport: Transport, clock: Time) -> requests.Session:
    """A session that reaches Zendesk only through `transport` and understands its refusals first."""

    def check(response: requests.Response, **_: Any) -> None:
        refusals.check(response, clock.now())

    session = requests.Session()
    session.mount("https://", transport)
    session.mount("http://", transport)
    session.auth = unchanged
    session.hooks = {"response": [check]}
    session.headers["User-Agent"] = "Deskbell"
    return session
