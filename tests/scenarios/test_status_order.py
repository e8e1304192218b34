"""The desk's webhooks are repeated late; what is true is what the desk did last."""

from __future__ import annotations

from datetime import timedelta

from bot.commands.sandboxing import Sandbox
from bot.core.model import ClockState, Metric, TicketId, TicketStatus
from bot.sandbox.faults import FaultKind


async def test_a_status_that_arrives_late_does_not_undo_a_newer_one(sandbox: Sandbox) -> None:
    zendesk = sandbox.zendesk
    await sandbox.slack.say("carol", "acme-support", "Production is down, nothing works!")
    await sandbox.settle()
    (replica,) = zendesk.tickets()

    zendesk.faults.fail_next("deliver:ticket.status_changed", FaultKind.REORDER)
    zendesk.set_status(replica.id, "open", sandbox.agent)
    sandbox.time.move(timedelta(minutes=1))  # and nobody ticks: the first is still held back
    zendesk.set_status(replica.id, "solved", sandbox.agent)
    await sandbox.settle()

    async with sandbox.program.ledger.reading() as records:
        ticket = await records.ticket(TicketId(1))
        clocks = {clock.metric: clock for clock in await records.clocks(ticket.id)}
    told = [entry.request for entry in zendesk.journal.of("deliver:ticket.status_changed")]
    assert len(told) == 2
    assert ticket.status is TicketStatus.SOLVED
    assert clocks[Metric.RESOLUTION_TIME].state is ClockState.MET


async def test_a_strangers_subject_is_no_link_among_our_own_people(sandbox: Sandbox) -> None:
    await sandbox.slack.say(
        "carol", "acme-support", "Production is down! [Acknowledge here](https://evil.example/login)"
    )
    await sandbox.settle()
    await sandbox.move(timedelta(hours=2, seconds=1))
    await sandbox.settle()
    (escalation,) = sandbox.slack.history("triage")
    assert "](https://evil.example" not in str(escalation.blocks)
    assert "`https://evil.example" in str(escalation.blocks)
