"""The twin sends again what Zendesk sends again, in its own time, and not for ever."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from zendesk_bench import Bench, Receiver, a_bench, a_receiver

from bot.sandbox.faults import FaultKind


async def a_told_ticket(bench: Bench, receiver: Receiver) -> None:
    """A ticket whose creation was not announced, and a subscription from now on."""
    await bench.create()
    bench.twin.subscribe(receiver.url, "s3cret")


def note(bench: Bench, text: str) -> Any:
    agent = bench.twin.add_agent("Grace", "grace@opendatagov.example")
    return bench.twin.agent_reply(1, agent, text, public=False)


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
