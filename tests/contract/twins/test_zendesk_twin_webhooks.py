"""The twin tells webhooks what happened: signed, retried as Zendesk retries, and not for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from zendesk_bench import Bench, Receiver, a_bench, a_receiver
from zenpy.lib.api_objects import Comment, Ticket, Trigger, User, Webhook
from zenpy.lib.exception import APIException

from bot.sandbox.faults import FaultKind

EVENTS = ["zen:event-type:ticket.created", "zen:event-type:ticket.comment_added"]


def kinds(receiver: Receiver) -> list[str]:
    return [json.loads(body)["type"].removeprefix("zen:event-type:ticket.") for _, body in receiver.received]


async def a_told_ticket(bench: Bench, receiver: Receiver) -> None:
    """A ticket whose creation was not announced, and a subscription from now on."""
    await bench.create(requester=User(name="Ada", email="ada@acme.example"))
    bench.twin.subscribe(receiver.url, "s3cret")


def comment(bench: Bench, text: str = "On it.") -> Any:
    agent = bench.twin.add_agent("Grace", "grace@opendatagov.example")
    return bench.twin.agent_reply(1, agent, text, public=True)


def note(bench: Bench, text: str) -> Any:
    agent = bench.twin.add_agent("Grace", "grace@opendatagov.example")
    return bench.twin.agent_reply(1, agent, text, public=False)


async def test_an_events_signature_can_be_verified_by_anybody_who_knows_the_secret() -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        webhook = Webhook(
            name="Deskbell",
            endpoint=receiver.url,
            http_method="POST",
            request_format="json",
            status="active",
            subscriptions=EVENTS,
        )
        made = await bench.call(bench.zenpy.webhooks.create, webhook)
        secret = (await bench.call(bench.zenpy.webhooks.show_secret, made)).secret
        await bench.create()
        await bench.twin.settled()

        headers, body = receiver.received[0]
        timestamp = headers["X-Zendesk-Webhook-Signature-Timestamp"]
        digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
        assert headers["X-Zendesk-Webhook-Signature"] == base64.b64encode(digest).decode()
        assert timestamp == "2026-11-24T09:00:00Z"
        assert headers["X-Zendesk-Webhook-Id"] == made.id
        assert headers["X-Zendesk-Account-Id"] == str(json.loads(body)["account_id"])
        assert [one.name for one in await bench.all(bench.zenpy.webhooks.list)] == ["Deskbell"]
        assert [one.status for one in await bench.all(bench.zenpy.webhooks.invocations, made)] == [
            "success"
        ] * 2


async def test_a_comment_is_told_with_its_author_and_whether_it_is_public() -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        await a_told_ticket(bench, receiver)
        said = note(bench, "Flaky disk again.")
        await bench.twin.settled()

        event = json.loads(receiver.received[0][1])
        author = bench.twin.user(said.author_id)
        assert event["type"] == "zen:event-type:ticket.comment_added"
        assert event["subject"] == "zen:ticket:1"
        assert event["detail"]["id"] == "1"
        assert event["detail"]["status"] == "NEW"
        assert event["detail"]["actor_id"] == str(author.id)
        assert event["event"]["comment"] == {
            "id": str(said.id),
            "body": "Flaky disk again.",
            "is_public": False,
            "author": {"id": str(author.id), "is_staff": True, "name": "Grace"},
        }


async def test_an_agents_first_reply_is_told_as_three_events_of_one_action() -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        await a_told_ticket(bench, receiver)
        said = comment(bench)
        bench.twin.set_priority(1, "urgent", bench.twin.user(said.author_id))
        await bench.twin.settled()

        assert kinds(receiver) == [
            "comment_added",
            "agent_assignment_changed",
            "status_changed",
            "priority_changed",
        ]
        events = [json.loads(body) for _, body in receiver.received]
        changes = [(one["event"].get("previous"), one["event"].get("current")) for one in events[1:]]
        assert changes == [(None, str(said.author_id)), ("NEW", "OPEN"), (None, "URGENT")]
        sequences = [one["event"]["meta"]["sequence"] for one in events]
        assert [(one["position"], one["total"]) for one in sequences] == [(1, 3), (2, 3), (3, 3), (1, 1)]
        assert len({one["id"] for one in sequences}) == 2
        assert len({one["id"] for one in events}) == 4


async def test_whether_a_description_is_told_as_a_comment_is_a_switch() -> None:
    for switch, expected in ((True, ["created", "comment_added"]), (False, ["created"])):
        async with a_bench(announces_first_comment=switch) as bench, a_receiver() as receiver:
            bench.twin.subscribe(receiver.url)
            await bench.create()
            await bench.twin.settled()
            assert kinds(receiver) == expected


async def test_a_trigger_sends_its_template_when_its_conditions_hold() -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        webhook = Webhook(
            name="Triggered",
            endpoint=receiver.url,
            http_method="POST",
            request_format="json",
            status="active",
            subscriptions=["conditional_ticket_events"],
        )
        made = await bench.call(bench.zenpy.webhooks.create, webhook)
        template = '{"ticket": "{{ticket.id}}", "text": "{{ticket.latest_comment.value}}", "{{nonsense}}": 1}'
        trigger = Trigger(
            title="Tell Deskbell",
            conditions={
                "all": [
                    {"field": "update_type", "operator": "is", "value": "Change"},
                    {"field": "comment_is_public", "operator": "is", "value": "true"},
                ],
                "any": [],
            },
            actions=[{"field": "notification_webhook", "value": [made.id, template]}],
        )
        await bench.call(bench.zenpy.triggers.create, trigger)
        await bench.create()
        for public in (True, False):
            update = Ticket(id=1, comment=Comment(body='He said "no"\nthen left', public=public))
            await bench.call(bench.zenpy.tickets.update, update)
        await bench.twin.settled()

        assert [json.loads(body) for _, body in receiver.received] == [
            {"ticket": "1", "text": 'He said "no"\nthen left', "": 1}
        ]


async def test_webhooks_and_triggers_that_zendesk_refuses_are_refused() -> None:
    async with a_bench() as bench:
        good = {
            "name": "x",
            "endpoint": "http://127.0.0.1/x",
            "http_method": "POST",
            "request_format": "json",
            "status": "active",
            "subscriptions": EVENTS,
        }
        for wrong in (
            {"name": ""},
            {"endpoint": "ftp://x"},
            {"http_method": "PUT"},
            {"subscriptions": ["zen:event-type:ticket.exploded"]},
            {"subscriptions": [*EVENTS, "conditional_ticket_events"]},
        ):
            answer = await bench.request("POST", "webhooks", json={"webhook": {**good, **wrong}})
            assert answer.status_code == 400, wrong
            assert answer.json()["errors"]
        made = (await bench.request("POST", "webhooks", json={"webhook": good})).json()["webhook"]
        moved = {"webhook": {"subscriptions": ["conditional_ticket_events"]}}
        assert (await bench.request("PATCH", f"webhooks/{made['id']}", json=moved)).status_code == 400
        trigger = Trigger(
            title="x",
            conditions={"all": []},
            actions=[{"field": "notification_webhook", "value": [made["id"], "{}"]}],
        )
        with pytest.raises(APIException):
            await bench.call(bench.zenpy.triggers.create, trigger)


async def test_a_conflict_is_retried_three_times_under_one_invocation_id() -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        await a_told_ticket(bench, receiver)
        receiver.answer(*[409] * 9)
        note(bench, "x")
        await bench.twin.settled()
        assert len(receiver.received) == 1
        await bench.twin.tick()
        assert len(receiver.received) == 1, "a retry waits for its time"
        for _ in range(5):
            bench.time.move(timedelta(minutes=1))
            await bench.twin.tick()

        assert len(receiver.received) == 4
        assert len({headers["X-Zendesk-Webhook-Invocation-Id"] for headers, _ in receiver.received}) == 1
        assert len({headers["X-Zendesk-Webhook-Signature"] for headers, _ in receiver.received}) == 4
        assert bench.twin.sender.invocations[-1].status == "failed"


async def test_a_short_retry_after_is_waited_for_and_a_long_one_is_not() -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        await a_told_ticket(bench, receiver)
        receiver.answer(503, Retry_After="20")
        note(bench, "x")
        await bench.twin.settled()
        bench.time.move(timedelta(seconds=19))
        await bench.twin.tick()
        assert len(receiver.received) == 1
        bench.time.move(timedelta(seconds=1))
        await bench.twin.tick()
        assert [one.http_status for one in bench.twin.sender.invocations[-1].attempts] == [503, 200]

        receiver.answer(429, Retry_After="120")
        note(bench, "y")
        await bench.twin.settled()
        assert bench.twin.sender.next_due is None


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
async def test_other_errors_are_final(status: int) -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        await a_told_ticket(bench, receiver)
        receiver.answer(status)
        note(bench, "x")
        await bench.twin.settled()
        assert bench.twin.sender.next_due is None
        assert bench.twin.sender.invocations[-1].status == "failed"


async def test_a_receiver_that_does_not_answer_is_tried_five_times_more() -> None:
    async with a_bench(webhook_timeout=0.05) as bench, a_receiver() as receiver:
        await a_told_ticket(bench, receiver)
        receiver.hangs = 9
        note(bench, "x")
        await bench.twin.settled()
        for _ in range(8):
            bench.time.move(timedelta(minutes=1))
            await bench.twin.tick()
        assert len(receiver.received) == 6


async def test_a_receiver_that_is_gone_loses_the_event() -> None:
    async with a_bench() as bench:
        await bench.create()
        bench.twin.subscribe("http://127.0.0.1:9/zendesk/webhooks")
        note(bench, "x")
        await bench.twin.settled()
        assert (bench.twin.sender.invocations[-1].status, bench.twin.sender.next_due) == ("failed", None)


async def test_the_breaker_opens_at_seventy_percent_errors_and_closes_after_a_pause() -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        await a_told_ticket(bench, receiver)
        receiver.answer(200, 200, 200, *[500] * 7)
        for _ in range(12):
            note(bench, "x")
        await bench.twin.settled()
        assert len(receiver.received) == 10
        assert [one.status for one in bench.twin.sender.invocations[-2:]] == ["circuit_broken"] * 2

        bench.time.move(timedelta(minutes=6))
        note(bench, "y")
        await bench.twin.settled()
        assert len(receiver.received) == 11


async def test_deliveries_are_doubled_reordered_delayed_and_dropped_by_switches() -> None:
    async with a_bench() as bench, a_receiver() as receiver:
        await a_told_ticket(bench, receiver)
        faults = bench.twin.faults

        async def told(*texts: str) -> list[str]:
            receiver.received.clear()
            for text in texts:
                note(bench, text)
            await bench.twin.settled()
            return [json.loads(body)["event"]["comment"]["body"] for _, body in receiver.received]

        faults.fail_next("deliver:ticket.comment_added", FaultKind.DUPLICATE)
        assert await told("a", "b") == ["a", "a", "b"]
        faults.fail_next("deliver:*", FaultKind.REORDER)
        assert await told("c", "d") == ["d", "c"]
        faults.fail_next("deliver:*", FaultKind.DROP)
        assert await told("e", "f") == ["f"]
        faults.fail_next("deliver:*", FaultKind.DELAY, delay=timedelta(minutes=2))
        assert await told("g", "h") == ["h"]
        bench.time.move(timedelta(minutes=2))
        await bench.twin.tick()
        assert len(receiver.received) == 2
        faults.fail_next("deliver:*", FaultKind.TIMEOUT_AFTER)
        assert await told("i") == ["i"]
        bench.time.move(timedelta(minutes=2))
        await bench.twin.tick()
        assert len(receiver.received) == 2
        faults.fail_next("deliver:*", FaultKind.REORDER)
        assert await told("j") == []
        await bench.twin.tick()
        assert len(receiver.received) == 1
