from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from slack_twin_kit import a_client, a_twin, always, an_app, is_signed

from bot.sandbox.faults import FaultKind
from bot.sandbox.slack import NotPossible, SlackTwin


async def a_message_with_buttons(twin: SlackTwin, client: AsyncWebClient) -> str:
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Open a ticket"},
        "action_id": "open_ticket",
        "value": "17",
        "style": "primary",
    }
    root = await twin.say("carol", "acme-support", "our export fails")
    posted = await client.chat_postMessage(
        channel=twin.world.channel("acme-support").id,
        thread_ts=root,
        text="an answer",
        blocks=[{"type": "actions", "block_id": "offer", "elements": [button]}],
    )
    return str(posted["ts"])


@pytest.mark.parametrize(("person", "team"), [("carol", "T0ACME000"), ("ada", "T0OPENDATAG")])
async def test_a_click_names_the_clickers_own_team_and_everything_else_is_the_apps(
    person: str, team: str
) -> None:
    async with an_app() as app, a_twin() as (twin, time):
        ts = await a_message_with_buttons(twin, a_client(twin))
        await twin.subscribe(app.url)

        assert (await twin.press(person, "acme-support", ts, "open_ticket")).ok

        payload = app.received[0].payload
        assert is_signed(twin, time, app.received[0])
        assert payload["user"]["team_id"] == team
        assert payload["team"] == {"id": "T0OPENDATAG", "domain": "opendatagov"}
        thread = payload["message"]["thread_ts"]
        assert payload["container"] == {
            "type": "message",
            "message_ts": ts,
            "channel_id": "C0ACMESUPPO",
            "is_ephemeral": False,
            "thread_ts": thread,
        }
        action = payload["actions"][0]
        assert (action["action_id"], action["block_id"], action["value"]) == ("open_ticket", "offer", "17")
        assert action["action_ts"] > ts


async def test_a_button_that_is_not_there_cannot_be_pressed() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        client = a_client(twin)
        ts = await a_message_with_buttons(twin, client)
        await twin.subscribe(app.url)
        for who, what in (("carol", "close_ticket"), ("mia", "open_ticket")):
            with pytest.raises(NotPossible):
                await twin.press(who, "acme-support", ts, what)
        await client.chat_update(channel="C0ACMESUPPO", ts=ts, text="done")
        with pytest.raises(NotPossible, match="no such button"):
            await twin.press("carol", "acme-support", ts, "open_ticket")


async def test_a_click_that_fails_is_not_tried_again() -> None:
    async with an_app(always(500)) as app, a_twin() as (twin, _):
        ts = await a_message_with_buttons(twin, a_client(twin))
        await twin.subscribe(app.url)
        receipt = await twin.press("carol", "acme-support", ts, "open_ticket")
        assert (receipt.ok, receipt.failure, receipt.status) == (False, "http_error", 500)
        assert (len(app.received), twin.next_retry_at) == (1, None)


async def test_an_impatient_click_arrives_twice_and_a_dropped_one_never() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        ts = await a_message_with_buttons(twin, a_client(twin))
        await twin.subscribe(app.url)
        twin.faults.fail_next("deliver:block_actions", FaultKind.DUPLICATE)
        assert (await twin.press("carol", "acme-support", ts, "open_ticket")).ok
        assert len(app.received) == 2
        twin.faults.fail_next("deliver:block_actions", FaultKind.DROP)
        assert not (await twin.press("carol", "acme-support", ts, "open_ticket")).ok
        assert len(app.received) == 2


async def test_a_command_is_for_people_of_the_installing_team() -> None:
    async with an_app() as app, a_twin() as (twin, time):
        twin.world.installation.commands = frozenset({"/ticket"})
        await twin.subscribe(app.url)
        assert (await twin.command("ada", "acme-support", "/ticket", "now")).ok
        payload = app.received[0].payload
        assert (payload["command"], payload["text"], payload["user_name"]) == ("/ticket", "now", "ada")
        assert is_signed(twin, time, app.received[0])
        for who, what in (("carol", "/ticket"), ("ada", "/unknown")):
            with pytest.raises(NotPossible, match="not a valid command"):
                await twin.command(who, "acme-support", what)


async def test_a_response_url_replaces_answers_and_expires() -> None:
    async with an_app() as app, a_twin() as (twin, time):
        ts = await a_message_with_buttons(twin, a_client(twin))
        await twin.subscribe(app.url)
        await twin.press("carol", "acme-support", ts, "open_ticket")
        respond = AsyncWebhookClient(app.received[0].payload["response_url"])

        await respond.send(text="only you see this")
        assert (await respond.send(text="replaced", replace_original=True)).status_code == 200

        assert twin.world.message("C0ACMESUPPO", ts).text == "replaced"
        assert "only you see this" in {one.text for one in twin.history("acme-support", viewer="carol")}
        assert "only you see this" not in {one.text for one in twin.history("acme-support", viewer="ada")}
        time.advance(minutes=31)
        assert (await respond.send(text="late")).body == "expired_url"


async def test_a_modal_opens_within_three_seconds_of_the_click_and_once() -> None:
    view: dict[str, Any] = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Ticket"},
        "blocks": [{"type": "divider"}],
    }
    async with an_app() as app, a_twin() as (twin, time):
        client = a_client(twin)
        ts = await a_message_with_buttons(twin, client)
        await twin.subscribe(app.url)
        await twin.press("carol", "acme-support", ts, "open_ticket")
        await twin.press("carol", "acme-support", ts, "open_ticket")
        first, second = (one.payload["trigger_id"] for one in app.received if b"payload=" in one.body)

        opened = await client.views_open(trigger_id=first, view=view)
        assert opened["view"]["id"] in twin.world.views
        with pytest.raises(SlackApiError, match="invalid_trigger_id"):
            await client.views_open(trigger_id=first, view=view)
        time.advance(seconds=4)
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            await client.views_open(trigger_id=second, view=view)
        published = await client.views_publish(user_id="U0ADA0000", view={**view, "type": "home"})
        assert published["view"]["type"] == "home"


async def test_an_unknown_response_url_is_gone() -> None:
    async with (
        a_twin() as (twin, _),
        aiohttp.ClientSession() as http,
        http.post(twin.base_url + "/actions/T/1/x", json={"text": "x"}) as response,
    ):
        assert response.status == 404
