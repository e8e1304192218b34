"""Slack's outward side: effects become Web API calls that can be repeated without being done twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.effects import EditReply, IdentifyPerson, PostReply, ShowStatus, Stage, WithdrawShown
from bot.core.errors import AudienceViolation, Rejected, Unavailable
from bot.core.model import Address, Audience, Person, Shown, Text
from bot.core.ports import Attempt
from handlers.slack.cards import render_card, render_card_edit
from handlers.slack.client import TIMEOUT
from handlers.slack.failures import AppRefused, error_data, slack_answers
from handlers.slack.history import History
from handlers.slack.rendering import render_completion, render_edit, render_reply
from handlers.slack.streams import GONE, Streams
from handlers.slack.wire import record, text_of

log = structlog.get_logger()

UNKNOWN = frozenset({"user_not_found", "users_not_found", "user_not_visible"})


class SlackRooms:
    """Channels and threads of one workspace. `client` must not retry by itself (see `open_client`).

    `page_size` and `max_pages` are those of `History`.
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
        self._history = History(client, timeout=timeout, page_size=page_size, max_pages=max_pages)
        self._streams = Streams(client, timeout=timeout)

    async def post_reply(self, effect: PostReply, attempt: Attempt) -> str:
        """Say it once, in the place of what is shown of it already; the message's timestamp."""
        if effect.shown is not None and not effect.text.audience.may_reach(effect.room):
            await self._withdraw(effect.address, effect.shown)  # the room has other readers now
        _check(effect.text.audience, effect.room)
        if effect.shown is not None:
            completed = await self._complete(effect, effect.shown, attempt)
            if completed is not None:
                return completed
        earlier = await self._posted_before(effect.address, attempt)
        return earlier or await self._post(render_reply(effect, key=attempt.key))

    async def begin_showing(self, stage: Stage, text: Text) -> str | None:
        """A stream in the thread, for whoever asked."""
        _check(text.audience, stage.room)
        return await self._streams.begin(stage, text)

    async def show_more(self, stage: Stage, message: str, text: Text) -> None:
        """More of it."""
        _check(text.audience, stage.room)
        await self._streams.add(stage, message, text)

    async def withdraw_shown(self, effect: WithdrawShown, attempt: Attempt) -> None:  # noqa: ARG002 - what is gone may go again
        """Delete it, where there is anything."""
        await self._withdraw(effect.address, effect.shown)

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
            ref=effect.ref, name=text_of(*names) or effect.ref.user, email=text_of(profile.get("email"))
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
        return text_of(response.get("permalink"))

    async def _complete(self, effect: PostReply, shown: Shown, attempt: Attempt) -> str | None:
        """The message that was shown, with the reply in it; None where there is none (any more)."""
        message = shown.message or await self._history.unfinished(effect.address, shown.since)
        if message is None:
            return None
        await self._streams.stop(effect.address, message)
        completion = render_completion(effect, message=message, key=attempt.key)
        try:
            return message if await self._update(completion, or_gone=True) else None
        except Rejected as error:  # a workspace may forbid edits: better gone than half of it
            log.warning("slack_stream_not_completed", reason=str(error))
            await self._streams.delete(effect.address, message)
            return None

    async def _withdraw(self, address: Address, shown: Shown) -> None:
        message = shown.message or await self._history.unfinished(address, shown.since)
        if message is not None:
            await self._streams.stop(address, message)
            await self._streams.delete(address, message)

    async def _post(self, arguments: dict[str, Any]) -> str:
        async with slack_answers("chat.postMessage", timeout=self._timeout):
            response = await self._client.chat_postMessage(**arguments)
        ts = text_of(response.get("ts"))
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
        found = await self._history.posted(address, attempt.key, attempt.now)
        if found is not None:
            log.info("slack_post_found", key=attempt.key, attempt=attempt.number)
        return found


def _check(text: Audience, room: Audience) -> None:
    if not text.may_reach(room):
        raise AudienceViolation(f"{text} may not be said to {room}")
