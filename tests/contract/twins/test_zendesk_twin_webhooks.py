"""The twin tells webhooks what happened: signed, retried as Zendesk retries, and not for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from zendesk_bench import Bench, Receiver, a_bench, a_receiver
from zenpy.lib.api_objects import Comment, Ticket, Trigger, User, Webhook
from zenpy.lib.exception import APIException

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
