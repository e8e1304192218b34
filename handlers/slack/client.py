"""The Web API client: one session, no retries of its own, and a logger that keeps bodies and tokens in."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

log = structlog.get_logger()

API_URL = "https://slack.com/api/"
TIMEOUT = timedelta(seconds=10)


class _FactsOnly(logging.Filter):
    """The SDK's sentences quote bodies and connection tickets; where and what kind are kept instead."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        log.warning("slack_sdk_complained", where=record.funcName, level=record.levelname, error=kind)
        return False


def quiet_logger() -> logging.Logger:
    """For Bolt and the SDK. Above DEBUG, where both would format every body even if nobody listens."""
    logger = logging.getLogger("deskbell.slack")
    logger.setLevel(logging.WARNING)
    if not logger.filters:
        logger.addFilter(_FactsOnly())
    return logger


@asynccontextmanager
async def open_client(
    token: str, *, base_url: str = API_URL, timeout: timedelta = TIMEOUT
) -> AsyncIterator[AsyncWebClient]:
    """A client for the bot token, closed on the way out. `base_url` may point at any emulator."""
    # A session of our own carries the timeout, because the SDK's is ignored once it is given one.
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout.total_seconds()), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        client = AsyncWebClient(
            token=token,
            base_url=base_url,
            timeout=int(timeout.total_seconds()) or 1,
            session=session,
            logger=quiet_logger(),
            # A retried post is a second post: https://github.com/openclaw/openclaw/issues/22780
            retry_handlers=[],
        )
        if _is_loopback(base_url):
            client.proxy = None  # the SDK takes HTTPS_PROXY from the environment and knows no NO_PROXY
        yield client


def _is_loopback(url: str) -> bool:
    host = URL(url).host or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
