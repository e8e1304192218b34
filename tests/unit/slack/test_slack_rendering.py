from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.effects import (
    ClockView,
    EditReply,
    InsideView,
    PostReply,
    Purpose,
    ReplyButton,
    ShowStatus,
    StatusView,
)
from bot.core.events import Button
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
from handlers.slack.cards import render_card, render_card_edit
from handlers.slack.rendering import MARKDOWN_LIMIT, render_edit, render_reply

SNAPSHOTS = Path(__file__).resolve().parents[2] / "snapshots" / "slack"
NOW = datetime(2026, 11, 3, 14, 0, tzinfo=UTC)
ACME = customer(OrganisationId("acme"))
THREAD = Address(door="slack", workspace="T1", room="C1", thread="1793707200.000100")

ANSWER = PostReply(
    conversation=ConversationId(1),
    address=THREAD,
    room=ACME,
    text=Text(
        body="Set `replicas: 2` & restart.\n\n**Sources**\n1. [Scaling](https://docs.example/scaling)",
        audience=ACME,
    ),
    purpose=Purpose.ANSWER,
    buttons=(
        ReplyButton(button=Button.HELPED, value="7"),
        ReplyButton(button=Button.OPEN_TICKET, value="7"),
    ),
)
ESCALATION = PostReply(
    conversation=ConversationId(1),
    address=replace(THREAD, room="C_ONCALL", thread=""),
    room=ACME,
    text=Text(body="**DB-12** · P1 · It is down\nThe first reply is due.", audience=ACME),
    purpose=Purpose.ESCALATION,
    buttons=(ReplyButton(button=Button.ACKNOWLEDGE, value="3"),),
    mentions=(
        PersonRef(door="slack", workspace="T1", user="U1"),
        PersonRef(door="slack", workspace="T1", user="U2"),
        PersonRef(door="slack", workspace="T1", user="U1"),
        PersonRef(door="slack", workspace="T1", user="!channel"),
    ),
)
RELAY = replace(
    ANSWER,
    text=Text(body="**Jo <!here>**: <@U666> look, @channel & <b>", audience=ACME),
    purpose=Purpose.RELAY,
    buttons=(),
)
EDIT = EditReply(
    conversation=ConversationId(1),
    address=THREAD,
    room=ACME,
    message="1793707300.000200",
    text=Text(body="Set `replicas: 2`.\n\n_Marked as helpful — thank you._", audience=ACME),
)
VIEW = StatusView(
    ticket=TicketId(12),
    subject="It is <down> & @here nobody <!channel> answers",
    status=TicketStatus.OPEN,
    priority=Priority.P1,
    tier=Tier.ENTERPRISE,
    assignee=None,
    has_replica=True,
    clocks=(),
)


def clock(metric: Metric, state: ClockState, *, due: timedelta, ended: timedelta | None = None) -> ClockView:
    return ClockView(
        metric=metric,
        state=state,
        due_at=NOW + due,
        ended_at=None if ended is None else NOW + ended,
        left=max(due, timedelta(0)),
    )


def shown(view: StatusView) -> ShowStatus:
    return ShowStatus(conversation=ConversationId(1), address=THREAD, room=ACME, view=view)


RUNNING = replace(
    VIEW,
    clocks=(
        clock(Metric.FIRST_REPLY_TIME, ClockState.RUNNING, due=timedelta(minutes=30)),
        clock(Metric.RESOLUTION_TIME, ClockState.RUNNING, due=timedelta(hours=4)),
    ),
)
WARNED = replace(
    VIEW,
    clocks=(
        replace(
            clock(Metric.RESOLUTION_TIME, ClockState.RUNNING, due=timedelta(hours=40)),
            left=timedelta(hours=3),
            is_warned=True,
            is_open=False,
            is_always_open=False,
        ),
        clock(Metric.NEXT_REPLY_TIME, ClockState.PAUSED, due=timedelta(hours=2)),
    ),
)
INSIDE = replace(
    RUNNING,
    inside=InsideView(
        organisation="Acme & <Sons>",
        requester="Carol <!here>",
        product_area="GPU Cluster",
        next_steps=(
            (NOW + timedelta(minutes=10), ("manager", "pagerduty")),
            (NOW + timedelta(hours=1), ("vp_engineering",)),
        ),
        acknowledged_by="Dana *D*",
        link="https://acme.slack.com/archives/C0ACME/p1793707200000100",
    ),
)
OVERDUE = replace(
    VIEW, clocks=(clock(Metric.FIRST_REPLY_TIME, ClockState.RUNNING, due=timedelta(minutes=-5)),)
)
SETTLED = replace(
    VIEW,
    status=TicketStatus.PENDING,
    assignee="Jo *Doe* <@U1>",
    clocks=(
        clock(
            Metric.FIRST_REPLY_TIME,
            ClockState.MET,
            due=timedelta(minutes=30),
            ended=timedelta(minutes=10),
        ),
        clock(Metric.NEXT_REPLY_TIME, ClockState.BREACHED, due=timedelta(hours=1), ended=timedelta(hours=2)),
        clock(Metric.RESOLUTION_TIME, ClockState.PAUSED, due=timedelta(hours=4)),
        clock(Metric.RESOLUTION_TIME, ClockState.CANCELLED, due=timedelta(hours=4)),
    ),
)

RENDERED = {
    "answer": render_reply(ANSWER, key="effect-17"),
    "escalation": render_reply(ESCALATION, key="effect-18"),
    "relay": render_reply(RELAY, key="effect-19"),
    "edit": render_edit(EDIT),
    "card_running": render_card(shown(RUNNING), RUNNING, key="effect-20", now=NOW),
    "card_overdue": render_card_edit(shown(OVERDUE), OVERDUE, card="1793707400.000300", now=NOW),
    "card_warned_and_closed": render_card_edit(shown(WARNED), WARNED, card="1793707400.000300", now=NOW),
    "card_inside": render_card(shown(INSIDE), INSIDE, key="effect-21", now=NOW),
    "card_settled": render_card_edit(shown(SETTLED), SETTLED, card="1793707400.000300", now=NOW),
}


@pytest.mark.parametrize("name", RENDERED)
def test_rendering_is_as_it_was_reviewed(name: str) -> None:
    """Set UPDATE_SNAPSHOTS=1 to write what is rendered now, and review the difference."""
    path = SNAPSHOTS / f"{name}.json"
    rendered = json.dumps(RENDERED[name], indent=2, ensure_ascii=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(rendered)
    assert rendered == path.read_text()


def test_every_snapshot_is_rendered_by_something() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == set(RENDERED)


def markdown_of(rendered: dict[str, Any]) -> str:
    (block,) = [block for block in rendered["blocks"] if block["type"] == "markdown"]
    text = block["text"]
    assert isinstance(text, str)
    return text


def said(body: str) -> dict[str, Any]:
    return render_reply(replace(ANSWER, text=Text(body=body, audience=ACME)), key="effect-1")


def test_a_long_text_is_cut_at_a_line_and_says_so() -> None:
    text = markdown_of(said("A line of fifty characters, more or less, and so on.\n" * 400))
    assert len(text) <= MARKDOWN_LIMIT
    assert text.endswith("so on.\n\n_This message was too long for Slack and ends here._")


def test_a_code_block_that_is_cut_is_closed() -> None:
    text = markdown_of(said("```\n" + "x = 1\n" * 4000 + "```"))
    assert text.count("```") == 2
    assert len(text) <= MARKDOWN_LIMIT


def test_an_empty_text_is_still_a_message() -> None:
    assert markdown_of(said("")) == "…"


@given(st.text(st.sampled_from("<>@!#|^hereUS12channl date&;\n`")) | st.text())
def test_no_words_of_others_notify_anybody(body: str) -> None:
    rendered = said(body)
    assert not any(token in markdown_of(rendered) for token in ("<@", "<!", "<#", "@here", "@channel"))
    assert not any(mark in rendered["text"] for mark in "<>")


@given(st.text(max_size=20).map(lambda unit: unit * 2000))
def test_no_text_exceeds_slacks_limits(body: str) -> None:
    rendered = said(body)
    assert len(markdown_of(rendered)) <= MARKDOWN_LIMIT
    assert len(rendered["text"]) < 40_000


@given(st.text(), st.text())
def test_a_card_notifies_nobody_and_fits(subject: str, assignee: str) -> None:
    view = replace(RUNNING, subject=subject, assignee=assignee)
    header, fields, promises = render_card(shown(view), view, key="effect-1", now=NOW)["blocks"]
    assert len(header["text"]["text"]) <= 150
    assert "<" not in fields["fields"][3]["text"]
    assert promises["text"]["text"].count("<!date^") == 2
