"""Our door and Slack's twin, over real sockets, with Slack's own client library on our side."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.effects import (
    ClockView,
    EditReply,
    IdentifyPerson,
    PostReply,
    Purpose,
    ReplyButton,
    ShowStatus,
    StatusView,
)
from bot.core.errors import ConfigError, RateLimited, Unavailable
from bot.core.events import Button, ButtonPressed, Event, MessageReceived
from bot.core.model import (
    Address,
    ClockState,
    ConversationId,
    Metric,
    OrganisationId,
    PersonRef,
    Priority,
    Text,
    TicketId,
    TicketStatus,
    Tier,
    customer,
)
from bot.core.ports import Attempt, Delivery
from bot.sandbox.faults import FaultKind
from bot.sandbox.slack import SlackTwin, TwinMessage
from handlers.slack.checking import check
from handlers.slack.client import open_client
from handlers.slack.front import SlackFront
from handlers.slack.parsing import SlackDoor
from handlers.slack.rooms import SlackRooms
from handlers.slack.socket_mode import SlackSocket

ACME = customer(OrganisationId("acme"))
ROOM = "acme-support"


@dataclass
class StoppedTime:
    at: datetime = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass
class Store:
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    is_down: bool = False

    async def accept(self, delivery: Delivery) -> bool:
        if self.is_down:
            raise Unavailable("the database is away")
        is_new = delivery.id not in self.deliveries
        self.deliveries[delivery.id] = delivery
        return is_new

    @property
    def events(self) -> list[Event]:
        door = SlackDoor()
        return [event for delivery in self.deliveries.values() for event in door.parse(delivery)]


@dataclass
class Desk:
    """Everything of ours that talks to Slack, and Slack."""

    twin: SlackTwin
    time: StoppedTime
    store: Store
    client: AsyncWebClient
    rooms: SlackRooms
    front: SlackFront

    @property
    def room_id(self) -> str:
        return self.twin.world.channel(ROOM).id

    def address(self, thread: str) -> Address:
        return Address(door="slack", workspace=self.twin.world.home.id, room=self.room_id, thread=thread)

    def reply(self, thread: str, body: str = "Restart it.", **fields: Any) -> PostReply:
        return PostReply(
            conversation=ConversationId(1),
            address=self.address(thread),
            room=ACME,
            text=Text(body=body, audience=ACME),
            purpose=Purpose.ANSWER,
            **fields,
        )

    def attempt(self, number: int = 1, key: str = "effect-17") -> Attempt:
        return Attempt(key=key, number=number, now=self.time.now())

    def said_by_bot(self, thread: str) -> list[TwinMessage]:
        own = self.twin.world.installation.bot_user_id
        return [message for message in self.twin.thread(ROOM, thread) if message.user == own]


@asynccontextmanager
async def a_desk() -> AsyncIterator[Desk]:
    time, store = StoppedTime(), Store()
    async with SlackTwin(time, random.Random(7)) as twin:  # noqa: S311 - a twin that repeats itself
        app = twin.world.installation
        async with open_client(app.bot_token, base_url=twin.api_url) as client:
            front = SlackFront(accept=store.accept, secrets=[app.signing_secret], client=client, time=time)
            yield Desk(twin, time, store, client, SlackRooms(client), front)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Listening for events over HTTP."""
    async with a_desk() as desk:
        application = web.Application()
        application.add_routes(desk.front.routes())
        async with TestServer(application) as server:
            await desk.twin.subscribe(str(server.make_url("/slack/events")))
            yield desk


async def until(condition: Callable[[], object], timeout: float = 8) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def asked(desk: Desk, text: str = "How do I deploy?") -> str:
    thread = await desk.twin.say("carol", ROOM, text)
    await desk.twin.settled()
    return thread


async def test_a_connect_customers_mention_is_one_message_from_their_workspace(desk: Desk) -> None:
    bot = desk.twin.world.installation.bot_user_id
    thread = await asked(desk, f"<@{bot}> how do I deploy & run <b>?")

    first, second = desk.store.events
    assert isinstance(first, MessageReceived)
    assert first == second
    assert len(desk.store.deliveries) == 2
    assert first.address == desk.address(thread)
    assert first.author.workspace == desk.twin.world.user("carol").team_id != first.address.workspace
    assert (first.text, first.is_mention, first.is_bot) == ("how do I deploy & run <b>?", True, False)


async def test_a_reply_stands_in_the_thread_and_its_button_works_for_the_customer(desk: Desk) -> None:
    thread = await asked(desk)
    offer = ReplyButton(button=Button.OPEN_TICKET, value="7")
    ts = await desk.rooms.post_reply(desk.reply(thread, buttons=(offer,)), desk.attempt())

    assert (await desk.twin.press("carol", ROOM, ts, "open_ticket")).ok

    await desk.twin.settled()
    (pressed,) = [event for event in desk.store.events if isinstance(event, ButtonPressed)]
    assert (pressed.button, pressed.value, pressed.message) == (Button.OPEN_TICKET, "7", ts)
    assert pressed.address == desk.address(thread)
    carol = desk.twin.world.user("carol")
    assert pressed.presser == PersonRef(door="slack", workspace=carol.team_id, user=carol.id)


async def test_our_own_echo_is_a_programs(desk: Desk) -> None:
    thread = await asked(desk)
    await desk.rooms.post_reply(desk.reply(thread), desk.attempt())
    await desk.twin.settled()
    _, echo = desk.store.events
    assert isinstance(echo, MessageReceived)
    assert echo.is_bot


async def test_a_preview_and_an_edit_are_no_new_message(desk: Desk) -> None:
    thread = await asked(desk)
    await desk.twin.unfurl(ROOM, thread)
    await desk.twin.edit("carol", ROOM, thread, "How do I deploy it?")
    await desk.twin.settled()
    assert len(desk.store.deliveries) == 3
    assert len(desk.store.events) == 1


async def test_what_was_not_stored_comes_again(desk: Desk) -> None:
    desk.store.is_down = True
    await asked(desk)
    assert desk.store.deliveries == {}
    desk.store.is_down = False
    await until(lambda: desk.twin.next_retry_at is not None)
    desk.time.at += timedelta(minutes=6)
    await desk.twin.tick()
    await desk.twin.settled()
    assert len(desk.store.events) == 1


@pytest.mark.parametrize("fault", [FaultKind.TIMEOUT_AFTER, FaultKind.MALFORMED_BODY])
async def test_a_reply_whose_answer_was_lost_is_said_once(desk: Desk, fault: FaultKind) -> None:
    thread = await asked(desk)
    desk.twin.faults.fail_next("chat.postMessage", fault)
    with pytest.raises(Unavailable):
        await desk.rooms.post_reply(desk.reply(thread), desk.attempt(1))

    ts = await desk.rooms.post_reply(desk.reply(thread), desk.attempt(2))

    assert [message.ts for message in desk.said_by_bot(thread)] == [ts]


async def test_a_reply_that_never_arrived_is_said_at_the_second_attempt(desk: Desk) -> None:
    thread = await asked(desk)
    desk.twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_BEFORE)
    with pytest.raises(Unavailable):
        await desk.rooms.post_reply(desk.reply(thread), desk.attempt(1))
    await desk.rooms.post_reply(desk.reply(thread), desk.attempt(2))
    assert len(desk.said_by_bot(thread)) == 1


async def test_a_lost_answer_is_found_behind_a_page_of_other_messages(desk: Desk) -> None:
    thread = await asked(desk)
    for number in range(20):
        await desk.twin.say("carol", ROOM, f"more {number}", thread)
    desk.twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER)
    with pytest.raises(Unavailable):
        await desk.rooms.post_reply(desk.reply(thread), desk.attempt(1))
    await desk.rooms.post_reply(desk.reply(thread), desk.attempt(2))
    assert len(desk.said_by_bot(thread)) == 1


async def test_a_lost_top_level_message_is_found_in_the_channel(desk: Desk) -> None:
    desk.twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER)
    with pytest.raises(Unavailable):
        await desk.rooms.post_reply(desk.reply(""), desk.attempt(1))
    ts = await desk.rooms.post_reply(desk.reply(""), desk.attempt(2))
    assert [message.ts for message in desk.twin.history(ROOM)] == [ts]


async def test_a_rate_limit_is_slacks_own_figure(desk: Desk) -> None:
    thread = await asked(desk)
    limit = timedelta(seconds=12)
    desk.twin.faults.fail_next("chat.postMessage", FaultKind.RATE_LIMITED, retry_after=limit)
    with pytest.raises(RateLimited) as failure:
        await desk.rooms.post_reply(desk.reply(thread), desk.attempt())
    assert failure.value.retry_after == limit


async def test_nobodys_words_notify_a_channel(desk: Desk) -> None:
    thread = await asked(desk)
    body = "<!channel> <@U0OTTO> @here look"
    await desk.rooms.post_reply(desk.reply(thread, body), desk.attempt())
    (said,) = desk.said_by_bot(thread)
    assert "<!" not in f"{said.text}{said.blocks}"
    assert "<@" not in f"{said.text}{said.blocks}"


async def test_an_edit_takes_the_buttons_away(desk: Desk) -> None:
    thread = await asked(desk)
    offer = ReplyButton(button=Button.HELPED, value="7")
    ts = await desk.rooms.post_reply(desk.reply(thread, buttons=(offer,)), desk.attempt())
    edit = EditReply(
        conversation=ConversationId(1),
        address=desk.address(thread),
        room=ACME,
        message=ts,
        text=Text(body="Restart it. _Helpful._", audience=ACME),
    )
    for number in (1, 2):
        await desk.rooms.edit_reply(edit, desk.attempt(number))
    (said,) = desk.said_by_bot(thread)
    assert said.buttons == ()
    assert "Helpful" in said.text


async def test_one_card_is_edited_in_place_and_posted_anew_when_deleted(desk: Desk) -> None:
    thread = await asked(desk)
    clock = ClockView(
        metric=Metric.FIRST_REPLY_TIME,
        state=ClockState.RUNNING,
        due_at=desk.time.now() + timedelta(minutes=30),
        ended_at=None,
    )
    view = StatusView(
        ticket=TicketId(12),
        subject="How do I deploy?",
        status=TicketStatus.NEW,
        priority=Priority.P2,
        tier=Tier.ENTERPRISE,
        assignee=None,
        has_replica=False,
        clocks=(clock,),
    )
    show = ShowStatus(conversation=ConversationId(1), address=desk.address(thread), room=ACME, view=view)
    card = await desk.rooms.show_status(show, desk.attempt())
    solved = replace(show, card=card, view=replace(view, status=TicketStatus.SOLVED))
    assert await desk.rooms.show_status(solved, desk.attempt(key="effect-18")) == card
    (said,) = desk.said_by_bot(thread)
    assert "Solved" in said.text

    await desk.client.chat_delete(channel=desk.room_id, ts=card)
    anew = await desk.rooms.show_status(solved, desk.attempt(key="effect-19"))
    assert anew != card
    assert [message.ts for message in desk.said_by_bot(thread)] == [anew]


async def test_a_connect_customer_has_a_name_and_a_thread_a_link(desk: Desk) -> None:
    thread = await asked(desk)
    carol = desk.twin.world.user("carol")
    who = IdentifyPerson(
        ref=PersonRef(door="slack", workspace=carol.team_id, user=carol.id), room=desk.room_id
    )
    person = await desk.rooms.identify(who, desk.attempt())
    assert person.ref == who.ref
    assert "carol" in person.name.lower()
    link = await desk.rooms.permalink(desk.address(thread))
    assert link is not None
    assert link.startswith("https://")


async def test_the_twins_app_has_every_scope_we_need(desk: Desk) -> None:
    assert await check(desk.client) == []


# -- Socket Mode --


@asynccontextmanager
async def connected(desk: Desk) -> AsyncIterator[asyncio.Task[None]]:
    desk.twin.use_socket_mode()
    socket = SlackSocket(
        desk.front.bolt,
        app_token=desk.twin.world.installation.app_token,
        check_every=timedelta(milliseconds=50),
        ping_every=timedelta(seconds=1),
    )
    stop = asyncio.Event()
    running = asyncio.create_task(socket.run(stop))
    try:
        await until(lambda: desk.twin.sockets.count or running.done())
        yield running
    finally:
        stop.set()
        await running


@pytest.fixture
async def behind_a_firewall() -> AsyncIterator[Desk]:
    """Reachable by nobody."""
    async with a_desk() as desk:
        yield desk


async def test_socket_mode_stores_what_http_would(behind_a_firewall: Desk) -> None:
    desk = behind_a_firewall
    async with connected(desk):
        thread = await asked(desk)
        await until(lambda: desk.store.deliveries)
        offer = ReplyButton(button=Button.HELPED, value="7")
        ts = await desk.rooms.post_reply(desk.reply(thread, buttons=(offer,)), desk.attempt())
        assert (await desk.twin.press("carol", ROOM, ts, "helped")).ok
        await desk.twin.settled()
    heard, _, pressed = desk.store.events
    assert isinstance(heard, MessageReceived)
    assert heard.address == desk.address(thread)
    assert isinstance(pressed, ButtonPressed)
    assert desk.twin.sockets.count == 0


async def test_an_envelope_is_acknowledged_only_once_it_is_stored(behind_a_firewall: Desk) -> None:
    desk = behind_a_firewall
    async with connected(desk):
        thread = await asked(desk)
        ts = await desk.rooms.post_reply(
            desk.reply(thread, buttons=(ReplyButton(button=Button.HELPED, value="7"),)), desk.attempt()
        )
        await desk.twin.settled()
        desk.twin.sockets.ack_within = timedelta(milliseconds=300)
        desk.store.is_down = True
        assert not (await desk.twin.press("carol", ROOM, ts, "helped")).ok
        desk.store.is_down = False
        assert (await desk.twin.press("carol", ROOM, ts, "helped")).ok


async def test_a_refresh_opens_a_new_connection(behind_a_firewall: Desk) -> None:
    desk = behind_a_firewall
    async with connected(desk):
        await desk.twin.sockets.ask_to_refresh()
        await until(lambda: desk.twin.sockets.count == 1)
        await asked(desk)
        await until(lambda: desk.store.deliveries)


async def test_a_client_whose_tasks_died_is_built_anew(behind_a_firewall: Desk) -> None:
    desk = behind_a_firewall
    async with connected(desk):
        for task in asyncio.all_tasks():
            coroutine = task.get_coro()
            if "SocketModeClient" in getattr(coroutine, "__qualname__", ""):
                task.cancel()
        await until(lambda: desk.twin.sockets.count == 0)
        await until(lambda: desk.twin.sockets.count == 1)
        await asked(desk)
        await until(lambda: desk.store.deliveries)


async def test_a_restart_at_slacks_end_is_survived(behind_a_firewall: Desk) -> None:
    desk = behind_a_firewall
    async with connected(desk):
        port = int(desk.twin.base_url.rpartition(":")[2])
        await desk.twin.stop()
        await desk.twin.start(port=port)
        await until(lambda: desk.twin.sockets.count == 1)
        await asked(desk)
        await until(lambda: desk.store.deliveries)


async def test_a_refused_app_token_is_one_sentence(behind_a_firewall: Desk) -> None:
    desk = behind_a_firewall
    socket = SlackSocket(desk.front.bolt, app_token="xapp-wrong")
    with pytest.raises(ConfigError, match=r"SLACK_APP_TOKEN was refused by Slack \(.*invalid_auth"):
        await socket.run(asyncio.Event())
