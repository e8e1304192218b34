"""Slack's outward side: effects become Web API calls that can be repeated without being done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.effects import EditReply, IdentifyPerson, PostReply, ShowStatus
from bot.core.errors import AudienceViolation, Rejected, Unavailable
from bot.core.model import Address, Audience, Person
from bot.core.ports import Attempt
from handlers.slack.cards import render_card, render_card_edit
from handlers.slack.client import TIMEOUT
from handlers.slack.failures import AppRefused, error_data, slack_answers
from handlers.slack.mrkdwn import storable
from handlers.slack.rendering import carries, render_edit, render_reply
from handlers.slack.wire import record

log = structlog.get_logger()

UNKNOWN = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
GONE = frozenset({"message_not_found"})
LOOK_BACK = timedelta(days=3)  # no effect is retried for longer


class SlackRooms:
    """Channels and threads of one workspace. `client` must not retry by itself (see `open_client`).

    `page_size` above 15 is allowed for apps that one organisation built for itself:
    https://docs.slack.dev/apis/web-api/rate-limits
    """

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        timeout: timedelta = TIMEOUT,
        page_size: int = 15,
        max_pages: int = 10,
    ) -> None:
        if client.retry_handlers:
            raise ValueError("a client that retries by itself posts twice")
        self._client = client
        self._timeout = timeout
        self._page_size = page_size
        self._max_pages = max_pages
        self._own_ids: frozenset[str] = frozenset()

    async def post_reply(self, effect: PostReply, attempt: Attempt) -> str:
        """Say it once; the message's timestamp."""
        _check(effect.text.audience, effect.room)
        earlier = await self._posted_before(effect.address, attempt)
        return earlier or await self._post(render_reply(effect, key=attempt.key))

    async def edit_reply(self, effect: EditReply, attempt: Attempt) -> None:  # noqa: ARG002 - an edit may be repeated
        """Replace a message of ours; idempotent at Slack's end."""
        _check(effect.text.audience, effect.room)
        # Somebody deleted the message: there is nothing left to replace.
        await self._update(render_edit(effect), or_gone=True)

    async def show_status(self, effect: ShowStatus, attempt: Attempt) -> str:
        """Edit the card, or post it where there is none (any more)."""
        view = effect.view
        if view is None:
            raise Rejected("a status card without a view")
        if effect.card is not None:
            edit = render_card_edit(effect, view, card=effect.card, now=attempt.now)
            if await self._update(edit, or_gone=True):
                return effect.card
        earlier = await self._posted_before(effect.address, attempt)
        return earlier or await self._post(render_card(effect, view, key=attempt.key, now=attempt.now))

    async def identify(self, effect: IdentifyPerson, attempt: Attempt) -> Person:  # noqa: ARG002 - a question may be repeated
        """Name and e-mail, as far as Slack tells: strangers have little, and e-mail needs a scope."""
        user: Mapping[str, Any] = {}
        async with slack_answers("users.info", timeout=self._timeout):
            try:
                response = await self._client.users_info(user=effect.ref.user)
                user = record(response.get("user"))
            except SlackApiError as error:
                if error_data(error).get("error") not in UNKNOWN:
                    raise
        profile = record(user.get("profile"))
        names = (
            profile.get("real_name"),
            user.get("real_name"),
            profile.get("display_name"),
            user.get("name"),
        )
        return Person(
            ref=effect.ref, name=_first(*names) or effect.ref.user, email=_first(profile.get("email"))
        )

    async def permalink(self, address: Address) -> str | None:
        """A link to the thread, or None when Slack knows no such message."""
        if not address.thread:
            return None
        try:
            async with slack_answers("chat.getPermalink", timeout=self._timeout):
                response = await self._client.chat_getPermalink(
                    channel=address.room, message_ts=address.thread
                )
        except (AppRefused, Rejected):
            return None
        return _first(response.get("permalink"))

    async def _post(self, arguments: dict[str, Any]) -> str:
        async with slack_answers("chat.postMessage", timeout=self._timeout):
            response = await self._client.chat_postMessage(**arguments)
        ts = _first(response.get("ts"))
        if ts is None:
            raise Unavailable("chat.postMessage: no timestamp in the answer")
        return ts

    async def _update(self, arguments: dict[str, Any], *, or_gone: bool = False) -> bool:
        """Whether the message was still there to be edited."""
        async with slack_answers("chat.update", timeout=self._timeout):
            try:
                await self._client.chat_update(**arguments)
            except SlackApiError as error:
                if or_gone and error_data(error).get("error") in GONE:
                    return False
                raise
        return True

    async def _posted_before(self, address: Address, attempt: Attempt) -> str | None:
        """The message an earlier attempt left behind. Slack documents no idempotency key for posts."""
        if attempt.number <= 1:
            return None
        own = await self._own()
        async for message in self._history(address, attempt.now):
            # Anybody may write metadata, so the author is checked too.
            if carries(message, attempt.key) and own & {message.get("user"), message.get("bot_id")}:
                log.info("slack_post_found", key=attempt.key, attempt=attempt.number)
                return _first(message.get("ts"))
        return None

    async def _history(self, address: Address, now: datetime) -> AsyncIterator[Mapping[str, Any]]:
        """The thread from `LOOK_BACK` on, or the channel's top level; a bounded number of pages."""
        search: dict[str, Any] = {
            "channel": address.room,
            "include_all_metadata": True,
            "limit": self._page_size,
            "oldest": f"{(now - LOOK_BACK).timestamp():.6f}",
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
            cursor = _first(record(response.get("response_metadata")).get("next_cursor"))
            if cursor is None:
                return
            search["cursor"] = cursor
        log.warning("slack_history_cut", method=method, pages=self._max_pages)

    async def _own(self) -> frozenset[str]:
        if not self._own_ids:
            async with slack_answers("auth.test", timeout=self._timeout):
                response = await self._client.auth_test()
            ids = (_first(response.get(field)) for field in ("user_id", "bot_id"))
            self._own_ids = frozenset(each for each in ids if each)
        return self._own_ids


def _check(text: Audience, room: Audience) -> None:
    if not text.may_reach(room):
        raise AudienceViolation(f"{text} may not be said to {room}")


def _first(*candidates: object) -> str | None:
    return next((storable(each) for each in candidates if isinstance(each, str) and each), None)
