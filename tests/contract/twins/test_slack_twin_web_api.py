from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_twin_kit import a_client, a_twin

from bot.sandbox.faults import FaultKind
from bot.sandbox.slack import add_file, add_team, add_user


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    assert refused.value.response.status_code == 200
    return str(refused.value.response["error"])


async def test_auth_test_names_the_bot_and_the_header_its_scopes() -> None:
    async with a_twin() as (twin, _):
        response = await a_client(twin).auth_test()

        app = twin.world.installation
        assert (response["team_id"], response["user_id"]) == (app.team_id, app.bot_user_id)
        assert response["bot_id"] == app.bot_id
        assert set(response.headers["x-oauth-scopes"].split(",")) == app.scopes


async def test_a_posted_message_is_seen_by_people_and_in_the_history() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel("community").id

        posted = await client.chat_postMessage(channel=channel, text="Hello <@U0MIA0000>")

        assert [message.text for message in twin.history("community")] == ["Hello <@U0MIA0000>"]
        history = await client.conversations_history(channel=channel)
        assert history["messages"][0]["ts"] == posted["ts"]
        assert history["messages"][0]["bot_id"] == twin.world.installation.bot_id
        assert posted["message"]["blocks"][0]["type"] == "rich_text"


async def test_form_and_query_calls_work_as_json_ones_do() -> None:
    async with a_twin() as (twin, _), aiohttp.ClientSession() as http:
        channel, token = twin.world.channel("community").id, twin.world.installation.bot_token
        blocks = json.dumps([{"type": "divider"}])
        form = {"token": token, "channel": channel, "text": "one", "blocks": blocks}

        async with http.post(twin.api_url + "chat.postMessage", data=form) as response:
            posted = await response.json()
        query = {"channel": channel, "token": token}
        async with http.get(twin.api_url + "conversations.history", params=query) as response:
            history = await response.json()

        assert posted["ok"]
        assert history["messages"][0]["blocks"][0]["type"] == "divider"


async def test_a_token_within_json_is_not_read() -> None:
    async with a_twin() as (twin, _), aiohttp.ClientSession() as http:
        body = {"token": twin.world.installation.bot_token}
        async with http.post(twin.api_url + "auth.test", json=body) as response:
            assert await response.json() == {"ok": False, "error": "not_authed"}


async def test_json_is_not_read_by_methods_that_only_read() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin)
        assert await refusal(client.api_call("users.info", json={"user": "U0ADA0000"})) == "user_not_found"


async def test_timestamps_rise_while_the_clock_stands_still() -> None:
    async with a_twin() as (twin, _):
        seen = [await twin.say("mia", "community", "again") for _ in range(5)]
        assert seen == sorted(set(seen), key=float)


async def test_an_update_replaces_text_and_blocks_and_keeps_metadata() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel("community").id
        metadata = {"event_type": "deskbell", "event_payload": {"key": "effect-1"}}
        button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}
        blocks: list[Any] = [{"type": "actions", "elements": [button]}]
        posted = await client.chat_postMessage(channel=channel, text="one", blocks=blocks, metadata=metadata)

        await client.chat_update(channel=channel, ts=posted["ts"], text="two")

        message = twin.history("community")[0]
        assert (message.text, message.buttons, message.metadata) == ("two", (), metadata)
        assert message.edited is not None


async def test_an_update_with_blocks_is_not_marked_as_edited() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel("community").id
        posted = await client.chat_postMessage(channel=channel, text="one")
        await client.chat_update(channel=channel, ts=posted["ts"], text="two", blocks=[{"type": "divider"}])
        assert twin.history("community")[0].edited is None


async def test_metadata_payload_is_shown_to_those_who_ask_for_all_of_it() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel("community").id
        metadata = {"event_type": "deskbell", "event_payload": {"key": "effect-1"}}
        posted = await client.chat_postMessage(channel=channel, text="one", metadata=metadata)

        plain = await client.conversations_replies(channel=channel, ts=posted["ts"])
        full = await client.conversations_replies(channel=channel, ts=posted["ts"], include_all_metadata=True)

        assert plain["messages"][0]["metadata"] == {"event_type": "deskbell"}
        assert full["messages"][0]["metadata"] == metadata


async def test_replies_are_paged_and_carry_the_root_on_each_page() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel("community").id
        root = await twin.say("mia", "community", "root")
        expected = [await twin.say("ada", "community", f"reply {n}", root) for n in range(7)]

        pages: list[Any] = [  # the client's own response object is one and the same for all pages
            page.data async for page in await client.conversations_replies(channel=channel, ts=root, limit=3)
        ]

        assert [page["messages"][0]["ts"] for page in pages] == [root] * 3
        assert [m["ts"] for page in pages for m in page["messages"][1:]] == expected
        assert pages[0]["messages"][0]["reply_count"] == 7
        assert [page["has_more"] for page in pages] == [True, True, False]


async def test_a_history_has_the_top_level_newest_first_between_two_moments() -> None:
    async with a_twin() as (twin, time):
        client, channel = a_client(twin), twin.world.channel("community").id
        said = []
        for n in range(4):
            said.append(await twin.say("mia", "community", str(n)))
            time.advance(seconds=10)
        await twin.say("ada", "community", "a reply", said[0])

        history = await client.conversations_history(channel=channel, oldest=said[0], latest=said[3])

        assert [message["ts"] for message in history["messages"]] == [said[2], said[1]]


async def test_the_first_message_over_a_methods_limit_gets_429_and_waiting_helps() -> None:
    async with a_twin() as (twin, time):
        client = a_client(twin)
        for _ in range(20):
            await client.users_list()
        with pytest.raises(SlackApiError) as refused:
            await client.users_list()

        assert refused.value.response.status_code == 429
        assert refused.value.response["error"] == "ratelimited"
        time.advance(seconds=int(refused.value.response.headers["Retry-After"]))
        assert (await client.users_list())["ok"]


async def test_a_channel_takes_a_short_burst_and_then_one_message_a_second() -> None:
    async with a_twin() as (twin, time):
        client = a_client(twin)
        for _ in range(5):
            await client.chat_postMessage(channel="#community", text="burst")
        with pytest.raises(SlackApiError, match="ratelimited"):
            await client.chat_postMessage(channel="#community", text="too many")
        await client.chat_postMessage(channel=twin.world.channel("triage").id, text="elsewhere")

        time.advance(seconds=1)
        await client.chat_postMessage(channel="#community", text="one more")

        assert len(twin.history("community")) == 6


async def test_limits_can_be_switched_off() -> None:
    async with a_twin() as (twin, _):
        twin.limits.on = False
        for _ in range(30):
            await a_client(twin).users_list()


async def test_a_timeout_before_leaves_nothing_and_a_timeout_after_leaves_the_message() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin)
        twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_BEFORE)
        twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER)

        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="#community", text="before")
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="#community", text="after")

        assert [message.text for message in twin.history("community")] == ["after"]
        outcomes = [entry.outcome for entry in twin.journal.of("chat.postMessage")]
        assert outcomes == ["timeout_before", "timeout_after"]


async def test_the_clients_own_retry_doubles_a_message_whose_answer_was_lost() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin, retry_handlers=[AsyncConnectionErrorRetryHandler()])
        twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER)

        await client.chat_postMessage(channel="#community", text="once?")

        assert [message.text for message in twin.history("community")] == ["once?", "once?"]


async def test_a_hanging_call_ends_with_the_clients_own_timeout() -> None:
    async with a_twin() as (twin, _):
        twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER, hang=True)
        client = a_client(twin, timeout=0.2)  # the type says int, and aiohttp takes any number
        with pytest.raises(asyncio.TimeoutError):
            await client.chat_postMessage(channel="#community", text="slow")
        assert len(twin.history("community")) == 1


async def test_an_outage_refuses_every_call_until_it_ends() -> None:
    async with a_twin() as (twin, _):
        twin.faults.outage(True)
        with pytest.raises(SlackApiError) as refused:
            await a_client(twin).auth_test()
        assert refused.value.response.status_code == 503
        twin.faults.outage(False)
        assert (await a_client(twin).auth_test())["ok"]


async def test_faults_of_429_and_of_a_broken_body_look_as_real_ones() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin)
        twin.faults.fail_next("auth.test", FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=17))
        twin.faults.fail_next("auth.test", FaultKind.MALFORMED_BODY)
        with pytest.raises(SlackApiError) as refused:
            await client.auth_test()
        assert refused.value.response.headers["Retry-After"] == "17"
        with pytest.raises(SlackApiError, match="response body"):
            await client.auth_test()


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


async def test_an_ephemeral_message_is_seen_by_one_person_and_no_history() -> None:
    async with a_twin() as (twin, _):
        client, channel = a_client(twin), twin.world.channel("community").id
        mia = twin.world.user("mia").id

        await client.chat_postEphemeral(channel=channel, user=mia, text="psst")

        assert [message.text for message in twin.history("community", viewer="mia")] == ["psst"]
        assert twin.history("community", viewer="ada") == []
        assert (await client.conversations_history(channel=channel))["messages"] == []
        assert await refusal(client.chat_postEphemeral(channel=channel, user="U0OTTO000", text="x")) == (
            "user_not_in_channel"
        )


async def test_a_direct_message_is_addressed_by_the_persons_id() -> None:
    async with a_twin() as (twin, _):
        carol = twin.world.user("carol").id
        posted = await a_client(twin).chat_postMessage(channel=carol, text="for you")
        assert posted["channel"] == twin.direct("carol")
        assert [message.text for message in twin.history(twin.direct("carol"))] == ["for you"]


async def test_people_of_a_connected_team_are_visible_and_strangers_only_when_mentioned() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin)
        other = add_team(twin.world, "Elsewhere")
        stranger = add_user(twin.world, "sam", team=other)

        carol = (await client.users_info(user=twin.world.user("carol").id))["user"]
        assert (carol["team_id"], carol["is_stranger"]) == ("T0ACME000", False)
        assert carol["profile"]["email"] == "carol@acme.example.com"
        assert await refusal(client.users_info(user=stranger.id)) == "user_not_visible"
        await twin.say("mia", "community", f"ask <@{stranger.id}>")
        assert (await client.users_info(user=stranger.id))["user"]["is_stranger"] is True
        assert await refusal(client.users_info(user="U0NOBODY0")) == "user_not_found"

        listed = {user["name"] for user in (await client.users_list())["members"]}
        assert listed == {"deskbell", "ada", "otto", "mia"}
        by_email = await client.users_lookupByEmail(email="ada@opendatagov.example.com")
        assert by_email["user"]["name"] == "ada"
        assert await refusal(client.users_lookupByEmail(email="carol@acme.example.com")) == "users_not_found"


async def test_without_its_scope_no_email_is_shown() -> None:
    async with a_twin() as (twin, _):
        twin.world.installation.scopes -= {"users:read.email"}
        user = (await a_client(twin).users_info(user="U0ADA0000"))["user"]
        assert "email" not in user["profile"]


async def test_channels_say_whether_they_are_shared_outside() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin)
        acme = (await client.conversations_info(channel=twin.world.channel("acme-support").id))["channel"]
        community = (await client.conversations_info(channel="C0COMMUNITY", include_num_members=True))[
            "channel"
        ]

        assert (acme["is_ext_shared"], acme["connected_team_ids"]) == (True, ["T0ACME000"])
        assert (community["is_ext_shared"], community["num_members"]) == (False, 3)
        listed = await client.conversations_list(types="public_channel,private_channel", limit=2)
        assert len(listed["channels"]) == 2
        assert listed["response_metadata"]["next_cursor"]
        assert all("connected_team_ids" not in channel for channel in listed["channels"])
        members = await client.conversations_members(channel="C0COMMUNITY")
        assert twin.world.user("mia").id in members["members"]


async def test_a_permalink_leads_into_the_thread() -> None:
    async with a_twin() as (twin, _):
        root = await twin.say("mia", "community", "root")
        reply = await twin.say("ada", "community", "reply", root)
        link = await a_client(twin).chat_getPermalink(channel="C0COMMUNITY", message_ts=reply)
        assert link["permalink"] == (
            f"https://opendatagov.slack.com/archives/C0COMMUNITY/p{reply.replace('.', '')}"
            f"?thread_ts={root}&cid=C0COMMUNITY"
        )


async def test_reactions_are_added_once() -> None:
    async with a_twin() as (twin, _):
        client, ts = a_client(twin), await twin.say("mia", "community", "hello")
        await client.reactions_add(channel="C0COMMUNITY", timestamp=ts, name="eyes")
        again = client.reactions_add(channel="C0COMMUNITY", timestamp=ts, name="eyes")
        assert await refusal(again) == "already_reacted"
        got = await client.reactions_get(channel="C0COMMUNITY", timestamp=ts)
        assert [reaction["name"] for reaction in got["message"]["reactions"]] == ["eyes"]


async def test_an_unauthorised_download_is_a_sign_in_page_with_status_200() -> None:
    async with a_twin() as (twin, _), aiohttp.ClientSession() as http:
        log = add_file(twin.world, "error.log", b"stack trace", user=twin.world.user("mia"))
        await twin.say("mia", "community", "see", files=(log,))
        found = (await a_client(twin).files_info(file=log.id))["file"]
        url = found["url_private_download"]
        good = {"Authorization": f"Bearer {twin.world.installation.bot_token}"}

        async with http.get(url) as response:
            assert (response.status, response.content_type) == (200, "text/html")
        async with http.get(url, headers=good) as response:
            assert await response.read() == b"stack trace"
        assert found["channels"] == ["C0COMMUNITY"]
        assert await refusal(a_client(twin).files_info(file="F0NOTHING0")) == "file_not_found"


async def test_the_journal_has_every_call_and_no_token() -> None:
    async with a_twin() as (twin, _):
        posted = await a_client(twin).chat_postMessage(channel="#community", text="hello")
        entry = twin.journal.of("chat.postMessage")[0]
        assert (entry.outcome, entry.effects) == ("ok", (posted["ts"],))
        assert twin.world.installation.bot_token not in repr(twin.journal.entries)


async def test_a_stopped_twin_starts_again_with_its_world() -> None:
    async with a_twin() as (twin, _):
        await twin.say("mia", "community", "still here")
        await twin.stop()
        await twin.start()
        history = await a_client(twin).conversations_history(channel="C0COMMUNITY")
        assert history["messages"][0]["text"] == "still here"
