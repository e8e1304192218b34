"""Messages that grow before their readers' eyes, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.effects import Stage
from bot.core.errors import Rejected, Unavailable
from bot.core.model import Address, Text
from handlers.slack.failures import error_data, slack_answers
from handlers.slack.mrkdwn import harmless
from handlers.slack.rendering import MARKDOWN_LIMIT
from handlers.slack.wire import text_of

log = structlog.get_logger()

#: This kind of channel, or this workspace, has no streams, and will have none when it is asked again.
UNABLE = frozenset({"channel_type_not_supported", "method_not_supported_for_channel_type", "unknown_method"})
GONE = frozenset({"message_not_found"})


class Streams:
    """chat.startStream, appendStream and stopStream of one workspace.

    Slack closes a stream by itself after about five minutes, and only the person whom it is for sees every
    addition at once; the others see its beginning, and all of it when it is completed:
    https://github.com/slackapi/python-slack-sdk/issues/1859
    """

    def __init__(self, client: AsyncWebClient, *, timeout: timedelta) -> None:
        self._client = client
        self._timeout = timeout
        self._unable: set[str] = set()  #: rooms

    async def begin(self, stage: Stage, text: Text) -> str | None:
        """The new message's timestamp; None where there are no streams."""
        if stage.address.room in self._unable or not stage.address.thread:
            return None
        async with slack_answers("chat.startStream", timeout=self._timeout):
            try:
                response = await self._client.chat_startStream(
                    channel=stage.address.room,
                    thread_ts=stage.address.thread,
                    recipient_user_id=stage.asker.user,
                    recipient_team_id=stage.asker.workspace,
                    markdown_text=_shown(text),
                    unfurl_links=False,
                    unfurl_media=False,
                )
            except SlackApiError as error:
                if error_data(error).get("error") not in UNABLE:
                    raise
                log.info("slack_has_no_streams_here", room=stage.address.room)
                self._unable.add(stage.address.room)
                return None
        ts = text_of(response.get("ts"))
        if ts is None:
            raise Unavailable("chat.startStream: no timestamp in the answer")
        return ts

    async def add(self, stage: Stage, ts: str, text: Text) -> None:
        """More of it."""
        async with slack_answers("chat.appendStream", timeout=self._timeout):
            await self._client.chat_appendStream(
                channel=stage.address.room, ts=ts, markdown_text=_shown(text)
            )

    async def stop(self, address: Address, ts: str) -> None:
        """It grows no more; nothing happens where that is so already, or nothing stands there any more."""
        try:
            async with slack_answers("chat.stopStream", timeout=self._timeout):
                await self._client.chat_stopStream(channel=address.room, ts=ts)
        except Rejected as error:
            log.info("slack_stream_not_stopped", reason=str(error))

    async def delete(self, address: Address, ts: str) -> None:
        """It goes, unless somebody was faster."""
        async with slack_answers("chat.delete", timeout=self._timeout):
            try:
                await self._client.chat_delete(channel=address.room, ts=ts)
            except SlackApiError as error:
                if error_data(error).get("error") not in GONE:
                    raise


def _shown(text: Text) -> str:
    return harmless(text.body)[:MARKDOWN_LIMIT]
