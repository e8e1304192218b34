"""PagerDuty's Events API v2 as a door for alerts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from aiohttp import ClientError, ClientResponse, ClientSession

from bot.core.alerts import SendAlert
from bot.core.errors import RateLimited, Rejected, Unavailable
from bot.core.ports import Attempt
from handlers.pagerduty.events import render_event

ACCEPTED = 202
# "Retry 3 times with each request being 30 seconds apart."
# https://developer.pagerduty.com/docs/events-api-rate-limits
PAUSE = timedelta(seconds=30)


class PagerDuty:
    """One integration key for each destination; the keys travel in bodies, and in nothing that is logged.

    Acknowledging in PagerDuty does not come back to us: that would be a webhook of theirs.
    """

    def __init__(self, session: ClientSession, *, base_url: str, keys: Mapping[str, str]) -> None:
        self._session = session
        self._url = f"{base_url}/v2/enqueue"
        self._keys = keys

    async def send(self, effect: SendAlert, attempt: Attempt) -> None:  # noqa: ARG002 - the event's own key makes it one
        """Hand it over; they answer 202 before they have done anything with it."""
        key = self._keys.get(effect.ref.destination)
        if key is None:
            raise Rejected("its integration key is not set")
        body = render_event(effect, routing_key=key)
        try:
            async with self._session.post(self._url, json=body, allow_redirects=False) as response:
                _check(response)
        except (ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"PagerDuty: {type(error).__name__}") from None


def _check(response: ClientResponse) -> None:
    """429 and 5xx are tried again: https://developer.pagerduty.com/docs/events-api-v2-overview."""
    status = response.status
    if status == ACCEPTED:
        return
    if status == 429:  # noqa: PLR2004 - too many requests
        raise RateLimited("PagerDuty answered 429", retry_after=PAUSE)
    if status >= 500:  # noqa: PLR2004 - theirs
        raise Unavailable(f"PagerDuty answered {status}")
    # Their words are left out: a 400 may repeat what was sent, and the key was.
    raise Rejected(f"PagerDuty answered {status}")
