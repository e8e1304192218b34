"""What we said in a thread before, found again after an attempt with an unknown end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.model import Address
from handlers.slack.failures import slack_answers
from handlers.slack.rendering import carries, is_keyed
from handlers.slack.wire import record, text_of

log = structlog.get_logger()

LOOK_BACK = timedelta(days=3)  # no effect is retried for longer


class History:
    """Our own messages of a thread, or of a channel's top level; a bounded number of pages.

    `page_size` above 15 is allowed for apps that one organisation built for itself:
    https://docs.slack.dev/apis/web-api/rate-limits
    """

    def __init__(
        self, client: AsyncWebClient, *, timeout: timedelta, page_size: int = 15, max_pages: int = 10
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._page_size = page_size
        self._max_pages = max_pages
        self._own_ids: frozenset[str] = frozenset()

    async def posted(self, address: Address, key: str, now: datetime) -> str | None:
        """The message that carries a key."""
        async for message in self._ours(address, now - LOOK_BACK):
            if carries(message, key):
                return text_of(message.get("ts"))
        return None

    async def unfinished(self, address: Address, since: datetime) -> str | None:
        """A message that was begun and not completed.

        Everything that we post carries a key; a stream gets one when it is completed, and only then: its
        beginning takes no metadata (https://docs.slack.dev/reference/methods/chat.startStream).
        """
        async for message in self._ours(address, since):
            if not is_keyed(message):
                return text_of(message.get("ts"))
        return None

    async def _ours(self, address: Address, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
        """Anybody may write metadata, so the author is checked first."""
        own = await self._own()
        async for message in self._messages(address, since):
            if own & {message.get("user"), message.get("bot_id")}:
                yield message

    async def _messages(self, address: Address, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
        search: dict[str, Any] = {
            "channel": address.room,
            "include_all_metadata": True,
            "limit": self._page_size,
            "oldest": f"{since.timestamp():.6f}",
        }
        method = "conversations.replies" if address.thread else "conversations.history"
        if address.thread:
            search["ts"] = address.thread
        for _ in range(self._max_pages):
            async with slack_answers(method, timeout=self._timeout):
                response = await self._client.api_call(method, http_verb="GET", params=dict(search))
            messages = response.get("messages")
            for message in messages if isinstance(messages, list) else []:
                yield record(message)
            cursor = text_of(record(response.get("response_metadata")).get("next_cursor"))
            if cursor is None:
                return
            search["cursor"] = cursor
        log.warning("slack_history_cut", method=method, pages=self._max_pages)

    async def _own(self) -> frozenset[str]:
        if not self._own_ids:
            async with slack_answers("auth.test", timeout=self._timeout):
                response = await self._client.auth_test()
            ids = (text_of(response.get(field)) for field in ("user_id", "bot_id"))
            self._own_ids = frozenset(each for each in ids if each)
        return self._own_ids
