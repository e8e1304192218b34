from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.core.effects import CommentOnReplica, CreateReplica, TranscriptLine, UpdateReplica
from bot.core.errors import RateLimited, Rejected, Unavailable
from bot.core.events import CommentReceived, StatusReceived
from bot.core.model import (
    INTERNAL,
    OrganisationId,
    Person,
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
from bot.sandbox.zendesk import ZendeskTwin
from handlers.zendesk.desk import ZendeskDesk
from handlers.zendesk.front import ZendeskFront
from handlers.zendesk.parsing import SUBSCRIPTIONS, ZendeskDoor

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ACME = OrganisationId("acme")
ANN = Person(ref=PersonRef(door="slack", workspace="T2", user="U7"), name="Ann Lee", email="ann@acme.example")
BOB = Person(ref=PersonRef(door="slack", workspace="T2", user="U8"), name="Bob", email="bob@acme.example")
SAM = Person(ref=PersonRef(door="slack", workspace="T1", user="U1"), name="Sam", email="sam@us.example")


@dataclass(slots=True)
class SteppedTime:
    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def move(self, span: timedelta) -> None:
        self.at += span


@dataclass(slots=True)
class Inbox:
    """Where the front stores what the twin sends."""

    deliveries: list[Delivery] = field(default_factory=list)
    is_broken: bool = False

    async def accept(self, delivery: Delivery) -> bool:
        if self.is_broken:
            raise OSError("no space left")
        is_new = delivery.id not in {known.id for known in self.deliveries}
        if is_new:
            self.deliveries.append(delivery)
        return is_new

    def events(self) -> list[Any]:
        return [event for delivery in self.deliveries for event in ZendeskDoor().parse(delivery)]


@pytest.fixture
def clock() -> SteppedTime:
    return SteppedTime()


@pytest.fixture
async def twin(clock: SteppedTime) -> AsyncIterator[ZendeskTwin]:
    async with ZendeskTwin(clock, random.Random(7)) as twin:  # noqa: S311 - repeatable on purpose
        yield twin


@pytest.fixture
async def desk(twin: ZendeskTwin, clock: SteppedTime) -> AsyncIterator[ZendeskDesk]:
    acme = twin.add_organisation("Acme")
    async with ZendeskDesk(
        subdomain="opendatagov",
        client_id=twin.client_id,
        client_secret=twin.client_secret,
        time=clock,
        base_url=twin.url,
        organisations={ACME: str(acme.id)},
    ) as desk:
        yield desk


@pytest.fixture
async def inbox(twin: ZendeskTwin, clock: SteppedTime) -> AsyncIterator[Inbox]:
    """The front, with a webhook of the twin subscribed to it."""
    inbox = Inbox()
    app = web.Application()
    app.add_routes(ZendeskFront(inbox.accept, ["whsec"], clock).routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/zendesk/webhooks"
    kinds = [kind.removeprefix("zen:event-type:") for kind in SUBSCRIPTIONS]
    twin.subscribe(url, "whsec", kinds=kinds)
    yield inbox
    await runner.cleanup()


def attempt(key: str = "effect-1", number: int = 1) -> Attempt:
    return Attempt(key=key, number=number, now=START)


def a_create(**changes: Any) -> CreateReplica:
    line = TranscriptLine(author="Ann Lee", role="requester", sent_at=START, text="My key fails")
    effect = CreateReplica(
        ticket=TicketId(12),
        external_id="deskbell-12",
        subject="API key refused",
        transcript=(line,),
        audience=customer(ACME),
        requester=ANN,
        organisation=ACME,
        tier=Tier.ENTERPRISE,
        priority=Priority.P1,
    )
    return replace(effect, **changes)


def a_comment(replica: str, **changes: Any) -> CommentOnReplica:
    effect = CommentOnReplica(
        ticket=TicketId(12),
        text=Text(body="Still failing", audience=customer(ACME)),
        author=ANN,
        author_role="requester",
        replica=replica,
    )
    return replace(effect, **changes)


async def test_a_ticket_arrives_whole(twin: ZendeskTwin, desk: ZendeskDesk) -> None:
    replica = await desk.create(a_create(), attempt())
    ticket = twin.ticket(int(replica))
    requester = twin.user(ticket.requester_id)
    assert (ticket.subject, ticket.external_id, ticket.priority) == (
        "API key refused",
        "deskbell-12",
        "urgent",
    )
    assert (requester.role, requester.external_id, requester.email) == ("end-user", "slack:T2:U7", ANN.email)
    assert ticket.organization_id is not None
    [comment] = twin.comments(int(replica))
    assert comment.public
    assert comment.author_id == requester.id
    assert "My key fails" in comment.body


async def test_an_internal_ticket_starts_with_a_private_comment(twin: ZendeskTwin, desk: ZendeskDesk) -> None:
    replica = await desk.create(a_create(audience=INTERNAL), attempt())
    assert not twin.comments(int(replica))[0].public


@pytest.mark.parametrize(
    "kind", [FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER, FaultKind.MALFORMED_BODY]
)
@pytest.mark.parametrize("wait", [timedelta(0), timedelta(hours=3)])
async def test_a_create_whose_answer_was_lost_makes_one_ticket(
    kind: FaultKind, wait: timedelta, twin: ZendeskTwin, desk: ZendeskDesk, clock: SteppedTime
) -> None:
    twin.faults.fail_next("POST /api/v2/tickets", kind)
    with pytest.raises(Unavailable):
        await desk.create(a_create(), attempt())
    clock.move(wait)
    replica = await desk.create(a_create(), attempt(number=2))
    assert [str(ticket.id) for ticket in twin.tickets()] == [replica]


async def test_a_create_changed_between_two_tries_of_one_key_makes_one_ticket(
    twin: ZendeskTwin, desk: ZendeskDesk
) -> None:
    first = await desk.create(a_create(), attempt())
    again = await desk.create(a_create(subject="Better words"), attempt())
    assert first == again
    assert len(twin.tickets()) == 1


async def test_comments_keep_their_author_and_their_visibility(twin: ZendeskTwin, desk: ZendeskDesk) -> None:
    replica = await desk.create(a_create(), attempt())
    secret = Text(body="psst", audience=INTERNAL)
    ids = [
        await desk.comment(a_comment(replica), attempt("effect-2")),
        await desk.comment(a_comment(replica, author=BOB), attempt("effect-3")),
        await desk.comment(a_comment(replica, author=SAM, author_role="agent"), attempt("effect-4")),
        await desk.comment(
            a_comment(replica, author=SAM, author_role="agent", text=secret), attempt("effect-5")
        ),
    ]
    comments = twin.comments(int(replica))[1:]
    assert [str(comment.id) for comment in comments] == ids
    shown = [(twin.user(c.author_id).name, c.public, c.body) for c in comments]
    assert shown == [
        ("Ann Lee", True, "Still failing"),
        ("Bob", True, "Still failing"),
        ("Deskbell", True, "Sam (via Slack): Still failing"),
        ("Deskbell", False, "Sam (via Slack): psst"),
    ]


@pytest.mark.parametrize(
    "kind", [FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER, FaultKind.MALFORMED_BODY]
)
async def test_a_comment_whose_answer_was_lost_is_said_once(
    kind: FaultKind, twin: ZendeskTwin, desk: ZendeskDesk, clock: SteppedTime
) -> None:
    replica = await desk.create(a_create(), attempt())
    for n in range(60):  # more than a page of audits
        clock.move(timedelta(minutes=1))  # Zendesk takes thirty updates in ten minutes
        await desk.update(an_update(replica, Priority.P1 if n % 2 else Priority.P2), attempt(f"effect-u{n}"))
    twin.faults.fail_next("PUT /api/v2/tickets/*", kind)
    with pytest.raises(Unavailable):
        await desk.comment(a_comment(replica), attempt("effect-2"))
    comment = await desk.comment(a_comment(replica), attempt("effect-2", 2))
    assert [str(c.id) for c in twin.comments(int(replica))[1:]] == [comment]


def an_update(
    replica: str, priority: Priority = Priority.P2, status: TicketStatus = TicketStatus.OPEN
) -> UpdateReplica:
    return UpdateReplica(ticket=TicketId(12), status=status, priority=priority, replica=replica)


async def test_status_and_priority_are_brought_over(twin: ZendeskTwin, desk: ZendeskDesk) -> None:
    replica = await desk.create(a_create(), attempt())
    await desk.update(an_update(replica, Priority.P4, TicketStatus.PENDING), attempt("effect-2"))
    await desk.update(an_update(replica, Priority.P4, TicketStatus.PENDING), attempt("effect-2", 2))
    ticket = twin.ticket(int(replica))
    assert (ticket.status, ticket.priority) == ("pending", "low")


async def test_a_closed_ticket_refuses_for_good(
    twin: ZendeskTwin, desk: ZendeskDesk, clock: SteppedTime
) -> None:
    replica = await desk.create(a_create(), attempt())
    await desk.update(an_update(replica, status=TicketStatus.SOLVED), attempt("effect-2"))
    clock.move(timedelta(days=29))
    await twin.tick()
    with pytest.raises(Rejected, match="422 RecordInvalid status"):
        await desk.comment(a_comment(replica), attempt("effect-3"))
    await desk.update(an_update(replica, status=TicketStatus.CLOSED), attempt("effect-4"))


async def test_a_rate_limit_names_its_pause(twin: ZendeskTwin, desk: ZendeskDesk) -> None:
    twin.faults.fail_next("POST /api/v2/tickets", FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=42))
    with pytest.raises(RateLimited) as caught:
        await desk.create(a_create(), attempt())
    assert caught.value.retry_after == timedelta(seconds=42)


async def test_a_token_is_renewed_when_its_half_hour_is_over(desk: ZendeskDesk, clock: SteppedTime) -> None:
    replica = await desk.create(a_create(), attempt())
    clock.move(timedelta(minutes=31))
    await desk.update(an_update(replica), attempt("effect-2"))


async def test_all_is_well_with_the_twins_credentials(desk: ZendeskDesk) -> None:
    assert await desk.check() == []


# -- webhooks -------------------------------------------------------------------


async def test_an_agents_reply_and_status_come_back_as_events(
    twin: ZendeskTwin, desk: ZendeskDesk, inbox: Inbox
) -> None:
    replica = await desk.create(a_create(), attempt())
    agent = twin.add_agent("Kim", "kim@us.example")
    reply = twin.agent_reply(int(replica), agent, "Rotate the key", status="pending")
    note = twin.agent_reply(int(replica), agent, "They are on the old plan", public=False)
    await twin.settled()

    events = inbox.events()
    comments = [event for event in events if isinstance(event, CommentReceived)]
    assert [(c.comment, c.is_agent, c.is_public, c.text, c.author_name) for c in comments] == [
        (str(reply.id), True, True, "Rotate the key", "Kim"),
        (str(note.id), True, False, "They are on the old plan", "Kim"),
    ]
    assert {c.replica for c in comments} == {replica}
    statuses = [event.status for event in events if isinstance(event, StatusReceived)]
    assert statuses[-1] is TicketStatus.PENDING
    assert all(delivery.lane == f"ticket:{replica}" for delivery in inbox.deliveries)


async def test_our_own_comments_come_back_under_the_id_we_know(
    twin: ZendeskTwin, desk: ZendeskDesk, inbox: Inbox
) -> None:
    replica = await desk.create(a_create(), attempt())
    ours = await desk.comment(a_comment(replica), attempt("effect-2"))
    await twin.settled()
    comments = [event for event in inbox.events() if isinstance(event, CommentReceived)]
    assert [comment.comment for comment in comments] == [ours]  # and not the transcript


async def test_a_broken_store_loses_nothing(
    twin: ZendeskTwin, desk: ZendeskDesk, inbox: Inbox, clock: SteppedTime
) -> None:
    replica = await desk.create(a_create(), attempt())
    await twin.settled()
    inbox.is_broken = True
    twin.agent_reply(int(replica), twin.add_agent("Kim", "kim@us.example"), "Rotate the key")
    await twin.settled()
    inbox.is_broken = False
    clock.move(timedelta(seconds=30))
    await twin.tick()
    assert "Rotate the key" in [getattr(event, "text", "") for event in inbox.events()]


async def test_a_delivery_sent_twice_is_kept_once(twin: ZendeskTwin, desk: ZendeskDesk, inbox: Inbox) -> None:
    replica = await desk.create(a_create(), attempt())
    twin.faults.fail_next("deliver:ticket.comment_added", FaultKind.DUPLICATE)
    twin.agent_reply(int(replica), twin.add_agent("Kim", "kim@us.example"), "Rotate the key")
    await twin.settled()
    texts = [event.text for event in inbox.events() if isinstance(event, CommentReceived)]
    assert texts == ["Rotate the key"]


async def test_twenty_tickets_at_once_are_twenty_tickets(twin: ZendeskTwin, desk: ZendeskDesk) -> None:
    async with asyncio.TaskGroup() as group:
        for n in range(20):
            group.create_task(desk.create(a_create(external_id=f"deskbell-{n}"), attempt(f"effect-{n}")))
    assert sorted(str(t.external_id) for t in twin.tickets()) == sorted(f"deskbell-{n}" for n in range(20))
