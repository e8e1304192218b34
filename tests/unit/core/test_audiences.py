"""Whatever happens in whatever order, nobody reads what was not meant for them."""

from __future__ import annotations

import asyncio
import re
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from core_kit import (
    ACME,
    AGENT,
    CAROL,
    MIA,
    NOON,
    ROOMS,
    ZETA,
    ZOE,
    Bench,
    a_bench,
    a_message,
    a_room,
    an_address,
    an_answer,
    policies,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.effects import CommentOnReplica, CreateReplica, DraftAnswer, EditReply, PostReply, ShowStatus
from bot.core.errors import NotYet
from bot.core.events import Button, ButtonPressed, CommentReceived, StatusReceived
from bot.core.model import (
    INTERNAL,
    PUBLIC,
    Answer,
    Audience,
    AudienceKind,
    OrganisationId,
    RoomKind,
    TicketStatus,
    customer,
)

ROOM_NAMES = ("C_ACME", "C_ZETA", "C_OPEN", "C_OURS", "C_NOWHERE")
PEOPLE = (CAROL, ZOE, MIA, AGENT)
TEXTS = ("How?", "Production is down!", "Please open a ticket.", "Thanks!")
LABEL = re.compile(r"⟦([^⟧]+)⟧")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    room: str
    thread: int
    who: int
    text: int
    is_mention: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    nth: int
    who: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    ticket: int
    is_public: bool
    is_agent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    ticket: int
    status: TicketStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAway:
    """The administrator gives Acme's room to Zeta."""


Step = Said | Pressed | Commented | Turned | Passed | GivenAway

said = st.builds(
    Said,
    room=st.sampled_from(ROOM_NAMES),
    thread=st.integers(1, 2),
    who=st.integers(0, len(PEOPLE) - 1),
    text=st.integers(0, len(TEXTS) - 1),
    is_mention=st.booleans(),
)
steps = st.lists(
    st.one_of(
        said,
        said,
        st.builds(Pressed, nth=st.integers(0, 5), who=st.integers(0, len(PEOPLE) - 1)),
        st.builds(Commented, ticket=st.integers(1, 3), is_public=st.booleans(), is_agent=st.booleans()),
        st.builds(Turned, ticket=st.integers(1, 3), status=st.sampled_from(list(TicketStatus))),
        st.builds(Passed, hours=st.integers(1, 6)),
        st.builds(GivenAway),
    ),
    min_size=2,
    max_size=14,
)


@settings(max_examples=30, deadline=None)
@given(story=steps, has_escalation_room=st.booleans())
def test_no_words_reach_people_they_were_not_meant_for(
    template: Path,
    story: list[Step],
    has_escalation_room: bool,  # noqa: FBT001 - drawn by name
) -> None:
    asyncio.run(_play(template, story, escalations="C_OURS" if has_escalation_room else None))


async def _play(template: Path, story: list[Step], *, escalations: str | None) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "desk.db"
        own = policies(escalations=escalations)
        async with a_bench(template, path, policies=own, answers=_labelled_answer) as bench:
            for number, room in enumerate(ROOM_NAMES[:2], start=100):  # tickets to tell things about
                emergency = Said(room=room, thread=1, who=number - 100, text=1, is_mention=False)
                await _say(bench, emergency, number)
            for number, step in enumerate(story):
                await _take(bench, step, number, escalations)
                _check(bench)


async def _take(bench: Bench, step: Step, number: int, escalations: str | None) -> None:
    match step:
        case Said():
            await _say(bench, step, number)
        case Pressed():
            await _press(bench, step)
        case Commented():
            label = _label_of_ticket(bench, step.ticket) if step.is_public else INTERNAL
            comment = CommentReceived(
                replica=str(100 + step.ticket),
                comment=f"theirs-{number}",
                author_name="Ada" if step.is_agent else "Somebody",
                is_agent=step.is_agent,
                is_public=step.is_public,
                text=f"A comment ⟦{label}⟧",
                written_at=bench.now,
            )
            await _tell_or_wait(bench, comment)
        case Turned():
            await bench.tell(
                StatusReceived(replica=str(100 + step.ticket), status=step.status, changed_at=bench.now)
            )
        case Passed():
            await bench.move(timedelta(hours=step.hours))
        case GivenAway():
            others = [room for room in ROOMS if room.room != "C_ACME"]
            rooms = [*others, a_room("C_ACME", RoomKind.CUSTOMER, ZETA)]
            bench.policies = policies(rooms, escalations=escalations)


async def _say(bench: Bench, step: Said, number: int) -> None:
    address = an_address(step.room, f"{step.thread}.0")
    await bench.tell(
        a_message(
            f"{TEXTS[step.text]} ⟦{bench.policies.room_of(address).audience}⟧",
            address=address,
            source=f"slack:{number}",
            author=PEOPLE[step.who],
            sent_at=bench.now,
            is_mention=step.is_mention,
        )
    )


async def _press(bench: Bench, step: Pressed) -> None:
    async with bench.ledger.reading() as records:
        offered = [reply for reply in bench.of(PostReply) if reply.buttons]
        if not offered:
            return
        reply: PostReply = offered[step.nth % len(offered)]
        ours = [one for one in await records.messages(reply.conversation) if one.text == reply.text]
    button = reply.buttons[-1]
    await bench.tell(
        ButtonPressed(
            button=button.button,
            address=reply.address,
            presser=PEOPLE[step.who],
            value=button.value,
            message=ours[0].source.removeprefix("slack:"),
            pressed_at=bench.now,
        )
    )


async def _tell_or_wait(bench: Bench, comment: CommentReceived) -> None:
    try:
        await bench.tell(comment)
    except NotYet:
        return  # the worker would come back to it


def _labelled_answer(question: DraftAnswer) -> Answer | None:
    return an_answer(f"An answer ⟦{question.reader}⟧", question) if "How" in question.text else None


def _label_of_ticket(bench: Bench, ticket: int) -> Audience:
    created = [effect for effect in bench.of(CreateReplica) if effect.ticket == ticket]
    return created[0].audience if created else INTERNAL


def _check(bench: Bench) -> None:
    for effect in bench.performed:
        match effect:
            case PostReply() | EditReply():
                assert effect.text.audience.may_reach(effect.room)
                _allow(effect.text.body, effect.room)
            case ShowStatus():
                assert effect.view is not None
                _allow(effect.view.subject, effect.room)
            case CommentOnReplica():
                _allow(effect.text.body, effect.text.audience)
            case CreateReplica():
                _allow(effect.subject + "".join(line.text for line in effect.transcript), effect.audience)
            case _:
                pass


def _allow(body: str, room: Audience) -> None:
    for label in LABEL.findall(body):
        assert _audience(label).may_reach(room), f"{body!r} was shown to {room}"


def _audience(label: str) -> Audience:
    kind, _, organisation = label.partition(":")
    return Audience(AudienceKind(kind), OrganisationId(organisation) if organisation else None)


# -- one by one --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "room", "may"),
    [
        (PUBLIC, PUBLIC, True),
        (PUBLIC, customer(ACME), True),
        (PUBLIC, INTERNAL, True),
        (customer(ACME), customer(ACME), True),
        (customer(ACME), INTERNAL, True),
        (customer(ACME), customer(ZETA), False),
        (customer(ACME), PUBLIC, False),
        (INTERNAL, INTERNAL, True),
        (INTERNAL, customer(ACME), False),
        (INTERNAL, PUBLIC, False),
    ],
)
def test_who_may_read_what(text: Audience, room: Audience, *, may: bool) -> None:
    assert text.may_reach(room) is may


def test_exactly_a_customer_audience_names_an_organisation() -> None:
    with pytest.raises(ValueError, match="organisation"):
        Audience(AudienceKind.CUSTOMER)
    with pytest.raises(ValueError, match="organisation"):
        Audience(AudienceKind.PUBLIC, ACME)


async def test_a_reply_to_a_room_that_was_given_away_is_refused(bench: Bench) -> None:
    await bench.tell(a_message("Production is down!"))
    bench.policies = policies([a_room("C_ACME", RoomKind.CUSTOMER, ZETA), *ROOMS[1:]])
    comment = CommentReceived(
        replica="101",
        comment="c1",
        author_name="Ada",
        is_agent=True,
        is_public=True,
        text="Acme's password is swordfish.",
        written_at=NOON,
    )
    await bench.tell(comment)

    relayed, card = bench.refused
    assert isinstance(relayed, PostReply)
    assert "swordfish" in relayed.text.body
    assert isinstance(card, ShowStatus)
    assert not any("swordfish" in effect.text.body for effect in bench.of(PostReply))


async def test_a_thread_from_before_a_room_changed_hands_is_dead(bench: Bench) -> None:
    await bench.tell(a_message("Production is down!"))
    before = list(bench.performed)
    bench.policies = policies([a_room("C_ACME", RoomKind.CUSTOMER, ZETA), *ROOMS[1:]])
    await bench.tell(a_message("Our secret", source="slack:2", author=ZOE, is_mention=True))

    assert bench.performed == before


async def test_a_button_in_a_room_that_changed_hands_restates_nothing(bench: Bench) -> None:
    await bench.tell(a_message("How?", is_mention=True))
    (admission,) = bench.of(PostReply)
    bench.policies = policies([a_room("C_ACME", RoomKind.CUSTOMER, ZETA), *ROOMS[1:]])
    press = ButtonPressed(
        button=Button.HELPED,
        address=admission.address,
        presser=ZOE,
        value="1",
        message="reply-3",
        pressed_at=NOON,
    )
    await bench.tell(press)

    assert bench.of(EditReply) == []
