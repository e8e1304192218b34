from __future__ import annotations

import json
from typing import Any

import aiohttp
from slack_twin_kit import a_client, a_twin, refusal

from bot.sandbox.slack import add_file, add_team, add_user


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
