"""Access tokens by the client-credentials grant, kept for as long as they live."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import requests

from bot.core.errors import RateLimited, Unavailable
from bot.core.ports import Time
from handlers.zendesk import refusals

SCOPES: Final = ("read", "write")  #: audits are readable under the global scope only
EARLY: Final = timedelta(seconds=60)  #: a token is renewed this long before it ends
Timeout = tuple[float, float]


class TokenSource:
    """Belongs to the thread that calls Zendesk. Neither its repr nor its errors show a secret."""

    def __init__(self, *, base_url: str, client_id: str, client_secret: str, time: Time) -> None:
        self._url = f"{base_url}/oauth/tokens"
        self._client_id = client_id
        self._client_secret = client_secret
        self._time = time
        self._token: str | None = None
        self._ends_at: datetime | None = None
        self.scopes: tuple[str, ...] = ()  #: what the last token may do, as Zendesk said

    def __repr__(self) -> str:
        return "TokenSource()"

    def token(self, timeout: Timeout) -> str:
        """A token that is good for at least another minute."""
        if self._token is None or (self._ends_at is not None and self._time.now() >= self._ends_at):
            self._renew(timeout)
        assert self._token is not None
        return self._token

    def forget(self) -> None:
        """The token was refused: ask for another one next time."""
        self._token = None

    def _renew(self, timeout: Timeout) -> None:
        # https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
        granted = self._ask(timeout)
        token, lifetime = granted.get("access_token"), granted.get("expires_in")
        if not isinstance(token, str) or not token:
            raise Unavailable("Zendesk's token endpoint answered without a token")
        self._token = token
        self._ends_at = None  # a token without a lifetime is good until it is refused
        if isinstance(lifetime, int | float) and not isinstance(lifetime, bool):
            self._ends_at = self._time.now() + timedelta(seconds=min(lifetime, 10**8)) - EARLY
        scope = granted.get("scope")
        self.scopes = tuple(scope.split()) if isinstance(scope, str) else ()

    def _ask(self, timeout: Timeout) -> dict[str, Any]:
        question = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "scope": " ".join(SCOPES),
        }
        try:
            with requests.Session() as session:
                session.auth = unchanged  # otherwise a .netrc could add credentials
                response = session.post(self._url, json=question, timeout=timeout, allow_redirects=False)
                return self._granted(response)
        except requests.RequestException as error:
            reason = f"Zendesk's token endpoint cannot be reached ({type(error).__name__})"
            raise Unavailable(reason) from None

    def _granted(self, response: requests.Response) -> dict[str, Any]:
        now = self._time.now()
        reason = f"Zendesk's token endpoint answered {refusals.describe(response)}"
        if response.status_code == 429:  # noqa: PLR2004 - too many requests
            raise RateLimited(reason, retry_after=refusals.pause(response, now) or refusals.UNSAID_PAUSE)
        if response.status_code != 200:  # noqa: PLR2004 - nothing else grants anything
            # Also for a refused client: until somebody mends it, waiting is better than parking everything.
            raise Unavailable(reason, retry_after=refusals.pause(response, now) or refusals.UNSAID_PAUSE)
        try:
            granted = response.json()
        except ValueError:
            granted = None
        return granted if isinstance(granted, dict) else {}


def unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An `auth` that adds nothing and keeps requests from looking for credentials elsewhere."""
    return request
