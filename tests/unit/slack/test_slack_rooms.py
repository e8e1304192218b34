from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_listener import Answer, Listener, listening
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.effects import EditReply, IdentifyPerson, PostReply, Purpose, ShowStatus, StatusView
from bot.core.errors import AudienceViolation, DeskbellError, RateLimited, Rejected, Unavailable
from bot.core.model import (
    INTERNAL,
    PUBLIC,
    Address,
    ConversationId,
    OrganisationId,
    PersonRef,
    Priority,
    Text,
    TicketId,
    TicketStatus,
    Tier,
    customer,
)
from bot.core.ports import Attempt
from handlers.slack.client import open_client
from handlers.slack.failures import AppRefused
from handlers.slack.rooms import SlackRooms

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
ACME = customer(OrganisationId("acme"))
THREAD = Address(door="slack", workspace="T1", room="C1", thread="1793707200.000100")
REPLY = PostReply(
    conversation=ConversationId(1),
    address=THREAD,
    room=ACME,
    text=Text(body="Restart it.", audience=ACME),
    purpose=Purpose.NOTICE,
)
EDIT = EditReply(
    conversation=ConversationId(1),
    address=THREAD,
    room=ACME,
    message="1793707300.000200",
    text=Text(body="Done.", audience=ACME),
)
VIEW = StatusView(
    ticket=TicketId(12),
    subject="It is down",
    status=TicketStatus.OPEN,
    priority=Priority.P1,
    tier=Tier.ENTERPRISE,
    assignee=None,
    has_replica=False,
    clocks=(),
)
CARD = ShowStatus(conversation=ConversationId(1), address=THREAD, room=ACME, view=VIEW)
WHO = IdentifyPerson(ref=PersonRef(door="slack", workspace="T2", user="U2"), room="C1")
POSTED = Answer({"ok": True, "ts": "1793707300.000200"})
OURSELVES = Answer({"ok": True, "user_id": "UBOT", "bot_id": "B1"})


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


@pytest.fixture
async def client(listener: Listener) -> AsyncIterator[AsyncWebClient]:
    async with open_client("xoxb-1", base_url=listener.url) as client:
        yield client


def attempt(number: int = 1) -> Attempt:
    return Attempt(key="effect-17", number=number, now=NOW)


def refused(error: str, **more: Any) -> Answer:
    return Answer({"ok": False, "error": error, **more})


def found(key: str, *, ts: str = "1793707250.000001", **fields: Any) -> dict[str, Any]:
    metadata = {"event_type": "deskbell_effect", "event_payload": {"key": key}}
    return {"ts": ts, "user": "UBOT", "metadata": metadata, **fields}


async def test_a_first_attempt_posts_at_once(client: AsyncWebClient, listener: Listener) -> None:
    listener.script("chat.postMessage", POSTED)

    assert await SlackRooms(client).post_reply(REPLY, attempt()) == "1793707300.000200"

    ((method, sent),) = listener.calls
    assert method == "chat.postMessage"
    assert (sent["channel"], sent["thread_ts"]) == ("C1", "1793707200.000100")
    assert sent["metadata"]["event_payload"] == {"key": "effect-17"}


async def test_what_an_earlier_attempt_posted_is_not_posted_again(
    client: AsyncWebClient, listener: Listener
) -> None:
    listener.script("auth.test", OURSELVES)
    listener.script("conversations.replies", Answer({"ok": True, "messages": [found("effect-17")]}))

    assert await SlackRooms(client).post_reply(REPLY, attempt(2)) == "1793707250.000001"

    (search,) = listener.called("conversations.replies")
    assert search == {
        "channel": "C1",
        "ts": "1793707200.000100",
        "include_all_metadata": "1",
        "limit": "15",
        "oldest": f"{(NOW - timedelta(days=3)).timestamp():.6f}",
    }
    assert not listener.called("chat.postMessage")


@pytest.mark.parametrize(
    "other",
    [
        found("effect-1"),
        found("effect-17", user="UATTACKER", bot_id="B9"),
        {"ts": "1793707250.000001", "user": "UBOT", "metadata": {"event_type": "else"}},
        {"ts": "1793707250.000001", "user": "UBOT", "metadata": "x"},
    ],
)
async def test_other_messages_do_not_stand_for_ours(
    client: AsyncWebClient, listener: Listener, other: dict[str, Any]
) -> None:
    listener.script("auth.test", OURSELVES)
    listener.script("conversations.replies", Answer({"ok": True, "messages": [other]}))
    listener.script("chat.postMessage", POSTED)

    assert await SlackRooms(client).post_reply(REPLY, attempt(2)) == "1793707300.000200"


async def test_the_search_follows_pages_and_is_bounded(client: AsyncWebClient, listener: Listener) -> None:
    page = Answer({"ok": True, "messages": [{}], "response_metadata": {"next_cursor": "next"}})
    listener.script("auth.test", OURSELVES)
    listener.script("conversations.replies", page, page, page)
    listener.script("chat.postMessage", POSTED)

    await SlackRooms(client, max_pages=3).post_reply(REPLY, attempt(2))

    searches = listener.called("conversations.replies")
    assert [search.get("cursor") for search in searches] == [None, "next", "next"]


async def test_a_new_top_level_message_is_looked_for_in_the_channel(
    client: AsyncWebClient, listener: Listener
) -> None:
    listener.script("auth.test", OURSELVES)
    listener.script("conversations.history", Answer({"ok": True, "messages": [found("effect-17")]}))
    top_level = replace(REPLY, address=replace(THREAD, thread=""))

    assert await SlackRooms(client).post_reply(top_level, attempt(2)) == "1793707250.000001"

    assert "ts" not in listener.called("conversations.history")[0]


async def test_an_unreadable_history_stops_a_retry(client: AsyncWebClient, listener: Listener) -> None:
    listener.script("auth.test", OURSELVES)
    listener.script("conversations.replies", Answer("<h1>Bad gateway</h1>", status=502))
    with pytest.raises(Unavailable):
        await SlackRooms(client).post_reply(REPLY, attempt(2))
    assert not listener.called("chat.postMessage")


async def test_an_internal_text_never_reaches_a_customers_room(
    client: AsyncWebClient, listener: Listener
) -> None:
    internal = Text(body="The customer is wrong.", audience=INTERNAL)
    rooms = SlackRooms(client)
    with pytest.raises(AudienceViolation):
        await rooms.post_reply(replace(REPLY, text=internal), attempt())
    with pytest.raises(AudienceViolation):
        await rooms.edit_reply(replace(EDIT, text=internal, room=PUBLIC), attempt())
    assert listener.calls == []


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        (refused("channel_not_found"), Rejected, "chat.postMessage: channel_not_found"),
        (refused("is_archived"), Rejected, "is_archived"),
        (refused("msg_blocks_too_long"), Rejected, "msg_blocks_too_long"),
        (refused("invalid_auth"), AppRefused, "invalid_auth"),
        (refused("missing_scope", needed="chat:write", provided="x"), AppRefused, "the scope chat:write"),
        (refused("internal_error"), Unavailable, "internal_error"),
        (Answer("<h1>Bad gateway</h1>", status=502), Unavailable, "HTTP 502"),
        (Answer("Sign in to this hotel's network"), Unavailable, "HTTP 200"),
        (Answer({"ok": False, "error": "fatal_error"}, status=500), Unavailable, "fatal_error"),
        (Answer({"ok": False, "error": "maintenance"}, status=503), Unavailable, "maintenance"),
        (Answer({}, status=0), Unavailable, "ServerDisconnectedError"),
        (Answer({"ok": True}), Unavailable, "no timestamp"),
    ],
)
async def test_refusals_are_final_and_outages_are_not(
    client: AsyncWebClient,
    listener: Listener,
    answer: Answer,
    expected: type[DeskbellError],
    reason: str,
) -> None:
    listener.script("chat.postMessage", answer)
    with pytest.raises(expected, match=reason) as failure:
        await SlackRooms(client).post_reply(REPLY, attempt())
    assert type(failure.value) is expected
    assert "Restart" not in str(failure.value)
    assert len(listener.calls) == 1


@pytest.mark.parametrize(("header", "seconds"), [({"Retry-After": "7"}, 7), ({}, 30)])
async def test_a_rate_limit_carries_slacks_own_figure(
    client: AsyncWebClient, listener: Listener, header: dict[str, str], seconds: int
) -> None:
    answer = Answer({"ok": False, "error": "ratelimited"}, status=429, headers=header)
    listener.script("chat.postMessage", answer)
    with pytest.raises(RateLimited) as failure:
        await SlackRooms(client).post_reply(REPLY, attempt())
    assert failure.value.retry_after == timedelta(seconds=seconds)


async def test_nobody_listening_is_an_outage(client: AsyncWebClient) -> None:
    client.base_url = "http://127.0.0.1:1/api/"
    with pytest.raises(Unavailable, match="ClientConnectorError"):
        await SlackRooms(client).post_reply(REPLY, attempt())


async def test_a_client_that_retries_by_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="posts twice"):
        SlackRooms(AsyncWebClient(token="xoxb-1"))


async def test_an_edit_replaces_text_and_buttons(client: AsyncWebClient, listener: Listener) -> None:
    await SlackRooms(client).edit_reply(EDIT, attempt(3))
    ((method, sent),) = listener.calls
    assert (method, sent["ts"]) == ("chat.update", "1793707300.000200")
    assert [block["type"] for block in sent["blocks"]] == ["markdown"]


async def test_an_edit_of_a_message_that_is_gone_has_nothing_left_to_do(
    client: AsyncWebClient, listener: Listener
) -> None:
    listener.script("chat.update", refused("message_not_found"))
    await SlackRooms(client).edit_reply(EDIT, attempt())
    assert len(listener.calls) == 1


async def test_the_first_card_is_posted_and_later_ones_edit_it(
    client: AsyncWebClient, listener: Listener
) -> None:
    listener.script("chat.postMessage", POSTED)
    rooms = SlackRooms(client)
    card = await rooms.show_status(CARD, attempt())
    assert await rooms.show_status(replace(CARD, card=card), attempt()) == card
    assert [method for method, _ in listener.calls] == ["chat.postMessage", "chat.update"]


async def test_a_card_that_somebody_deleted_is_posted_anew(
    client: AsyncWebClient, listener: Listener
) -> None:
    listener.script("chat.update", refused("message_not_found"))
    listener.script("chat.postMessage", POSTED)
    assert await SlackRooms(client).show_status(replace(CARD, card="1.000001"), attempt()) == (
        "1793707300.000200"
    )


async def test_a_person_has_a_name_and_perhaps_an_address(client: AsyncWebClient, listener: Listener) -> None:
    profile = {"display_name": "", "real_name": "Jo Doe", "email": "jo@acme.example"}
    listener.script("users.info", Answer({"ok": True, "user": {"name": "jo", "profile": profile}}))
    person = await SlackRooms(client).identify(WHO, attempt())
    assert (person.ref, person.name, person.email) == (WHO.ref, "Jo Doe", "jo@acme.example")


async def test_a_stranger_without_a_profile_has_a_name(client: AsyncWebClient, listener: Listener) -> None:
    stranger = {"id": "U2", "is_stranger": True, "name": "jo", "profile": {"display_name": ""}}
    listener.script("users.info", Answer({"ok": True, "user": stranger}))
    person = await SlackRooms(client).identify(WHO, attempt())
    assert (person.name, person.email) == ("jo", None)


@pytest.mark.parametrize("error", ["user_not_found", "user_not_visible"])
async def test_somebody_slack_does_not_know_is_named_by_id(
    client: AsyncWebClient, listener: Listener, error: str
) -> None:
    listener.script("users.info", refused(error))
    assert (await SlackRooms(client).identify(WHO, attempt())).name == "U2"


async def test_a_permalink_is_none_where_slack_knows_none(client: AsyncWebClient, listener: Listener) -> None:
    link = "https://opendatagov.slack.com/archives/C1/p1793707200000100"
    listener.script(
        "chat.getPermalink", Answer({"ok": True, "permalink": link}), refused("message_not_found")
    )
    rooms = SlackRooms(client)
    assert await rooms.permalink(THREAD) == link
    assert await rooms.permalink(THREAD) is None
    assert await rooms.permalink(replace(THREAD, thread="")) is None
