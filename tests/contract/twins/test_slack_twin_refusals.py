from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_twin_kit import a_client, a_twin, refusal


async def test_tokens_and_scopes_are_checked() -> None:
    async with a_twin() as (twin, _), aiohttp.ClientSession() as http:
        async with http.post(twin.api_url + "auth.test") as response:
            assert await response.json() == {"ok": False, "error": "not_authed"}
        assert await refusal(a_client(twin, token="xoxb-wrong").auth_test()) == "invalid_auth"
        app_token = twin.world.installation.app_token
        assert await refusal(a_client(twin, token=app_token).auth_test()) == "not_allowed_token_type"
        assert await refusal(a_client(twin).api_call("chat.shout")) == "unknown_method"

        twin.world.installation.scopes -= {"chat:write"}
        with pytest.raises(SlackApiError) as refused:
            await a_client(twin).chat_postMessage(channel="#community", text="hello")
        assert refused.value.response["error"] == "missing_scope"
        assert refused.value.response["needed"] == "chat:write"
        assert "channels:read" in refused.value.response["provided"]

        twin.world.installation.is_revoked = True
        assert await refusal(a_client(twin).auth_test()) == "account_inactive"


async def test_a_private_history_needs_its_own_scope() -> None:
    async with a_twin() as (twin, _):
        twin.world.installation.scopes -= {"groups:history"}
        with pytest.raises(SlackApiError) as refused:
            await a_client(twin).conversations_history(channel=twin.world.channel("triage").id)
        assert refused.value.response["needed"] == "groups:history"


def _a_block(text: str) -> list[Any]:
    return [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]


def _a_button(**fields: Any) -> list[Any]:
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", **fields}
    return [{"type": "actions", "elements": [button]}]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"channel": "C0NOWHERE0", "text": "x"}, "channel_not_found"),
        ({"text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"markdown_text": "y" * 12_001}, "msg_too_long"),
        ({"text": "x", "thread_ts": "yesterday"}, "invalid_thread_ts"),
        ({"text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [{"type": "marquee"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": _a_block("")}, "invalid_blocks"),
        ({"text": "x", "blocks": _a_block("y" * 3001)}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "markdown", "text": "y" * 6001}] * 2}, "invalid_blocks"),
        ({"text": "x", "blocks": _a_block("y" * 2700) * 5}, "msg_blocks_too_long"),
        ({"text": "x", "blocks": _a_button(text={"type": "mrkdwn", "text": "Go"})}, "invalid_blocks"),
        ({"text": "x", "blocks": _a_button(text={"type": "plain_text", "text": "G" * 76})}, "invalid_blocks"),
        ({"text": "x", "blocks": _a_button(action_id="a" * 256)}, "invalid_blocks"),
        ({"text": "x", "blocks": _a_button(value="v" * 2001)}, "invalid_blocks"),
        ({"text": "x", "blocks": _a_button(style="loud")}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "divider", "block_id": "a"}] * 2}, "invalid_blocks"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        (
            {"text": "x", "metadata": {"event_type": "a", "event_payload": {"b": None}}},
            "invalid_metadata_schema",
        ),
        (
            {"text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "c" * 16_000}}},
            "metadata_too_large",
        ),
    ],
)
async def test_a_message_is_refused_as_slack_refuses_it(arguments: dict[str, Any], error: str) -> None:
    async with a_twin() as (twin, _):
        call = {"channel": twin.world.channel("community").id, **arguments}
        assert await refusal(a_client(twin).api_call("chat.postMessage", json=call)) == error
        assert twin.history("community") == []


async def test_refused_blocks_are_named_by_a_pointer() -> None:
    async with a_twin() as (twin, _):
        with pytest.raises(SlackApiError) as refused:
            await a_client(twin).chat_postMessage(channel="#community", text="x", blocks=_a_block(""))
        messages = refused.value.response["response_metadata"]["messages"]
        assert messages == ["[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"]


async def test_26_buttons_in_one_row_are_refused_and_25_are_not() -> None:
    async with a_twin() as (twin, _):
        buttons = [
            {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": str(n)}
            for n in range(26)
        ]
        client = a_client(twin)
        many: list[Any] = [{"type": "actions", "elements": buttons}]
        some: list[Any] = [{"type": "actions", "elements": buttons[:25]}]
        assert await refusal(client.chat_postMessage(channel="#community", blocks=many, text="x")) == (
            "invalid_blocks"
        )
        assert (await client.chat_postMessage(channel="#community", blocks=some, text="x"))["ok"]


async def test_only_members_post_and_nobody_in_an_archive() -> None:
    async with a_twin() as (twin, _):
        client, world = a_client(twin), twin.world
        world.channel("community").members.remove(world.installation.bot_user_id)
        world.channel("triage").members.remove(world.installation.bot_user_id)
        world.channel("acme-support").is_archived = True

        assert await refusal(client.chat_postMessage(channel="#community", text="x")) == "not_in_channel"
        triage, acme = world.channel("triage").id, world.channel("acme-support").id
        assert await refusal(client.chat_postMessage(channel=triage, text="x")) == "channel_not_found"
        assert await refusal(client.chat_postMessage(channel=acme, text="x")) == "is_archived"


async def test_only_own_messages_are_changed() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel("community").id
        theirs = await twin.say("mia", "community", "mine")
        update, delete = client.chat_update, client.chat_delete

        assert await refusal(update(channel=channel, ts=theirs, text="yours")) == "cant_update_message"
        assert await refusal(delete(channel=channel, ts=theirs)) == "cant_delete_message"
        assert await refusal(update(channel=channel, ts="1.000000", text="x")) == "message_not_found"
        own = await client.chat_postMessage(channel=channel, text="own")
        assert await refusal(update(channel=channel, ts=own["ts"], text="x" * 4001)) == "msg_too_long"
        replies = client.conversations_replies
        assert await refusal(replies(channel=channel, ts="1.000000")) == "thread_not_found"
        assert await refusal(replies(channel=channel, ts=theirs, cursor="?")) == "invalid_cursor"
