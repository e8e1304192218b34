"""The three suggestions, in the order of a newcomer's first ten minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.model import PUBLIC, Inquiry, OrganisationId, Tier, customer
from bot.sandbox.page.looking import Look
from bot.sandbox.page.suggesting import (
    EMERGENCY,
    PORTUGUESE,
    QUESTIONS,
    UNKNOWN,
    Situation,
    suggestions,
)
from bot.sandbox.page.views import (
    ButtonView,
    ChannelView,
    ClockView,
    MessageView,
    Persona,
    StepView,
    SwitchState,
    SwitchView,
    TicketView,
    WorkView,
)

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
PEOPLE = {
    key: Persona(key=key, name=name, words="", home=home)
    for key, name, home in (
        ("customer", "Carol", "C1"),
        ("community", "Mia", "C2"),
        ("agent", "Ada", "C1"),
        ("oncall", "Otto", "C3"),
    )
}


def a_situation(**changed: Any) -> Situation:
    start = Situation(
        look=Look(persona=PEOPLE["customer"], channel="C1"),
        now=NOW,
        personas=PEOPLE,
        channels=[],
        rooms={"C1": [], "C2": []},
        top=[],
        thread=[],
        tickets=[],
        ticket=None,
        switches=[],
        work=[],
    )
    return replace(start, **changed)


def a_message(*actions: str, ts: str = "1.1") -> MessageView:
    return MessageView(
        ts=ts,
        author="",
        initials="",
        tint=0,
        badge="",
        at=NOW,
        html="",
        excerpt="",
        buttons=[ButtonView(action=action, label="") for action in actions],
    )


def a_clock(**changed: Any) -> ClockView:
    step = StepView(
        words="Otto Oncall is called (vp engineering)", at=NOW + timedelta(hours=2), is_told=False
    )
    start = ClockView(
        id=1,
        label="First reply",
        state="running",
        is_late=False,
        due_at=NOW + timedelta(hours=4),
        left="",
        used="",
        percent=0,
        steps=[step],
    )
    return replace(start, **changed)


def a_ticket(**changed: Any) -> TicketView:
    start = TicketView(
        id=1,
        label="DB-1",
        subject="",
        status="new",
        priority="P1",
        tier="",
        customer="",
        replica="1",
        replica_status="new",
        channel="C1",
        channel_name="",
        thread="1.1",
        clocks=[a_clock()],
    )
    return replace(start, **changed)


def words(here: Situation) -> list[str]:
    return [one.words for one in suggestions(here)]


def test_at_first_there_is_something_to_ask() -> None:
    assert words(a_situation())[0] == f"As Carol: “{QUESTIONS[0]}”"
    assert len(words(a_situation())) == 3


def test_under_an_answer_a_ticket_can_be_opened() -> None:
    first, second, _ = suggestions(
        a_situation(thread=[a_message(), a_message("helped", "open_ticket", ts="2.2")])
    )

    assert (first.action, first.fields) == ("/press", {"ts": "2.2", "press": "open_ticket"})
    assert second.look.persona == PEOPLE["agent"]


def test_a_ticket_is_answered_or_its_next_step_is_waited_for() -> None:
    ticket = a_ticket()
    first, second, _ = suggestions(a_situation(tickets=[ticket], ticket=ticket))

    assert first.anchor == "reply"
    assert second.words == "Let 2 h pass: Otto Oncall is called (vp engineering)"
    assert second.fields == {"minutes": "120"}


def test_waiting_is_never_too_short_by_a_fraction_of_a_minute() -> None:
    at = NOW + timedelta(minutes=5, seconds=1)
    ticket = a_ticket(clocks=[a_clock(steps=[StepView(words="x", at=at, is_told=False)])])

    assert {"minutes": "6"} in [
        one.fields for one in suggestions(a_situation(tickets=[ticket], ticket=ticket))
    ]


def test_after_the_first_reply_the_status_is_worth_a_look() -> None:
    kept = a_clock(state="met")
    ticket = a_ticket(status="open", clocks=[kept])

    assert words(a_situation(tickets=[ticket], ticket=ticket))[0].startswith("Set DB-1 to pending")


def test_who_is_called_comes_first_and_acknowledges_next() -> None:
    called = a_situation(channels=[ChannelView(id="C3", name="triage", hint="", calls=1)])
    assert words(called)[0].startswith("Become Otto")

    there = replace(called, look=Look(persona=PEOPLE["oncall"], channel="C3"), top=[a_message("acknowledge")])
    assert suggestions(there)[0].fields["press"] == "acknowledge"
    assert not any(one.startswith("Become Otto") for one in words(there))


def test_an_outage_can_be_ended_and_what_waits_is_named() -> None:
    down = SwitchView(key="zendesk", label="", explained="", state=SwitchState.ON)
    waiting = a_ticket(replica=None)

    assert words(a_situation(switches=[down], tickets=[waiting]))[0].endswith("the ticket that waits arrives")
    assert words(a_situation(tickets=[waiting]))[0].startswith("Let 1 min pass")


def test_what_is_parked_can_be_tried_again() -> None:
    row = WorkView(queue="effects", id=7, words="", details="", state="parked", note="")
    first = suggestions(a_situation(work=[row]))[0]

    assert (first.action, first.fields) == ("/replay", {"queue": "effects", "id": "7"})


def test_there_are_always_three() -> None:
    said = {"C1": [a_message()] * 9, "C2": [a_message()]}
    solved = a_ticket(status="solved")

    assert len(words(a_situation(rooms=said, tickets=[solved], ticket=solved))) == 3


@pytest.mark.slow
async def test_the_sample_articles_answer_what_is_suggested(tmp_path: Path) -> None:
    from bot.commands.demo import SAMPLE  # noqa: PLC0415 - only here: it loads the language model
    from bot.wiring import open_knowledge  # noqa: PLC0415 - as above

    acme = customer(OrganisationId("acme"))
    with open_knowledge(tmp_path, refresh_from=[SAMPLE]) as knowledge:
        for question in (*QUESTIONS, EMERGENCY):
            found = await knowledge.answer(Inquiry(text=question, reader=acme, tier=Tier.ENTERPRISE))
            assert found.answer is not None, question
        found = await knowledge.answer(Inquiry(text=PORTUGUESE, reader=PUBLIC, tier=Tier.COMMUNITY))
        assert found.answer is not None
        found = await knowledge.answer(Inquiry(text=UNKNOWN, reader=acme, tier=Tier.ENTERPRISE))
        assert found.answer is None
