"""The last look before an effect is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from core_kit import (
    ACME,
    AGENT,
    CAROL,
    NOON,
    ROOMS,
    ZETA,
    Bench,
    a_message,
    a_room,
    an_address,
    an_answer,
    policies,
)

from bot.core.effects import (
    CommentOnReplica,
    CreateReplica,
    DraftAnswer,
    EditReply,
    Effect,
    IdentifyPerson,
    PostReply,
    Purpose,
    ReplyButton,
    ShowStatus,
    UpdateReplica,
    WithdrawShown,
)
from bot.core.errors import AudienceViolation, NotYet, Rejected
from bot.core.events import Button, ButtonPressed, StatusReceived
from bot.core.model import (
    INTERNAL,
    AnswerMode,
    ConversationId,
    MessageId,
    Person,
    PersonRef,
    Priority,
    RoomKind,
    Shown,
    Text,
    TicketId,
    TicketStatus,
    Tier,
    customer,
)

CONVERSATION = ConversationId(1)
EMERGENCY = "Production is down!"
STRANGER = PersonRef(door="slack", workspace="T_ACME", user="U_DAVE")


async def prepared(bench: Bench, effect: Effect) -> Effect | None:
    async with bench.ledger.reading() as records:
        return await bench.desk.prepare(effect, records, now=bench.now)


def a_reply(purpose: Purpose, **changes: Any) -> PostReply:
    values: dict[str, Any] = {
        "conversation": CONVERSATION,
        "address": an_address(),
        "room": customer(ACME),
        "text": Text(body="Hello", audience=customer(ACME)),
        "purpose": purpose,
        **changes,
    }
    return PostReply(**values)


def a_comment(**changes: Any) -> CommentOnReplica:
    values: dict[str, Any] = {
        "ticket": TicketId(1),
        "text": Text(body="Hello", audience=customer(ACME)),
        "author": Person(ref=STRANGER, name="U_DAVE"),
        "author_role": "requester",
        "said_at": NOON,
        **changes,
    }
    return CommentOnReplica(**values)


def a_draft(*, was_addressed: bool) -> DraftAnswer:
    return DraftAnswer(
        conversation=CONVERSATION,
        question=MessageId(1),
        text="How?",
        reader=customer(ACME),
        tier=Tier.ENTERPRISE,
        was_addressed=was_addressed,
    )


async def an_agent_speaks(bench: Bench) -> None:
    await bench.tell(a_message("I have it.", source="slack:agent", author=AGENT))


# -- floor -------------------------------------------------------------------


@pytest.mark.parametrize("purpose", [Purpose.ANSWER, Purpose.ABSTENTION])
async def test_an_answer_is_said_as_long_as_the_bot_has_the_floor(bench: Bench, purpose: Purpose) -> None:
    await bench.tell(a_message())
    assert await prepared(bench, a_reply(purpose)) == a_reply(purpose)
    await an_agent_speaks(bench)
    assert await prepared(bench, a_reply(purpose)) is None


@pytest.mark.parametrize("purpose", [Purpose.ANSWER, Purpose.ABSTENTION])
async def test_an_answer_to_somebody_who_called_is_said_to_a_taken_floor(
    bench: Bench, purpose: Purpose
) -> None:
    await bench.tell(a_message())
    await an_agent_speaks(bench)
    assert await prepared(bench, a_reply(purpose, was_addressed=True)) is not None


@pytest.mark.parametrize("purpose", [Purpose.NOTICE, Purpose.RELAY])
async def test_what_people_said_and_news_of_tickets_are_always_said(bench: Bench, purpose: Purpose) -> None:
    await bench.tell(a_message())
    await an_agent_speaks(bench)
    assert await prepared(bench, a_reply(purpose)) is not None


async def test_nothing_is_looked_up_for_a_floor_that_is_taken(bench: Bench) -> None:
    await bench.tell(a_message())
    assert await is_wanted(bench, was_addressed=False)
    await an_agent_speaks(bench)
    assert not await is_wanted(bench, was_addressed=False)
    assert await is_wanted(bench, was_addressed=True)


async def is_wanted(bench: Bench, *, was_addressed: bool) -> bool:
    draft = await prepared(bench, a_draft(was_addressed=was_addressed))
    assert isinstance(draft, DraftAnswer)
    return draft.is_wanted


# -- what is seen before it is posted ------------------------------------------


async def test_an_answer_is_shown_to_who_asked_where_the_room_is_open(bench: Bench) -> None:
    await bench.tell(a_message())
    draft = await prepared(bench, a_draft(was_addressed=False))
    assert isinstance(draft, DraftAnswer)
    assert draft.stage is not None
    assert (draft.stage.asker, draft.stage.address, draft.stage.since) == (CAROL, an_address(), NOON)
    assert draft.stage.is_live


@pytest.mark.parametrize(
    "changes",
    [
        {"is_live": False},
        {"mode": AnswerMode.DRAFT},
        {"mode": AnswerMode.OFF},
        {"organisation": ZETA},
    ],
    ids=["told not to", "drafts", "off", "given to others"],
)
async def test_nothing_is_shown_where_the_room_is_not(bench: Bench, changes: dict[str, Any]) -> None:
    await bench.tell(a_message())
    rooms = [replace(room, **changes) if room.room == "C_ACME" else room for room in ROOMS]
    bench.policies = policies(rooms)
    draft = await prepared(bench, a_draft(was_addressed=True))
    assert isinstance(draft, DraftAnswer)
    assert draft.stage is not None
    assert not draft.stage.is_live


async def test_what_was_shown_goes_where_the_answer_is_no_longer_said(bench: Bench) -> None:
    await bench.tell(a_message())
    shown = Shown(message="1.5", since=NOON)
    reply = a_reply(Purpose.ANSWER, shown=shown)
    await an_agent_speaks(bench)
    withdrawn = await prepared(bench, reply)
    assert withdrawn == WithdrawShown(conversation=CONVERSATION, address=reply.address, shown=shown)


async def test_a_ticket_is_not_offered_where_one_was_opened_meanwhile(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    offer = ReplyButton(button=Button.OPEN_TICKET, value="1")
    assert await prepared(bench, a_reply(Purpose.ABSTENTION, buttons=(offer,), was_addressed=True)) is None
    assert await prepared(bench, a_reply(Purpose.ABSTENTION, was_addressed=True)) is not None


# -- rooms -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [PostReply, EditReply])
async def test_the_readers_are_those_whom_the_room_has_now(bench: Bench, kind: type[Any]) -> None:
    await bench.tell(a_message())
    effect = a_reply(Purpose.NOTICE)
    if kind is EditReply:
        effect = EditReply(  # type: ignore[assignment]  # either of the two
            conversation=CONVERSATION,
            address=effect.address,
            room=effect.room,
            message="1.1",
            text=effect.text,
        )
    bench.policies = policies([a_room("C_ACME", RoomKind.CUSTOMER, ZETA), *ROOMS[1:]])

    again = await prepared(bench, effect)
    assert isinstance(again, kind)
    assert again.room == customer(ZETA)
    assert not again.text.audience.may_reach(again.room)


async def test_a_card_is_not_shown_to_a_room_that_was_given_away(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    bench.policies = policies([a_room("C_ACME", RoomKind.CUSTOMER, ZETA), *ROOMS[1:]])
    card = ShowStatus(conversation=CONVERSATION, address=an_address(), room=customer(ACME))
    with pytest.raises(AudienceViolation):
        await prepared(bench, card)


async def test_a_card_says_how_the_ticket_stands_now(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    await bench.tell(StatusReceived(replica="101", status=TicketStatus.HOLD, changed_at=NOON))
    stale = ShowStatus(conversation=CONVERSATION, address=an_address(), room=customer(ACME))

    card = await prepared(bench, stale)
    assert isinstance(card, ShowStatus)
    assert card.view is not None
    assert (card.view.status, card.view.priority, card.card) == (TicketStatus.HOLD, Priority.P1, "card-1")
    assert [clock.state.value for clock in card.view.clocks] == ["running", "paused"]


async def test_there_is_no_card_without_a_ticket(bench: Bench) -> None:
    await bench.tell(a_message())
    card = ShowStatus(conversation=CONVERSATION, address=an_address(), room=customer(ACME))
    assert await prepared(bench, card) is None


# -- escalations -------------------------------------------------------------


def an_escalation(clock: int = 1) -> PostReply:
    button = ReplyButton(button=Button.ACKNOWLEDGE, value=str(clock))
    text = Text(body="It is due.", audience=INTERNAL)
    return a_reply(
        Purpose.ESCALATION, address=an_address("C_OURS", ""), room=INTERNAL, text=text, buttons=(button,)
    )


async def test_an_escalation_is_said_while_the_promise_is_open(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    assert await prepared(bench, an_escalation()) == an_escalation()
    await an_agent_speaks(bench)
    assert await prepared(bench, an_escalation(clock=1)) is None  # the first reply
    assert await prepared(bench, an_escalation(clock=2)) is not None  # the resolution


async def test_an_escalation_that_somebody_has_taken_is_not_said(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    await bench.move(timedelta(hours=3, minutes=30))
    escalation = next(reply for reply in bench.of(PostReply) if reply.purpose is Purpose.ESCALATION)
    press = ButtonPressed(
        button=Button.ACKNOWLEDGE,
        address=escalation.address,
        presser=AGENT,
        value=escalation.buttons[0].value,
        message="unknown",
        pressed_at=bench.now,
    )
    await bench.tell(press)
    assert await prepared(bench, an_escalation(int(escalation.buttons[0].value))) is None


# -- people ------------------------------------------------------------------


async def test_whoever_is_known_is_not_asked_for_again(bench: Bench) -> None:
    await bench.tell(a_message())
    assert await prepared(bench, IdentifyPerson(ref=CAROL, room="C_ACME")) is None
    assert await prepared(bench, IdentifyPerson(ref=STRANGER, room="C_ACME")) is not None


async def test_a_comment_waits_a_moment_for_its_authors_name(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    async with bench.ledger.transaction(now=NOON, cause="being asked") as tx:
        await tx.plan(IdentifyPerson(ref=STRANGER, room="C_ACME"))

    with pytest.raises(NotYet):
        await prepared(bench, a_comment())
    nameless = await prepared(bench, a_comment(said_at=NOON - timedelta(minutes=1)))
    assert isinstance(nameless, CommentOnReplica)  # but no longer than a moment
    assert nameless.author.name == "U_DAVE"


async def test_a_comment_by_somebody_nobody_looks_up_does_not_wait(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    ready = await prepared(bench, a_comment())
    assert isinstance(ready, CommentOnReplica)
    assert (ready.replica, ready.author.name) == ("101", "U_DAVE")


async def test_a_ticket_is_created_with_the_names_learnt_meanwhile(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    (created,) = bench.of(CreateReplica)
    assert created.requester.name == "Carol"
    assert [line.author for line in created.transcript] == ["Carol"]


# -- the desk ----------------------------------------------------------------


@pytest.mark.parametrize(
    "effect",
    [
        a_comment(),
        UpdateReplica(ticket=TicketId(1), status=TicketStatus.OPEN, priority=Priority.P1),
    ],
)
async def test_what_follows_a_ticket_that_was_never_created_is_refused(bench: Bench, effect: Effect) -> None:
    await bench.tell(a_message(EMERGENCY))
    async with bench.ledger.transaction(now=NOON, cause="never heard back") as tx:
        ticket = await tx.ticket(TicketId(1))
        await tx.save_ticket(replace(ticket, replica=None))

    with pytest.raises(Rejected, match="replay its creation first"):
        await prepared(bench, effect)


async def test_an_update_tells_the_status_of_now_and_not_of_when_it_was_planned(bench: Bench) -> None:
    await bench.tell(a_message(EMERGENCY))
    await bench.tell(StatusReceived(replica="101", status=TicketStatus.PENDING, changed_at=NOON))
    stale = UpdateReplica(ticket=TicketId(1), status=TicketStatus.OPEN, priority=Priority.P4)

    assert await prepared(bench, stale) == UpdateReplica(
        ticket=TicketId(1), status=TicketStatus.PENDING, priority=Priority.P1, replica="101"
    )


async def test_an_answer_that_cites_nothing_is_never_posted(bench: Bench) -> None:
    bench.answers = lambda question: replace(an_answer("Because.", question), citations=())
    await bench.tell(a_message())

    (admission,) = bench.of(PostReply)
    assert admission.purpose is Purpose.ABSTENTION
