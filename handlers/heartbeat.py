"""A heartbeat: one request after each audit that passes, to whoever notices when they stop coming."""

from __future__ import annotations

from typing import Self

import structlog
from aiohttp import ClientError

from handlers.egress import open_session

log = structlog.get_logger()

TIMEOUT = 10.0  # seconds


class Heartbeat:
    """POST without a body to one address, which is a secret: whoever knows it can keep the watcher calm.

    Dead man's switches take any request: https://healthchecks.io/docs/http_api/,
    https://grafana.com/docs/oncall/latest/integrations/integration-management/#integration-heartbeat
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = open_session(is_private=True, total=TIMEOUT)  # an administrator chose the address

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self) -> None:
        """Once. One that is lost is not repeated: the next comes in a minute, and silence is the alarm."""
        try:
            async with self._session.post(self._url, allow_redirects=False) as response:
                if response.status >= 300:  # noqa: PLR2004  # neither taken nor answered here
                    log.warning("heartbeat_not_taken", status=response.status)
        except (TimeoutError, ClientError, OSError, ValueError) as error:
            log.warning("heartbeat_not_sent", error=type(error).__name__)
