from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import MalformedDelivery
from bot.core.events import CommentReceived, StatusReceived
from bot.core.model import TicketStatus
from bot.core.ports import Delivery
from handlers.zendesk.parsing import COMMENT_ADDED, STATUS_CHANGED, TRIGGER_TEMPLATE, ZendeskDoor

RECEIVED = datetime(2026, 11, 2, 9, 0, 5, tzinfo=UTC)
TIME = "2026-11-02T09:00:00.123456789Z"
AT = datetime(2026, 11, 2, 9, 0, 0, 123456, tzinfo=UTC)


def parse(payload: Any) -> list[Any]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    delivery = Delivery(door="zendesk", id="x", lane="y", headers={}, body=body, received_at=RECEIVED)
    return list(ZendeskDoor().parse(delivery))


def an_event(kind: str, event: dict[str, Any], **detail: Any) -> dict[str, Any]:
    return {
        "account_id": 22129848,
        "detail": {
            "id": "5158",
            "status": "OPEN",
            "priority": "HIGH",
            "external_id": "deskbell-12",
            **detail,
        },
        "event": {"meta": {"sequence": {"id": "01", "position": 1}}, **event},
        "id": "d4f5c389-8f4a-4c2e-a1b9-8e4f39c71d52",
        "subject": "zen:ticket:5158",
        "time": TIME,
        "type": kind,
        "zendesk_event_version": "2022-11-06",
    }


def a_comment(**changes: Any) -> dict[str, Any]:
    author = {"id": "844", "is_staff": True, "name": "Sam  Agent"}
    comment = {"id": "9876543210", "body": "Try again", "is_public": True, "author": author, **changes}
    return an_event(COMMENT_ADDED, {"comment": comment})


def test_a_comment_of_staff_becomes_an_event() -> None:
    assert parse(a_comment()) == [
        CommentReceived(
            replica="5158",
            comment="9876543210",
            author_name="Sam Agent",
            is_agent=True,
            is_public=True,
            text="Try again",
            written_at=AT,
            external_id="deskbell-12",
        ),
    ]


def test_ids_may_be_numbers() -> None:
    [event] = parse(a_comment(id=9876543210))
    assert event.comment == "9876543210"


@pytest.mark.parametrize("flag", [False, None, "true", 1, "yes"])
def test_what_is_not_surely_public_is_private_and_not_surely_staff_is_nobody(flag: Any) -> None:
    [event] = parse(a_comment(is_public=flag, author={"is_staff": flag}))
    assert (event.is_public, event.is_agent, event.author_name) == (False, False, "Support")


@pytest.mark.parametrize(
    ("current", "status"),
    [("SOLVED", TicketStatus.SOLVED), ("HOLD", TicketStatus.HOLD), ("new", TicketStatus.NEW)],
)
def test_a_changed_status_becomes_an_event(current: str, status: TicketStatus) -> None:
    payload = an_event(STATUS_CHANGED, {"current": current, "previous": "OPEN"})
    expected = StatusReceived(replica="5158", status=status, changed_at=AT, external_id="deskbell-12")
    assert parse(payload) == [expected]


@pytest.mark.parametrize("current", ["DELETED", "ARCHIVED", "SCRUBBED", None, 3])
def test_a_status_that_is_none_of_ours_is_no_event(current: Any) -> None:
    assert parse(an_event(STATUS_CHANGED, {"current": current})) == []


def test_our_own_transcript_does_not_come_back() -> None:
    payload = a_comment(body="Ann (requester):\nMy key fails")
    payload["detail"]["description"] = "Ann (requester):\n\nMy key fails "
    assert parse(payload) == []
    for other in (None, "", 12, "acme-12"):
        payload["detail"]["external_id"] = other
        assert len(parse(payload)) == 1


def test_text_is_made_storable() -> None:
    [event] = parse(a_comment(body="a\ud800b\x00c"))
    assert event.text == "a?bc"


@pytest.mark.parametrize("time", [None, "yesterday", "2026-11-02T09:00:00", 7, "9999-12-31T23:59:59-23:59"])
def test_an_unreadable_time_is_the_time_of_arrival(time: Any) -> None:
    [event] = parse(a_comment() | {"time": time})
    assert event.written_at == RECEIVED


@pytest.mark.parametrize("payload", [b"", b"  ", {}, {"type": "zen:event-type:ticket.created"}, {"type": 7}])
def test_what_we_do_not_follow_is_no_event(payload: Any) -> None:
    assert parse(payload) == []


@pytest.mark.parametrize(
    "payload",
    [
        {"type": COMMENT_ADDED},
        {"type": COMMENT_ADDED, "event": {"comment": {}}},
        {"type": STATUS_CHANGED, "event": {"current": "OPEN"}},
        {"type": STATUS_CHANGED, "event": []},
        {"deskbell": "trigger"},
        an_event(COMMENT_ADDED, {"comment": {"id": "x"}}),
        b"{",
    ],
)
def test_a_broken_promise_is_malformed(payload: Any) -> None:
    with pytest.raises(MalformedDelivery):
        parse(payload)


def filled(**values: str) -> bytes:
    """The template as Zendesk would fill it in; unknown placeholders become nothing."""
    known = {
        "ticket.id": "5158",
        "ticket.external_id": "deskbell-12",
        "ticket.status": "Pending",
        "ticket.updated_at_with_timestamp": "2026-11-02T09:00Z",
        "ticket.requester.id": "501",
        "current_user.id": "844",
        "current_user.role": "Agent",
        "ticket.latest_comment.id": "71",
        "ticket.latest_comment.is_public": "true",
        "ticket.latest_comment.author.id": "844",
        "ticket.latest_comment.author.name": "Sam Agent",
        "ticket.latest_comment.value": "Try again",
    } | {name.replace("__", "."): value for name, value in values.items()}
    return re.sub(r"\{\{(.*?)\}\}", lambda found: known.get(found[1], ""), TRIGGER_TEMPLATE).encode()


def test_a_trigger_tells_the_same_events() -> None:
    at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    assert parse(filled()) == [
        CommentReceived(
            replica="5158",
            comment="71",
            author_name="Sam Agent",
            is_agent=True,
            is_public=True,
            text="Try again",
            written_at=at,
            external_id="deskbell-12",
        ),
        StatusReceived(
            replica="5158",
            status=TicketStatus.PENDING,
            changed_at=at,
            external_id="deskbell-12",
        ),
    ]


def test_a_trigger_without_a_comment_tells_the_status() -> None:
    [event] = parse(filled(ticket__latest_comment__id=""))
    assert isinstance(event, StatusReceived)


@pytest.mark.parametrize(
    "values",
    [
        {"current_user__role": "End user"},
        {"current_user__role": ""},
        {"current_user__id": "1"},  # an agent updates the ticket in somebody else's name
        {"ticket__requester__id": "844"},
    ],
)
def test_a_trigger_is_no_proof_of_staff_when_in_doubt(values: dict[str, str]) -> None:
    comment, _ = parse(filled(**values))
    assert comment.is_agent is False


@pytest.mark.parametrize("flag", ["false", "", "False", "private"])
def test_a_triggers_comment_is_private_when_in_doubt(flag: str) -> None:
    comment, _ = parse(filled(ticket__latest_comment__is_public=flag))
    assert comment.is_public is False


def test_a_triggers_text_may_have_raw_line_breaks() -> None:
    comment, _ = parse(filled(ticket__latest_comment__value="two\nlines"))
    assert comment.text == "two\nlines"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A good payload with one thing in it replaced by anything at all."""
    good = draw(
        st.sampled_from(
            [
                a_comment(),
                an_event(STATUS_CHANGED, {"current": "OPEN", "previous": "NEW"}),
                json.loads(filled()),
            ],
        ),
    )
    payload = json.loads(json.dumps(good))
    place = payload
    while True:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or draw(st.booleans()):
            place[key] = draw(JSON)
            return dict(payload)
        place = place[key]


@given(payload=damaged() | JSON)
@settings(max_examples=500)
def test_parsing_raises_malformed_delivery_or_nothing(payload: Any) -> None:
    try:
        events = parse(payload)
    except MalformedDelivery:
        return
    for event in events:
        assert isinstance(event, CommentReceived | StatusReceived)
        assert event.replica.isdecimal()
        if isinstance(event, CommentReceived):
            assert event.written_at.tzinfo is not None
            event.text.encode()
            event.author_name.encode()


@given(body=st.binary(max_size=200))
@settings(max_examples=300)
def test_bytes_raise_malformed_delivery_or_nothing(body: bytes) -> None:
    try:
        assert parse(body) == []
    except MalformedDelivery:
        return
