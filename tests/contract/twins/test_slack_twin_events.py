from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.request_verification.async_request_verification import AsyncRequestVerification
from slack_twin_kit import ClockOf, a_client, a_twin, an_app, is_signed

from bot.sandbox.slack import NotPossible, add_file


async def test_a_mention_arrives_as_two_events_with_one_ts() -> None:
    async with an_app() as app, a_twin() as (twin, time):
        await twin.subscribe(app.url)
        ts = await twin.say("mia", "community", "@Deskbell does 1 < 2 & see https://example.com/a?b=1&c=2")
        await twin.settled()

        assert sorted(app.kinds) == ["app_mention", "message"]
        assert {one.event["ts"] for one in app.received} == {ts}
        assert len({one.payload["event_id"] for one in app.received}) == 2
        assert all(is_signed(twin, time, one) for one in app.received)
        bot = twin.world.installation.bot_user_id
        text = f"<@{bot}> does 1 &lt; 2 &amp; see <https://example.com/a?b=1&c=2>"
        assert {one.event["text"] for one in app.received} == {text}


async def test_a_wrong_secret_is_noticed() -> None:
    async with an_app() as app, a_twin() as (twin, time):
        await twin.subscribe(app.url)
        await twin.say("mia", "community", "hello")
        await twin.settled()
        twin.world.installation.signing_secret = "another"
        assert not is_signed(twin, time, app.received[0])


async def test_the_envelope_names_the_installation_and_the_sharing() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        await twin.say("carol", "acme-support", "our export fails")
        await twin.settled()

        payload, home = app.received[0].payload, twin.world.home.id
        assert (payload["type"], payload["team_id"]) == ("event_callback", home)
        assert payload["is_ext_shared_channel"] is True
        assert payload["authorizations"][0]["user_id"] == twin.world.installation.bot_user_id
        event = payload["event"]
        assert (event["user_team"], event["source_team"], event["team"]) == ("T0ACME000",) * 3
        assert event["user_profile"]["real_name"] == "Carol Customer"
        assert "email" not in event["user_profile"]
        assert event["channel_type"] == "group"


async def test_ours_in_a_shared_channel_carry_our_team() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        await twin.say("ada", "acme-support", "looking")
        await twin.settled()
        event = app.received[0].event
        assert (event["user_team"], "user_profile" in event) == (twin.world.home.id, False)


async def test_the_bot_hears_itself() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        bot = twin.world.installation.bot_user_id
        await a_client(twin).chat_postMessage(channel="#community", text=f"I am <@{bot}>")
        await twin.settled()
        assert app.kinds == ["message"]
        installed = twin.world.installation
        assert (app.received[0].event["bot_id"], app.received[0].event["app_id"]) == (
            installed.bot_id,
            installed.app_id,
        )


async def test_where_the_bot_is_not_it_hears_nothing() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        twin.world.channel("community").members.remove(twin.world.installation.bot_user_id)
        await twin.say("mia", "community", "@deskbell hello?")
        await twin.settled()
        assert app.received == []


async def test_a_direct_message_is_no_app_mention() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        await twin.say("mia", twin.direct("mia"), "@deskbell hello?")
        await twin.settled()
        assert [(one.event["type"], one.event["channel_type"]) for one in app.received] == [("message", "im")]


async def test_an_address_that_does_not_answer_the_challenge_is_refused() -> None:
    async def silent(request: web.Request) -> web.Response:
        del request
        return web.Response(text="hello")

    application = web.Application()
    application.router.add_post("/", silent)
    async with TestServer(application) as server, a_twin() as (twin, _):
        with pytest.raises(NotPossible, match="challenge"):
            await twin.subscribe(str(server.make_url("/")))


async def test_edits_previews_and_deletions_are_message_events_too() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        ts = await twin.say("mia", "community", "see https://example.com")
        await twin.settled()
        await twin.unfurl("community", ts)
        await twin.settled()
        await twin.edit("mia", "community", ts, "see nothing")
        await twin.settled()
        await twin.delete("mia", "community", ts)
        await twin.settled()

        _, unfurled, edited, deleted = (one.event for one in app.received)
        assert (unfurled["subtype"], unfurled["message"]["ts"]) == ("message_changed", ts)
        assert unfurled["message"]["text"] == unfurled["previous_message"]["text"]
        assert "edited" not in unfurled["message"]
        assert edited["message"]["text"] == "see nothing"
        assert edited["message"]["edited"]["user"] == twin.world.user("mia").id
        assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", ts)
        assert deleted["hidden"] is True


async def test_reactions_and_joins_are_events() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        ts = await twin.say("mia", "community", "hello")
        await twin.settled()
        await twin.react("ada", "community", ts, ":eyes:")
        await twin.settled()
        await twin.join("otto", "community")
        await twin.settled()
        _, reaction, joined = (one.event for one in app.received)
        assert (reaction["type"], reaction["reaction"]) == ("reaction_added", "eyes")
        assert reaction["item"] == {"type": "message", "channel": "C0COMMUNITY", "ts": ts}
        assert (joined["type"], joined["user"]) == ("member_joined_channel", twin.world.user("otto").id)


async def test_files_in_a_shared_channel_have_to_be_fetched_and_others_come_whole() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await twin.subscribe(app.url)
        log = add_file(twin.world, "error.log", b"trace", user=twin.world.user("carol"))
        own = add_file(twin.world, "notes.txt", b"notes", user=twin.world.user("mia"))
        ts = await twin.say("carol", "acme-support", "", files=(log,))
        await twin.settled()
        await twin.say("mia", "community", "notes", files=(own,))
        await twin.settled()

        shared, whole = (one.event for one in app.received)
        unchecked = {"id": log.id, "mode": "file_access", "file_access": "check_file_info"}
        assert (shared["subtype"], shared["files"]) == ("file_share", [unchecked])
        assert whole["files"][0]["name"] == "notes.txt"
        replies = await a_client(twin).conversations_replies(channel="C0ACMESUPPO", ts=ts)
        assert replies["messages"][0]["files"][0]["name"] == "error.log"


async def test_bolt_accepts_a_signed_event_and_refuses_a_forged_one() -> None:
    seen: list[Any] = []
    async with a_twin() as (twin, time):
        bolt = AsyncApp(signing_secret=twin.world.installation.signing_secret, client=a_client(twin))

        async def remember(event: dict[str, Any]) -> None:
            seen.append(event["text"])

        bolt.event("app_mention")(remember)
        bolt.event("message")(remember)
        for middleware in bolt._async_middleware_list:
            if isinstance(middleware, AsyncRequestVerification):
                middleware.verifier.clock = ClockOf(time)

        async def handle(request: web.Request) -> web.Response:
            response = await bolt.async_dispatch(await to_bolt_request(request))
            return await to_aiohttp_response(response)

        application = web.Application()
        application.router.add_post("/slack/events", handle)
        async with TestServer(application) as server:
            await twin.subscribe(str(server.make_url("/slack/events")))
            await twin.say("carol", "acme-support", "@deskbell help")
            await twin.settled()
            assert [entry.outcome for entry in twin.journal.of("deliver:*")] == ["ok"] * 3

            twin.world.installation.signing_secret = "forged"
            await twin.say("carol", "acme-support", "forged")
            await twin.settled()
            assert twin.journal.entries[-1].outcome == "http_error"
        assert len(seen) == 2


async def test_people_do_only_what_slack_lets_them() -> None:
    async with a_twin() as (twin, _):
        ts = await twin.say("mia", "community", "mine")
        for gesture in (
            twin.say("carol", "community", "not a member"),
            twin.say("mia", "community", "  "),
            twin.say("mia", "community", "x", "1.000000"),
            twin.edit("ada", "community", ts, "not hers"),
            twin.delete("ada", "community", ts),
            twin.join("carol", "community"),
        ):
            with pytest.raises(NotPossible):
                await gesture


async def test_a_page_is_told_of_every_change() -> None:
    async with a_twin() as (twin, _):
        changes = twin.changes()
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        root = await twin.say("mia", "community", "root")
        reply = await twin.say("ada", "community", "reply", root)

        assert (await first).ts == root
        second = await anext(changes)
        assert (second.kind, second.ts, second.thread_ts) == ("posted", reply, root)
        await changes.aclose()
        assert [message.ts for message in twin.thread("community", root)] == [root, reply]
        assert [channel.name for channel in twin.channels_of("carol")] == ["acme-support"]
