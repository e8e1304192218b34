"""The twin's payloads against recorded ones: https://github.com/slackapi/java-slack-sdk, json-logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from slack_twin_kit import a_client, a_twin, an_app

from bot.sandbox.slack import SlackTwin, add_file

CONTRACTS = Path(__file__).resolve().parents[3].parent / "shared" / "contracts"
SHAPES, PAYLOADS = CONTRACTS / "slack-shapes", CONTRACTS / "slack-payloads"
SPECS = CONTRACTS / "slack-api-specs" / "web-api" / "slack_web_openapi_v2.json"

pytestmark = pytest.mark.skipif(not CONTRACTS.is_dir(), reason="the recorded contracts are not here")

#: free-form, or too various to be listed in a shape
OPAQUE = {"blocks", "event_payload", "values"}
#: real fields of Slack Connect messages that the recordings have in app_mention alone
CONNECT = {"user_team", "source_team", "user_profile"}
#: documented fields that one or another recording lacks
LATER = {
    "app_id",
    "channels",
    "client_msg_id",
    "connected_team_ids",
    "context_team_id",
    "files",
    "groups",
    "ims",
    "internal_team_ids",
    "metadata",
    "pending_connected_team_ids",
    "reply_users",
    "team",
    "user_id",
    "users",
}
#: methods whose list of errors of 2021 lacks what today's documentation has
SINCE_DOCUMENTED = {"channel_not_found", "missing_scope"}


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def shape(*names: str) -> Any:
    merged: Any = {}
    for name in names:
        merged = merge(merged, load(SHAPES / f"{name}.json"))
    return merged


def merge(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merge(one.get(key), other.get(key)) for key in one.keys() | other.keys()}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return other if one is None else one


def unknown(value: Any, known: Any, at: str = "") -> Iterator[str]:
    """Paths in `value` that the shape does not have."""
    if isinstance(value, dict) and isinstance(known, dict) and known:
        for key, inner in value.items():
            if key not in known:
                yield f"{at}/{key}"
            elif key not in OPAQUE:
                yield from unknown(inner, known[key], f"{at}/{key}")
    if isinstance(value, list) and isinstance(known, list):
        items: Any = {}
        for item in known:
            items = merge(items, item)
        for inner in value:
            yield from unknown(inner, items, at)


def strangers(value: Any, known: Any, *, allowed: set[str]) -> list[str]:
    return [path for path in unknown(value, known) if path.rpartition("/")[2] not in allowed]


async def every_payload(twin: SlackTwin, url: str) -> None:
    """Do everything that makes Slack send something."""
    await twin.subscribe(url)
    log = add_file(twin.world, "error.log", b"trace", user=twin.world.user("mia"))
    root = await twin.say("carol", "acme-support", "@deskbell our export fails")
    await twin.say("mia", "community", "see", files=(log,))
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "1"}
    posted = await a_client(twin).chat_postMessage(
        channel="C0ACMESUPPO",
        text="an answer",
        thread_ts=root,
        blocks=[{"type": "actions", "elements": [button]}],
        metadata={"event_type": "deskbell", "event_payload": {"key": "1"}},
    )
    await twin.edit("carol", "acme-support", root, "never mind")
    await twin.unfurl("acme-support", root)
    await twin.react("carol", "acme-support", posted["ts"], "eyes")
    await twin.press("carol", "acme-support", posted["ts"], "go")
    await twin.join("otto", "community")
    await twin.delete("carol", "acme-support", root)
    await twin.settled()


EVENT_SHAPES = {
    ("message", None): ("MessagePayload", "MessageBotPayload", "MessageFileSharePayload"),
    ("message", "file_share"): ("MessageFileSharePayload",),
    ("message", "message_changed"): ("MessageChangedPayload",),
    ("message", "message_deleted"): ("MessageDeletedPayload",),
    ("app_mention", None): ("AppMentionPayload",),
    ("reaction_added", None): ("ReactionAddedPayload",),
    ("member_joined_channel", None): ("MemberJoinedChannelPayload",),
}


async def test_every_event_has_only_fields_that_slack_sends() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await every_payload(twin, app.url)

        seen = set()
        for received in app.received:
            if "event" not in received.payload:
                continue
            kind = (received.event["type"], received.event.get("subtype"))
            known = shape(*(f"events/{name}" for name in EVENT_SHAPES[kind]))
            assert strangers(received.payload, known, allowed=CONNECT | LATER) == [], kind
            seen.add(kind)
        assert seen == EVENT_SHAPES.keys()


async def test_every_event_has_the_fields_that_recorded_ones_have() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await every_payload(twin, app.url)
        recorded = {
            "message": "message_bot.user_message_event_payload.json",
            "message_changed": "message_changed.event_payload.json",
            "message_deleted": "message_deleted.event_payload.json",
            "app_mention": "events.app_mention_body.json",
        }
        for received in (one for one in app.received if "event" in one.payload):
            kind = received.event.get("subtype", received.event["type"])
            if kind not in recorded or "bot_id" in json.dumps(received.event):
                continue
            expected = load(PAYLOADS / recorded[kind])
            # a single workspace has no enterprise, and authed_users ended in 2021
            outer = expected.keys() - {"enterprise_id", "authed_users"}
            assert outer <= received.payload.keys(), kind
            assert expected["event"].keys() <= received.event.keys(), kind


async def test_a_click_has_the_fields_that_a_recorded_one_has_and_no_others() -> None:
    async with an_app() as app, a_twin() as (twin, _):
        await every_payload(twin, app.url)
        click = next(one.payload for one in app.received if b"payload=" in one.body)
        recorded = load(PAYLOADS / "block_actions.body.json")
        assert recorded.keys() <= click.keys()
        assert recorded["container"].keys() <= click["container"].keys()
        assert recorded["actions"][0].keys() <= click["actions"][0].keys()
        known = shape("app-backend/interactive-components/BlockActionPayload")
        assert strangers(click, known, allowed=LATER) == []


async def test_every_answer_has_only_fields_that_slack_answers() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin)
        log = add_file(twin.world, "error.log", b"trace", user=twin.world.user("mia"))
        root = await twin.say("mia", "community", "see", files=(log,))
        posted = await client.chat_postMessage(channel="C0COMMUNITY", text="x", thread_ts=root)
        at: dict[str, Any] = {"channel": "C0COMMUNITY"}
        await twin.react("mia", "community", posted["ts"], "eyes")
        answers = {
            "api.test": await client.api_test(),
            "auth.test": await client.auth_test(),
            "bots.info": await client.bots_info(bot=twin.world.installation.bot_id),
            "chat.postMessage": posted,
            "chat.update": await client.chat_update(**at, ts=posted["ts"], text="y"),
            "chat.getPermalink": await client.chat_getPermalink(**at, message_ts=root),
            "conversations.history": await client.conversations_history(**at),
            "conversations.replies": await client.conversations_replies(**at, ts=root),
            "conversations.info": await client.conversations_info(channel="C0ACMESUPPO"),
            "conversations.list": await client.conversations_list(),
            "conversations.members": await client.conversations_members(**at),
            "users.info": await client.users_info(user=twin.world.user("carol").id),
            "users.list": await client.users_list(),
            "files.info": await client.files_info(file=log.id),
            "chat.delete": await client.chat_delete(**at, ts=posted["ts"]),
        }
        for name, answer in answers.items():
            assert strangers(answer.data, shape(f"api/{name}"), allowed=LATER | {"args"}) == [], name


async def test_small_answers_pass_the_published_schema() -> None:
    spec = load(SPECS)
    async with a_twin() as (twin, _):
        client = a_client(twin)
        ts = await twin.say("mia", "community", "hello")
        own = await client.chat_postMessage(channel="C0COMMUNITY", text="x")
        at: dict[str, Any] = {"channel": "C0COMMUNITY"}
        answers = {
            "auth.test": await client.auth_test(),
            "bots.info": await client.bots_info(bot=twin.world.installation.bot_id),
            "chat.getPermalink": await client.chat_getPermalink(**at, message_ts=ts),
            "chat.postEphemeral": await client.chat_postEphemeral(**at, user="U0MIA0000", text="x"),
            "conversations.members": await client.conversations_members(**at),
            "reactions.add": await client.reactions_add(**at, timestamp=ts, name="eyes"),
            "users.info": await client.users_info(user="U0ADA0000"),
            "chat.delete": await client.chat_delete(**at, ts=own["ts"]),
        }
        for name, answer in answers.items():
            (operation,) = spec["paths"][f"/{name}"].values()
            schema = {**operation["responses"]["200"]["schema"], "definitions": spec["definitions"]}
            jsonschema.Draft4Validator(schema).validate(answer.data)


async def test_every_refusal_of_an_unknown_thing_is_one_that_the_method_documents() -> None:
    spec = load(SPECS)
    async with a_twin() as (twin, _):
        wrong = {
            "channel": "C0NOWHERE0",
            "user": "U0NOBODY0",
            "bot": "B0NOBODY0",
            "file": "F0NOTHING0",
            "email": "nobody@example.com",
            "text": "x",
        }
        for name in twin.web_api.methods:
            response = spec["paths"].get(f"/{name}")
            if not response:
                continue
            (operation,) = response.values()
            error = operation["responses"].get("default", {}).get("schema", {}).get("properties", {})
            documented = error.get("error", {}).get("enum")
            if not documented:
                continue
            answer = await twin_call(twin, name, wrong)
            if not answer["ok"]:
                assert answer["error"] in {*documented, *SINCE_DOCUMENTED}, name


async def twin_call(twin: SlackTwin, name: str, arguments: dict[str, str]) -> Any:
    client = a_client(twin)
    try:
        return (await client.api_call(name, params=arguments)).data
    except Exception as error:  # noqa: BLE001 - the refusal is what is looked at
        return error.response.data  # type: ignore[attr-defined]  # SlackApiError carries it
