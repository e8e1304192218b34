"""Messages that grow: what Slack documents of chat.startStream, chat.appendStream and chat.stopStream."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_twin_kit import StoppedTime, a_client, a_twin, an_app, refusal

from bot.sandbox.slack import SlackTwin
from bot.sandbox.slack.things import TwinMessage

ROOM = "acme-support"


async def begun(twin: SlackTwin, client: AsyncWebClient, text: str | None = "Once") -> tuple[str, str]:
    thread = await twin.say("carol", ROOM, "How?")
    response = await client.chat_startStream(**arguments(twin, thread), markdown_text=text)
    return thread, response["ts"]


def arguments(twin: SlackTwin, thread: str) -> dict[str, Any]:
    carol = twin.world.user("carol")
    return {
        "channel": twin.world.channel(ROOM).id,
        "thread_ts": thread,
        "recipient_user_id": carol.id,
        "recipient_team_id": carol.team_id,
    }


def there(twin: SlackTwin, ts: str) -> TwinMessage:
    return twin.world.message(twin.world.channel(ROOM).id, ts)


async def test_a_message_grows_until_it_is_stopped() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel(ROOM).id
        thread, ts = await begun(twin, client)
        assert (there(twin, ts).text, there(twin, ts).thread_ts) == ("Once", thread)
        await client.chat_appendStream(channel=channel, ts=ts, markdown_text=" upon")
        chunk = {"type": "markdown_text", "text": " a time"}
        await client.chat_appendStream(channel=channel, ts=ts, chunks=[chunk])
        button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
        stopped = await client.chat_stopStream(
            channel=channel,
            ts=ts,
            markdown_text=".",
            blocks=[{"type": "actions", "elements": [button]}],
            metadata={"event_type": "told", "event_payload": {"key": "k"}},
        )

        assert stopped["message"]["text"] == "Once upon a time."
        message = there(twin, ts)
        assert [block["type"] for block in message.blocks] == ["markdown", "actions"]
        assert message.metadata == {"event_type": "told", "event_payload": {"key": "k"}}
        assert not message.is_streaming
        error = await refusal(client.chat_appendStream(channel=channel, ts=ts, markdown_text="!"))
        assert error == "message_not_in_streaming_state"
        assert await refusal(client.chat_stopStream(channel=channel, ts=ts)) == error


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"recipient_team_id": None}, "missing_recipient_team_id"),
        ({"recipient_user_id": None}, "missing_recipient_user_id"),
        ({"recipient_user_id": "U0NOBODY00"}, "user_not_found"),
        ({"channel": "C0NOWHERE0"}, "channel_not_found"),
        ({"markdown_text": "y" * 12_001}, "msg_too_long"),
        ({"chunks": [{"type": "song"}]}, "invalid_chunks"),
    ],
)
async def test_a_stream_that_cannot_be_is_refused(changes: dict[str, Any], error: str) -> None:
    async with a_twin() as (twin, _):
        thread = await twin.say("carol", ROOM, "How?")
        given = {**arguments(twin, thread), **changes}
        assert await refusal(a_client(twin).chat_startStream(**given)) == error
        assert len(twin.thread(ROOM, thread)) == 1


async def test_in_a_direct_conversation_nobody_has_to_be_named() -> None:
    async with a_twin() as (twin, _):
        channel = twin.direct("ada")
        asked = await twin.say("ada", channel, "How?")
        begun = await a_client(twin).chat_startStream(channel=channel, thread_ts=asked, markdown_text="So")
        assert twin.world.message(channel, begun["ts"]).text == "So"


async def test_only_growing_messages_of_our_own_grow() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel(ROOM).id
        thread, ts = await begun(twin, client)

        def append(ts: str, **fields: Any) -> Any:
            return client.chat_appendStream(channel=channel, ts=ts, **fields)

        assert await refusal(append(thread, markdown_text="x")) == "message_not_owned_by_app"
        assert await refusal(append("1.000001", markdown_text="x")) == "message_not_found"
        assert await refusal(append(ts)) == "no_text"
        posted = await client.chat_postMessage(channel=channel, text="whole")
        error = "message_not_in_streaming_state"
        assert await refusal(append(posted["ts"], markdown_text="x")) == error


async def test_after_five_minutes_it_grows_no_more() -> None:
    async with a_twin() as (twin, time):
        assert isinstance(time, StoppedTime)
        client = a_client(twin)
        _, ts = await begun(twin, client)
        time.advance(minutes=6)
        stopped = client.chat_stopStream(channel=twin.world.channel(ROOM).id, ts=ts)
        assert await refusal(stopped) == "message_not_in_streaming_state"


async def test_the_app_hears_of_the_beginning_and_of_the_end() -> None:
    async with a_twin() as (twin, _), an_app() as app:
        await twin.subscribe(app.url)
        client, channel = a_client(twin), twin.world.channel(ROOM).id
        _, ts = await begun(twin, client)
        for word in ("upon", "a", "time"):
            await client.chat_appendStream(channel=channel, ts=ts, markdown_text=word)
        await client.chat_stopStream(channel=channel, ts=ts)
        await twin.settled()

        about = [one.event.get("subtype") for one in app.received if one.event.get("text") != "How?"]
        assert about == [None, "message_changed"]
