from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from zendesk_recorder import NOW, Answer, Recorder, SteppedTime

from bot.core.effects import CommentOnReplica, CreateReplica, TranscriptLine, UpdateReplica
from bot.core.errors import ConfigError, NotYet, RateLimited, Rejected, Unavailable
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
from bot.core.ports import Attempt
from handlers.zendesk.desk import ZendeskDesk

ACME = OrganisationId("acme")
ANN = Person(ref=PersonRef(door="slack", workspace="T2", user="U7"), name="Ann Lee", email="ann@acme.example")
BOB = Person(ref=PersonRef(door="slack", workspace="T2", user="U8"), name="Bob", email="bob@acme.example")
ANON = replace(BOB, email=None)
AGENT = Person(ref=PersonRef(door="slack", workspace="T1", user="U1"), name="Sam", email="sam@us.example")
SECRET = "s3cr3t-of-the-client"

TICKETS = "/api/v2/tickets.json"
TICKET_9 = "/api/v2/tickets/9.json"
AUDITS_9 = "/api/v2/tickets/9/audits.json"
SHOW_MANY = "/api/v2/users/show_many.json"
SEARCH = "/api/v2/users/search.json"
SAVE = "/api/v2/users/create_or_update.json"


def attempt(number: int = 1) -> Attempt:
    return Attempt(key="effect-17", number=number, now=NOW)


def a_create(**changes: Any) -> CreateReplica:
    effect = CreateReplica(
        ticket=TicketId(12),
        external_id="deskbell-12",
        subject="API key\nrefused",
        transcript=(
            TranscriptLine(
                author="Ann Lee", role="requester", sent_at=NOW, text="My key fails", files=("log.txt",)
            ),
            TranscriptLine(author="Deskbell", role="bot", sent_at=NOW, text="I opened a ticket."),
        ),
        audience=customer(ACME),
        requester=ANN,
        organisation=ACME,
        tier=Tier.ENTERPRISE,
        priority=Priority.P1,
        permalink="https://acme.slack.example/p1",
    )
    return replace(effect, **changes)


def a_comment(**changes: Any) -> CommentOnReplica:
    effect = CommentOnReplica(
        ticket=TicketId(12),
        text=Text(body="Still failing", audience=customer(ACME)),
        author=ANN,
        author_role="requester",
        replica="9",
    )
    return replace(effect, **changes)


def an_update(**changes: Any) -> UpdateReplica:
    effect = UpdateReplica(
        ticket=TicketId(12), status=TicketStatus.PENDING, priority=Priority.P2, replica="9"
    )
    return replace(effect, **changes)


def audit(number: int, comment: int, key: str = "") -> dict[str, Any]:
    return {
        "id": number,
        "ticket_id": 9,
        "author_id": 1,
        "created_at": "2026-11-02T09:00:00Z",
        "metadata": {"system": {}, "custom": {"deskbell_effect": key} if key else {}},
        "events": [
            {
                "id": comment - 1,
                "type": "Change",
                "field_name": "status",
                "value": "open",
                "previous_value": "new",
            },
            {"id": comment, "type": "Comment", "body": "…", "public": True, "author_id": 1},
        ],
    }


def ticket(number: int = 9, **fields: Any) -> dict[str, Any]:
    return {"id": number, "external_id": "deskbell-12", "requester_id": 501, "status": "open", **fields}


def user(number: int, role: str = "end-user", **fields: Any) -> dict[str, Any]:
    return {"id": number, "role": role, "name": "x", "email": None, "external_id": None, **fields}


ANN_THERE = user(501, external_id="slack:T2:U7", email=ANN.email)


@pytest.fixture
def zendesk(recorder: Recorder) -> Recorder:
    """Ann is known, ticket 9 is hers."""
    recorder.on("GET", SHOW_MANY, Answer(json={"users": [ANN_THERE], "count": 1, "next_page": None}))
    recorder.on("GET", SEARCH, Answer(json={"users": [], "count": 0, "next_page": None}))
    recorder.on("GET", TICKETS, Answer(json={"tickets": [], "count": 0, "next_page": None}))
    recorder.on("POST", TICKETS, Answer(status=201, json={"ticket": ticket(), "audit": audit(70, 71)}))
    recorder.on("GET", TICKET_9, Answer(json={"ticket": ticket()}))
    recorder.on("PUT", TICKET_9, Answer(json={"ticket": ticket(), "audit": audit(80, 81, "effect-17")}))
    return recorder


@pytest.fixture
async def desk(zendesk: Recorder, clock: SteppedTime) -> AsyncIterator[ZendeskDesk]:
    async with a_desk(zendesk, clock) as desk:
        yield desk


def a_desk(zendesk: Recorder, clock: SteppedTime, **options: Any) -> ZendeskDesk:
    return ZendeskDesk(
        subdomain="acme",
        client_id="deskbell",
        client_secret=SECRET,
        time=clock,
        base_url=zendesk.base_url,
        organisations={ACME: "3001"},
        **options,
    )


# -- create -------------------------------------------------------------------


async def test_a_create_sends_everything_and_returns_the_id(zendesk: Recorder, desk: ZendeskDesk) -> None:
    assert await desk.create(a_create(), attempt()) == "9"

    [sent] = zendesk.to("POST", TICKETS)
    assert sent.headers["Idempotency-Key"] == "effect-17"
    assert sent.headers["Authorization"] == "Bearer token-1"
    assert sent.json == {
        "ticket": {
            "subject": "API key refused",
            "external_id": "deskbell-12",
            "comment": {
                "body": "Ann Lee (requester), 2026-11-02 09:00 UTC:\nMy key fails\nFiles: log.txt\n\n"
                "Deskbell (bot), 2026-11-02 09:00 UTC:\nI opened a ticket.\n\n"
                "Thread: https://acme.slack.example/p1",
                "public": True,
                "author_id": 501,
            },
            "requester_id": 501,
            "organization_id": 3001,
            "priority": "urgent",
            "tags": ["deskbell", "slack", "enterprise"],
        },
    }


async def test_an_internal_transcript_is_a_private_comment_of_ours(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    await desk.create(a_create(audience=INTERNAL), attempt())

    comment = zendesk.to("POST", TICKETS)[0].json["ticket"]["comment"]
    assert comment["public"] is False
    assert "author_id" not in comment


async def test_the_first_try_does_not_look_and_a_later_one_does(zendesk: Recorder, desk: ZendeskDesk) -> None:
    await desk.create(a_create(), attempt())
    assert not zendesk.to("GET", TICKETS)

    found = {"tickets": [ticket(41, external_id="other"), ticket(43), ticket(42)], "next_page": None}
    zendesk.on("GET", TICKETS, Answer(json=found))
    assert await desk.create(a_create(), attempt(2)) == "42"
    assert zendesk.to("GET", TICKETS)[0].query["external_id"] == ["deskbell-12"]
    assert len(zendesk.to("POST", TICKETS)) == 1


async def test_a_later_try_creates_when_nothing_is_found(zendesk: Recorder, desk: ZendeskDesk) -> None:
    assert await desk.create(a_create(), attempt(2)) == "9"
    assert len(zendesk.to("POST", TICKETS)) == 1


async def test_a_key_known_with_another_body_finds_the_ticket_it_made(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    zendesk.on("POST", TICKETS, Answer(status=400, json={"error": "IdempotentRequestError"}))
    zendesk.on("GET", TICKETS, Answer(json={"tickets": [ticket(42)], "next_page": None}))
    assert await desk.create(a_create(), attempt()) == "42"


async def test_a_bad_request_that_made_nothing_is_rejected(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on(
        "POST", TICKETS, Answer(status=400, json={"error": "BadThing", "description": "private words"})
    )
    with pytest.raises(Rejected, match="400 BadThing") as caught:
        await desk.create(a_create(), attempt())
    assert "private" not in str(caught.value)


async def test_a_replayed_create_may_come_without_its_audit(zendesk: Recorder, desk: ZendeskDesk) -> None:
    headers = {"X-Idempotency-Lookup": "hit"}
    zendesk.on("POST", TICKETS, Answer(status=201, json={"ticket": ticket(42)}, headers=headers))
    assert await desk.create(a_create(), attempt()) == "42"


async def test_the_tier_goes_into_its_field_when_one_is_configured(
    zendesk: Recorder, clock: SteppedTime
) -> None:
    async with a_desk(zendesk, clock, custom_fields={"support_tier": 360}) as desk:
        await desk.create(a_create(), attempt())
    sent = zendesk.to("POST", TICKETS)[0].json["ticket"]
    assert sent["custom_fields"] == [{"id": 360, "value": "enterprise"}]


async def test_a_very_long_thread_keeps_the_question_and_the_newest(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    lines = tuple(
        TranscriptLine(author="A", role="requester", sent_at=NOW, text=f"<{n}>" + "é" * 900)
        for n in range(80)
    )
    await desk.create(a_create(transcript=lines), attempt())
    body = zendesk.to("POST", TICKETS)[0].json["ticket"]["comment"]["body"]
    assert len(body.encode()) <= 60_000
    assert "<0>" in body
    assert "<79>" in body
    assert re.search(r"\[\d+ messages left out\]", body)


# -- people -------------------------------------------------------------------


async def test_a_stranger_becomes_an_end_user_and_is_asked_for_once(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    zendesk.on("GET", SHOW_MANY, Answer(json={"users": [], "next_page": None}))
    zendesk.on("POST", SAVE, Answer(status=201, json={"user": user(502)}))
    await desk.create(a_create(), attempt())
    await desk.create(a_create(), attempt())

    [saved] = zendesk.to("POST", SAVE)
    assert saved.json == {
        "user": {
            "name": "Ann Lee",
            "external_id": "slack:T2:U7",
            "email": "ann@acme.example",
            "skip_verify_email": True,
        },
    }
    assert zendesk.to("GET", SHOW_MANY)[0].query["external_ids"] == ["slack:T2:U7"]
    assert zendesk.to("GET", SEARCH)[0].query["query"] == ['email:"ann@acme.example"']
    assert zendesk.to("POST", TICKETS)[1].json["ticket"]["requester_id"] == 502


async def test_an_end_user_with_the_same_address_is_taken(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("GET", SHOW_MANY, Answer(json={"users": [], "next_page": None}))
    zendesk.on("GET", SEARCH, Answer(json={"users": [user(77, email="ANN@acme.example")], "next_page": None}))
    await desk.create(a_create(), attempt())
    assert zendesk.to("POST", TICKETS)[0].json["ticket"]["requester_id"] == 77
    assert not zendesk.to("POST", SAVE)


async def test_an_agents_address_in_a_guests_profile_does_not_make_them_the_agent(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    zendesk.on("GET", SHOW_MANY, Answer(json={"users": [], "next_page": None}))
    zendesk.on("GET", SEARCH, Answer(json={"users": [user(3, "admin", email=ANN.email)], "next_page": None}))
    zendesk.on("POST", SAVE, Answer(status=201, json={"user": user(502)}))
    await desk.create(a_create(), attempt())
    assert "email" not in zendesk.to("POST", SAVE)[0].json["user"]
    assert zendesk.to("POST", TICKETS)[0].json["ticket"]["requester_id"] == 502


async def test_a_person_who_is_an_agent_there_is_refused_as_requester(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    zendesk.on("GET", SHOW_MANY, Answer(json={"users": [ANN_THERE | {"role": "agent"}], "next_page": None}))
    with pytest.raises(Rejected, match="slack:T2:U7 is an agent"):
        await desk.create(a_create(), attempt())
    assert not zendesk.to("POST", TICKETS)


# -- comment ------------------------------------------------------------------


async def test_the_requesters_words_are_a_public_comment_of_theirs(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    assert await desk.comment(a_comment(), attempt()) == "81"
    assert zendesk.to("PUT", TICKET_9)[0].json == {
        "ticket": {
            "id": 9,
            "comment": {"body": "Still failing", "public": True, "author_id": 501},
            "metadata": {"deskbell_effect": "effect-17"},
        },
    }


async def test_an_agents_words_are_ours_in_their_name(zendesk: Recorder, desk: ZendeskDesk) -> None:
    await desk.comment(a_comment(author=AGENT, author_role="agent"), attempt())
    comment = zendesk.to("PUT", TICKET_9)[0].json["ticket"]["comment"]
    assert comment == {"body": "Sam (via Slack): Still failing", "public": True}


async def test_an_internal_text_is_private_whoever_wrote_it(zendesk: Recorder, desk: ZendeskDesk) -> None:
    await desk.comment(a_comment(text=Text(body="psst", audience=INTERNAL)), attempt())
    comment = zendesk.to("PUT", TICKET_9)[0].json["ticket"]["comment"]
    assert comment == {"body": "Ann Lee (via Slack): psst", "public": False}


BOB_THERE = Answer(json={"users": [user(503, external_id="slack:T2:U8")], "next_page": None})


async def test_another_customer_becomes_a_cc_first(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("GET", SHOW_MANY, BOB_THERE)
    copied = Answer(json={"ticket": ticket(collaborator_ids=[503])})
    zendesk.on("GET", TICKET_9, Answer(json={"ticket": ticket(collaborator_ids=[])}), copied)
    await desk.comment(a_comment(author=BOB), attempt())
    await desk.comment(a_comment(author=BOB), attempt())
    copy, first, second = (r.json["ticket"] for r in zendesk.to("PUT", TICKET_9))
    assert copy == {"id": 9, "email_ccs": [{"user_id": 503, "action": "put"}]}
    assert (
        first["comment"] == second["comment"] == {"body": "Still failing", "public": True, "author_id": 503}
    )


@pytest.mark.parametrize("refusal", [Answer(status=422, json={"error": "RecordInvalid"}), None])
async def test_another_customer_is_quoted_when_they_cannot_be_a_cc(
    refusal: Answer | None, zendesk: Recorder, desk: ZendeskDesk
) -> None:
    zendesk.on("GET", SHOW_MANY, BOB_THERE)
    done = Answer(json={"ticket": ticket(), "audit": audit(80, 81)})
    zendesk.on("PUT", TICKET_9, refusal or Answer(json={"ticket": ticket()}), done)
    await desk.comment(a_comment(author=BOB), attempt())
    quoted = {"body": "Bob (via Slack): Still failing", "public": True}
    assert zendesk.to("PUT", TICKET_9)[-1].json["ticket"]["comment"] == quoted


async def test_another_customer_without_an_address_is_quoted(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("GET", SHOW_MANY, BOB_THERE)
    await desk.comment(a_comment(author=ANON), attempt())
    [sent] = zendesk.to("PUT", TICKET_9)
    assert sent.json["ticket"]["comment"]["body"] == "Bob (via Slack): Still failing"


async def test_a_repeated_comment_is_found_on_any_page_of_the_audits(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    first = {
        "audits": [audit(60, 61, "effect-16")],
        "meta": {"has_more": True, "after_cursor": "c1"},
        "links": {
            "next": f"{zendesk.base_url}{AUDITS_9}?page%5Bafter%5D=c1&page%5Bsize%5D=100",
            "prev": None,
        },
    }
    second = {
        "audits": [audit(62, 63), audit(64, 65, "effect-17")],
        "meta": {"has_more": False, "after_cursor": None},
        "links": {"next": None, "prev": None},
    }
    zendesk.on("GET", AUDITS_9, Answer(json=first), Answer(json=second))
    assert await desk.comment(a_comment(), attempt(2)) == "65"
    assert not zendesk.to("PUT", TICKET_9)


async def test_a_comment_that_was_lost_is_repeated(zendesk: Recorder, desk: ZendeskDesk) -> None:
    page = {"audits": [audit(60, 61)], "meta": {"has_more": False}, "links": {"next": None}}
    zendesk.on("GET", AUDITS_9, Answer(json=page))
    assert await desk.comment(a_comment(), attempt(2)) == "81"
    assert len(zendesk.to("PUT", TICKET_9)) == 1


async def test_a_next_page_on_another_host_never_sees_the_token(zendesk: Recorder, desk: ZendeskDesk) -> None:
    page = {
        "audits": [audit(60, 61)],
        "meta": {"has_more": True},
        "links": {"next": "http://localhost:9/api/v2/tickets/9/audits.json"},
    }
    zendesk.on("GET", AUDITS_9, Answer(json=page))
    with pytest.raises(Rejected, match="another host"):
        await desk.comment(a_comment(), attempt(2))


async def test_a_comment_waits_for_the_replica(desk: ZendeskDesk) -> None:
    with pytest.raises(NotYet):
        await desk.comment(a_comment(replica=None), attempt())


# -- update -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (TicketStatus.NEW, {"id": 9, "priority": "high"}),
        (TicketStatus.OPEN, {"id": 9, "priority": "high", "status": "open"}),
        (TicketStatus.HOLD, {"id": 9, "priority": "high", "status": "hold"}),
        (TicketStatus.SOLVED, {"id": 9, "priority": "high", "status": "solved"}),
        (TicketStatus.CLOSED, None),
    ],
)
async def test_a_status_is_sent_when_it_may_be(
    status: TicketStatus, expected: dict[str, Any] | None, zendesk: Recorder, desk: ZendeskDesk
) -> None:
    zendesk.on("PUT", TICKET_9, Answer(json={"ticket": ticket()}))
    await desk.update(an_update(status=status), attempt())
    assert [r.json["ticket"] for r in zendesk.to("PUT", TICKET_9)] == ([expected] if expected else [])


async def test_a_closed_ticket_is_a_refusal_that_names_the_field(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    details = {"status": [{"description": "Status: closed prevents ticket update", "error": "ClosedTicket"}]}
    body = {"error": "RecordInvalid", "description": "Record validation errors", "details": details}
    zendesk.on("PUT", TICKET_9, Answer(status=422, json=body))
    with pytest.raises(Rejected, match=r"422 RecordInvalid status ClosedTicket$"):
        await desk.update(an_update(), attempt())


# -- refusals, limits, outages --------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, Rejected),
        (404, Rejected),
        (409, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
    ],
)
async def test_answers_become_our_errors(
    status: int, kind: type[Exception], zendesk: Recorder, desk: ZendeskDesk
) -> None:
    zendesk.on("PUT", TICKET_9, Answer(status=status, raw=b"<html>words of a customer</html>"))
    with pytest.raises(kind) as caught:
        await desk.update(an_update(), attempt())
    assert type(caught.value) is kind
    assert "customer" not in str(caught.value)
    assert len(zendesk.to("PUT", TICKET_9)) == 1


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("7", 7),
        ("0", 1),
        ("Mon, 02 Nov 2026 09:00:30 GMT", 30),
        ("nonsense", 60),
        (None, 60),
        ("999999", 3600),
    ],
)
async def test_a_rate_limit_is_told_at_once_and_never_slept_through(
    header: str | None, pause: int, zendesk: Recorder, desk: ZendeskDesk
) -> None:
    headers = {"Retry-After": header} if header else {}
    zendesk.on("PUT", TICKET_9, Answer(status=429, json={"error": "APIRateLimitExceeded"}, headers=headers))
    with pytest.raises(RateLimited) as caught:
        await desk.update(an_update(), attempt())
    assert caught.value.retry_after == timedelta(seconds=pause)
    assert len(zendesk.to("PUT", TICKET_9)) == 1


async def test_a_dropped_connection_is_unavailable(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("PUT", TICKET_9, Answer(is_dropped=True))
    with pytest.raises(Unavailable):
        await desk.update(an_update(), attempt())
    assert len(zendesk.to("PUT", TICKET_9)) == 1


async def test_a_success_that_is_not_json_is_unavailable(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("POST", TICKETS, Answer(status=201, raw=b"<html>hello</html>"))
    with pytest.raises(Unavailable):
        await desk.create(a_create(), attempt())


async def test_an_answer_that_does_not_come_ends_the_operation(zendesk: Recorder, clock: SteppedTime) -> None:
    hold = threading.Event()
    zendesk.on("PUT", TICKET_9, Answer(hold=hold, json={"ticket": ticket()}))
    async with a_desk(zendesk, clock, operation_seconds=0.2) as desk:
        with pytest.raises(Unavailable):
            await desk.update(an_update(), attempt())
        hold.set()
        zendesk.on("PUT", TICKET_9, Answer(json={"ticket": ticket()}))
        await desk.update(an_update(), attempt())


async def test_a_thread_that_hangs_is_left_behind_and_replaced(zendesk: Recorder, clock: SteppedTime) -> None:
    drip = threading.Event()
    dripping = Answer(drip=drip, json={"ticket": ticket(subject="x" * 5_000)})
    zendesk.on("PUT", TICKET_9, dripping, Answer(json={"ticket": ticket()}))
    async with a_desk(zendesk, clock, operation_seconds=0.2, grace_seconds=0.1) as desk:
        with pytest.raises(Unavailable, match="in time"):
            await desk.update(an_update(), attempt())
        await desk.update(an_update(), attempt())
        drip.set()
    assert len(zendesk.to("POST", "/oauth/tokens")) == 2  # a new thread has a client of its own


async def test_effects_take_turns(zendesk: Recorder, desk: ZendeskDesk) -> None:
    numbers = [str(n) for n in range(100, 110)]
    for n in numbers:
        zendesk.on("PUT", f"/api/v2/tickets/{n}.json", Answer(json={"ticket": ticket(int(n))}))
    async with asyncio.TaskGroup() as group:
        for n in numbers:
            group.create_task(desk.update(an_update(replica=n), attempt()))
    assert [r.path.split("/")[-1] for r in zendesk.to("PUT", ".*")] == [f"{n}.json" for n in numbers]


async def test_a_redirect_is_refused_and_not_followed(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("GET", TICKET_9, Answer(status=302, headers={"Location": f"{zendesk.base_url}/elsewhere"}))
    with pytest.raises(Rejected, match="redirects elsewhere"):
        await desk.comment(a_comment(), attempt())
    assert not zendesk.to("GET", "/elsewhere")


# -- tokens -------------------------------------------------------------------


async def test_one_token_serves_until_a_minute_before_its_end(
    zendesk: Recorder, desk: ZendeskDesk, clock: SteppedTime
) -> None:
    await desk.update(an_update(), attempt())
    clock.move(timedelta(minutes=28))
    await desk.update(an_update(), attempt())
    assert len(zendesk.to("POST", "/oauth/tokens")) == 1

    clock.move(timedelta(minutes=1, seconds=1))
    await desk.update(an_update(), attempt())
    [asked, _] = zendesk.to("POST", "/oauth/tokens")
    assert asked.json == {
        "grant_type": "client_credentials",
        "client_id": "deskbell",
        "client_secret": SECRET,
        "scope": "read write",
    }
    assert "Authorization" not in asked.headers


async def test_a_refused_token_is_replaced_once_and_the_request_repeated(
    zendesk: Recorder, desk: ZendeskDesk
) -> None:
    tokens = [Answer(json={"access_token": name, "scope": "read write"}) for name in ("old", "new")]
    zendesk.on("POST", "/oauth/tokens", *tokens)
    done = Answer(json={"ticket": ticket()})
    zendesk.on("PUT", TICKET_9, Answer(status=401, json={"error": "invalid_token"}), done)
    await desk.update(an_update(), attempt())
    seen = [r.headers["Authorization"] for r in zendesk.to("PUT", TICKET_9)]
    assert seen == ["Bearer old", "Bearer new"]


async def test_a_token_refused_twice_waits_for_a_person(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("PUT", TICKET_9, Answer(status=401, json={"error": "invalid_token"}))
    with pytest.raises(Unavailable, match="401 invalid_token"):
        await desk.update(an_update(), attempt())
    assert len(zendesk.to("PUT", TICKET_9)) == 2


async def test_refused_credentials_show_no_secret_anywhere(
    zendesk: Recorder, desk: ZendeskDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    zendesk.on("POST", "/oauth/tokens", Answer(status=401, json={"error": "invalid_client", "hint": SECRET}))
    with pytest.raises(Unavailable, match="401 invalid_client") as caught:
        await desk.update(an_update(), attempt())
    chain = [caught.value, caught.value.__cause__]
    assert all(SECRET not in f"{error!r}{error}" for error in chain)
    assert SECRET not in repr(desk) + caplog.text


async def test_neither_bodies_nor_tokens_are_logged(
    desk: ZendeskDesk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    await desk.create(a_create(), attempt())
    await desk.comment(a_comment(), attempt())
    logged = caplog.text + "".join(capsys.readouterr())
    assert not any(
        word in logged for word in ("My key fails", "Still failing", "token-1", SECRET, "ann@acme")
    )


# -- check, life cycle ----------------------------------------------------------


async def test_a_check_finds_nothing_wrong(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("GET", "/api/v2/users/me.json", Answer(json={"user": user(1, "admin")}))
    assert await desk.check() == []


async def test_a_check_names_the_role_and_the_missing_scope(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("POST", "/oauth/tokens", Answer(json={"access_token": "t", "scope": "read"}))
    zendesk.on("GET", "/api/v2/users/me.json", Answer(json={"user": user(1)}))
    assert await desk.check() == [
        "Zendesk: the OAuth client does not act as an agent or an admin.",
        "Zendesk: the token lacks the scope write.",
    ]


async def test_a_check_reports_an_outage_as_a_sentence(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("GET", "/api/v2/users/me.json", Answer(status=503, json={}))
    assert await desk.check() == ["Zendesk: Zendesk answered 503."]


async def test_a_base_url_may_have_a_path(zendesk: Recorder, clock: SteppedTime) -> None:
    zendesk.on("POST", "/twin/oauth/tokens", Answer(json={"access_token": "t", "scope": "read write"}))
    zendesk.on("PUT", f"/twin{TICKET_9}", Answer(json={"ticket": ticket()}))
    async with ZendeskDesk(
        subdomain="acme",
        client_id="c",
        client_secret="s",
        time=clock,
        base_url=f"{zendesk.base_url}/twin/",
    ) as desk:
        await desk.update(an_update(), attempt())
    assert len(zendesk.to("PUT", f"/twin{TICKET_9}")) == 1


def test_instants_are_in_utc_whatever_the_transcript_says() -> None:
    from handlers.zendesk.rendering import render_ticket  # noqa: PLC0415 - the other tests go through the desk

    at = datetime.fromisoformat("2026-11-02T04:00:00-05:00")
    line = TranscriptLine(author="A", role="requester", sent_at=at, text="x")
    sent = render_ticket(a_create(transcript=(line,)), requester=1, organisations={}, custom_fields={})
    assert at.astimezone(UTC).strftime("%H:%M UTC") in sent["comment"]["body"]
    assert "organization_id" not in sent


def test_an_organisation_without_a_number_is_refused_at_the_start(clock: SteppedTime) -> None:
    with pytest.raises(ConfigError, match=r"organisations.toml: \[acme\]: desk_id: 'Acme'"):
        ZendeskDesk(
            subdomain="acme",
            client_id="c",
            client_secret="s",
            time=clock,
            organisations={ACME: "Acme"},
        )


async def test_a_comment_without_an_id_is_an_unusable_answer(zendesk: Recorder, desk: ZendeskDesk) -> None:
    zendesk.on("PUT", TICKET_9, Answer(json={"ticket": ticket(), "audit": {"id": 80, "events": []}}))
    with pytest.raises(Unavailable, match="comment's id"):
        await desk.comment(a_comment(), attempt())


def test_importing_the_door_does_not_load_zenpy() -> None:
    import subprocess  # noqa: PLC0415 - one use

    root = Path(__file__).resolve().parents[3]
    program = (
        "import sys, handlers.zendesk.desk, handlers.zendesk.front, handlers.zendesk.parsing\n"
        "sys.exit('zenpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=root).returncode == 0
