"""Every sentence that people read, word for word: a change here is a change of what customers see."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest
from core_kit import ACME, CAROL, NOON
from hypothesis import given
from hypothesis import strategies as st

from bot.core import draft_replies, replies
from bot.core.auditing import Fault, Flaw
from bot.core.model import (
    PUBLIC,
    AnswerId,
    AnswerState,
    Citation,
    Clock,
    ClockId,
    ClockState,
    ConversationId,
    Correction,
    GivenAnswer,
    MessageId,
    Metric,
    Priority,
    ProductArea,
    Segment,
    SegmentKind,
    Terms,
    Text,
    Ticket,
    TicketId,
    TicketStatus,
    Tier,
)
from bot.core.policies import Calendar

TICKET = Ticket(
    id=TicketId(12),
    conversation=ConversationId(1),
    subject="Production is down!",
    requester=CAROL,
    organisation=ACME,
    tier=Tier.ENTERPRISE,
    priority=Priority.P1,
    status=TicketStatus.NEW,
    opened_at=NOON,
)
CITED = (
    Citation(path="setup/datahub.md", heading="Connect DataHub", url="https://docs.example/datahub"),
    Citation(path="setup/offline.md", heading="", url=""),
)


TERMS = Terms(
    policy="test@1",
    tier=Tier.ENTERPRISE,
    priority=Priority.P1,
    target=timedelta(hours=4),
    calendar=Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True),
)


def a_clock(**changes: Any) -> Clock:
    values: dict[str, Any] = {
        "id": ClockId(1),
        "ticket": TICKET.id,
        "metric": Metric.FIRST_REPLY_TIME,
        "policy": "test@1",
        "calendar": "24x7",
        "target": timedelta(hours=4),
        "warn_percent": 80,
        "steps": (),
        "started_at": NOON,
        "segments": (Segment(kind=SegmentKind.RUNNING, started_at=NOON, terms=TERMS),),
        "state": ClockState.RUNNING,
        "due_at": NOON + timedelta(hours=4),
        "warning_at": NOON + timedelta(hours=3),
        **changes,
    }
    return Clock(**values)


GIVEN = GivenAnswer(
    id=AnswerId(7),
    conversation=ConversationId(1),
    question=MessageId(3),
    text=Text(body="Set the URL.", audience=PUBLIC),
    citations=CITED,
    confidence=0.82,
    state=AnswerState.DRAFT,
    given_at=NOON,
)


def escalated(hours: float, *, is_internal: bool = True, **changes: Any) -> str:
    now = NOON + timedelta(hours=hours)
    return replies.escalated(TICKET, a_clock(**changes), now=now, is_internal=is_internal)


SENTENCES: dict[str, tuple[str, str]] = {
    "ticket_label": (replies.ticket_label(12), "DB-12"),
    "answered": (
        replies.answered("Set the URL.", CITED),
        (
            "Set the URL.\n\n**Sources**\n"
            "1. [Connect DataHub](https://docs.example/datahub)\n"
            "2. setup/offline.md"
        ),
    ),
    "not_helped": (
        replies.not_helped("Said.", is_offered=True),
        ("Said.\n\n_Marked as not helpful — sorry._ Shall I open a ticket, so that a person looks at it?"),
    ),
    "not_helped under a ticket": (
        replies.not_helped("Said.", is_offered=False),
        "Said.\n\n_Marked as not helpful — sorry._",
    ),
    "drafted": (
        draft_replies.drafted("how?\n*now*", GIVEN, "acme"),
        (
            "**Draft answer** · acme · 82% sure\n> how?\n> \\*now\\*\n\nSet the URL.\n\n**Sources**\n"
            "1. [Connect DataHub](https://docs.example/datahub)\n"
            "2. setup/offline.md"
        ),
    ),
    "ticket_corrected": (
        replies.ticket_corrected(12, Correction(text="", product_area=ProductArea.LINEAGE, priority=None)),
        "DB-12 is Lineage now. I will remember it for messages like this one.",
    ),
    "no_ticket_to_correct": (
        replies.no_ticket_to_correct(),
        "There is no ticket for this thread yet.",
    ),
    "draft_used": (draft_replies.draft_used("Said.", "otto"), "Said.\n\n_Posted by otto._"),
    "draft_ignored": (draft_replies.draft_ignored("Said.", "otto"), "Said.\n\n_Ignored by otto._"),
    "draft_withdrawn": (
        draft_replies.draft_withdrawn("Said."),
        "Said.\n\n_Withdrawn: an article that this rested on has changed._",
    ),
    "taken_back": (replies.taken_back(), "_We have taken this answer back: it was not right._"),
    "nothing_to_take_back": (
        replies.nothing_to_take_back(),
        "There is no answer of mine in this thread that could be taken back.",
    ),
    "passed_on": (
        draft_replies.passed_on(),
        "I have passed this on to the team. Somebody will answer here.",
    ),
    "corrected": (
        replies.corrected("Said.", NOON),
        f"Said.\n\n_Corrected on {NOON:%Y-%m-%d}: the article this rested on has changed._",
    ),
    "withdrawn": (
        replies.withdrawn(),
        (
            "_I have withdrawn this answer: the article it rested on has changed, "
            "and I no longer find an answer that I could cite._"
        ),
    ),
    "not_known": (
        replies.not_known(),
        (
            "I could not find this in our documentation, so I will not guess. "
            "Shall I open a ticket, so that a person looks at it?"
        ),
    ),
    "not_known without an offer": (
        replies.not_known(is_offered=False),
        "I could not find this in our documentation, so I will not guess.",
    ),
    "not_known under a ticket": (
        replies.not_known(12),
        (
            "I could not find this in our documentation, so I will not guess. "
            "The people who work on DB-12 will see your question."
        ),
    ),
    "helped": (replies.helped("Set the URL."), "Set the URL.\n\n_Marked as helpful — thank you._"),
    "ticket_opened": (
        replies.ticket_opened("Set the URL.", 12),
        "Set the URL.\n\n_DB-12 was opened for this thread._",
    ),
    "ticket_stands": (
        replies.ticket_stands(12),
        "DB-12 is already open for this thread; what you write here reaches the team.",
    ),
    "ticket_closed": (
        replies.ticket_closed(12),
        (
            "DB-12 is closed, and nothing can be added to it any more. "
            "Please write a new message in this channel, and we will look at it afresh."
        ),
    ),
    "with_files": (replies.with_files("See here.", ("a.log", "b.png")), "See here.\n\nFiles: a.log, b.png"),
    "with_files and no words": (replies.with_files("", ("a.log",)), "Files: a.log"),
    "with_files and no files": (replies.with_files("See here.", ()), "See here."),
    "relayed": (replies.relayed("Ada", "Which version?", is_ours=True), "**Ada**: Which version?"),
    "escalated among ourselves": (
        escalated(3.25),
        (
            "**DB-12** · acme · P1 · Production is down!\n"
            "The first reply is due at 2026-11-24 16:00 UTC, in 45 min. Please take it."
        ),
    ),
    "escalated to everybody in the thread": (
        escalated(3.25, is_internal=False),
        (
            "**DB-12** · P1 · Production is down!\n"
            "The first reply is due at 2026-11-24 16:00 UTC, in 45 min. Please take it."
        ),
    ),
    "escalated too late": (
        escalated(5.5, metric=Metric.RESOLUTION_TIME),
        (
            "**DB-12** · acme · P1 · Production is down!\n"
            "The resolution was due at 2026-11-24 16:00 UTC, 1 h 30 min ago. Please take it now."
        ),
    ),
    "escalated when somebody has it": (
        escalated(4, acknowledged_by="Otto"),
        (
            "**DB-12** · acme · P1 · Production is down!\n"
            "The first reply was due at 2026-11-24 16:00 UTC, 0 s ago. Otto has it."
        ),
    ),
    "escalated again, with a note": (
        replies.escalated(TICKET, a_clock(), now=NOON, is_internal=True, round_=2, notes=["_A note._"]),
        (
            "**DB-12** · acme · P1 · Production is down!\n"
            "The first reply is due at 2026-11-24 16:00 UTC, in 4 h. Please take it. (Reminder 2.)\n"
            "_A note._"
        ),
    ),
    "escalated where customers read": (
        replies.escalated(TICKET, a_clock(), now=NOON, is_internal=False, notes=["_A note._"]),
        (
            "**DB-12** · P1 · Production is down!\n"
            "The first reply is due at 2026-11-24 16:00 UTC, in 4 h. Please take it."
        ),
    ),
    "acknowledged": (replies.acknowledged("It is due.", "Otto"), "It is due.\n\n_Acknowledged by Otto._"),
    "snoozed": (
        replies.snoozed("It is due.", "Otto", NOON),
        "It is due.\n\n_Snoozed by Otto until 12:00 UTC._",
    ),
    "called_too": (
        replies.called_too(["PagerDuty", "webhook ops"]),
        "_Told, too: PagerDuty, webhook ops._",
    ),
    "without_csm": (replies.without_csm("Acme"), "_Acme has no CSM; the manager is called instead._"),
    "without_csm and no customer": (
        replies.without_csm(None),
        "_This customer has no CSM; the manager is called instead._",
    ),
    "gone": (
        replies.gone("webhook:old"),
        "_webhook:old is not configured any more; the fallback is called._",
    ),
    "stood_in and alert_failed": (
        replies.stood_in(TICKET, replies.alert_failed("PagerDuty", "PagerDuty answered 400")),
        "**DB-12** · acme · P1 · Production is down!\n_PagerDuty could not be told: PagerDuty answered 400._",
    ),
    "alert_failed": (replies.alert_failed("x", "it answered 404"), "_x could not be told: it answered 404._"),
    "audited": (
        replies.audited(
            [
                *(Flaw(clock=ClockId(1), ticket=TicketId(n), fault=Fault.NO_TIMER) for n in range(1, 11)),
                *[Flaw(clock=ClockId(9), ticket=TicketId(99), fault=Fault.UNREADABLE)] * 2,
            ]
        ),
        (
            "**The audit of promises found something wrong**\n"
            "- DB-99: what is stored of a promise makes no sense. Somebody has to look at it.\n"
            + "".join(f"- DB-{n}: a promise had no timer. It is mended.\n" for n in range(1, 10))
            + "- and 1 more"
        ),
    ),
    "audit_silent": (
        replies.audit_silent(NOON),
        (
            "**No audit of the promises has passed since 2026-11-24 12:00 UTC.** Escalations may be late or "
            "missing: look at the log for `audit_flaw` and `audit_failed`."
        ),
    ),
    "audit_silent from the start": (
        replies.audit_silent(None),
        (
            "**No audit of the promises has passed since the start.** Escalations may be late or "
            "missing: look at the log for `audit_flaw` and `audit_failed`."
        ),
    ),
    "alert_late": (
        replies.alert_late("PagerDuty", timedelta(minutes=5)),
        "_PagerDuty has not answered for 5 min; it is tried again._",
    ),
    "with_link": (
        replies.with_link("It is due.", "https://slack.example/p1"),
        "It is due.\n[Open the thread](https://slack.example/p1)",
    ),
    "with_link and no link": (replies.with_link("It is due.", None), "It is due."),
}
ELSEWHERE = {
    "alert_summary",
    "plain",
    "subject_of",
    "in_hours",
    "spoken",
    "restated",
}  #: below, or no sentence


@pytest.mark.parametrize("name", SENTENCES)
def test_what_people_read(name: str) -> None:
    said, expected = SENTENCES[name]
    assert said == expected


def test_every_sentence_is_looked_at() -> None:
    written = {
        name
        for module in (replies, draft_replies)
        for name, one in inspect.getmembers(module, inspect.isfunction)
        if one.__module__ == module.__name__ and not name.startswith("_")
    }
    assert written == {name.split()[0] for name in SENTENCES} | ELSEWHERE


def test_what_the_customer_reads_names_no_organisation() -> None:
    assert "acme" not in escalated(5, is_internal=False)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=-5), "0 s"),
        (timedelta(milliseconds=1900), "1 s"),
        (timedelta(seconds=40), "40 s"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=5, seconds=7), "5 min 7 s"),
        (timedelta(hours=2, minutes=5, seconds=59), "2 h 5 min"),
        (timedelta(hours=2, seconds=59), "2 h"),
        (timedelta(days=1, seconds=30), "1 d"),
        (timedelta(days=3, hours=4, minutes=59), "3 d 4 h"),
        (timedelta(days=400), "400 d"),
    ],
)
def test_a_span_as_people_say_it(span: timedelta, words: str) -> None:
    assert replies.spoken(span) == words


@given(span=st.timedeltas(timedelta(0), timedelta(days=1000)))
def test_a_spoken_span_is_never_more_than_the_span(span: timedelta) -> None:
    units = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
    words = replies.spoken(span).split()
    pairs = zip(words[::2], words[1::2], strict=True)
    said = sum((int(count) * units.get(unit, timedelta(seconds=1)) for count, unit in pairs), timedelta(0))
    largest = max((unit for unit in units.values() if unit <= span), default=timedelta(seconds=1))
    assert said <= span
    assert span - said < largest


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("", "(no text)"),
        (" \n\t\n", "(no text)"),
        ("How do I connect DataHub?", "How do I connect DataHub?"),
        ("\n\n  It is down.  \nSince noon.", "It is down."),
        ("x" * 120, "x" * 120),
        ("x" * 121, "x" * 119 + "…"),
        ("word " * 40, ("word " * 24).strip()[:119].rstrip() + "…"),
    ],
)
def test_a_ticket_is_named_after_the_first_line_that_says_something(text: str, subject: str) -> None:
    assert replies.subject_of(text) == subject


@given(text=st.text())
def test_a_subject_is_one_line_that_fits(text: str) -> None:
    subject = replies.subject_of(text)
    assert 0 < len(subject) <= replies.SUBJECT_LENGTH
    assert len(subject.splitlines()) == 1


def test_other_words_have_the_same_readers() -> None:
    text = Text(body="a", audience=PUBLIC)
    assert replies.restated(text, "b") == Text(body="b", audience=PUBLIC)
