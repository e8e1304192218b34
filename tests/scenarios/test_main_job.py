"""From the customer's first word to the end of the clock, over real sockets."""

from __future__ import annotations

from datetime import timedelta

from scenario_kit import ON_BOTH

from bot.commands.sandboxing import Sandbox
from bot.core.model import ClockState, Metric, TicketId, TicketStatus

pytestmark = ON_BOTH


async def test_question_answer_ticket_zendesk_reply_and_the_clock_stops(sandbox: Sandbox) -> None:
    slack, zendesk = sandbox.slack, sandbox.zendesk

    asked = await slack.say("carol", "acme-support", "How do I connect DataHub?")
    await sandbox.settle()
    _, answer = slack.thread("acme-support", asked)
    assert "DATAHUB_GMS_URL" in str(answer.blocks)
    assert "https://docs.opendatagov.io/integrations/datahub" in str(answer.blocks)
    assert [button.action_id for button in answer.buttons] == ["helped", "not_helped", "open_ticket"]

    await slack.press("carol", "acme-support", answer.ts, "open_ticket")
    await sandbox.settle()
    _, answer, card = slack.thread("acme-support", asked)
    assert answer.buttons == ()
    assert "DB-1" in str(card.blocks)
    (replica,) = zendesk.tickets()
    assert replica.subject == "How do I connect DataHub?"

    zendesk.agent_reply(replica.id, sandbox.agent, "Which version do you run?")
    await sandbox.settle()
    *_, relayed = slack.thread("acme-support", asked)
    assert "Which version do you run?" in str(relayed.blocks)
    assert "Ada Agent" in str(relayed.blocks)

    async with sandbox.program.ledger.reading() as records:
        ticket = await records.ticket(TicketId(1))
        clocks = {clock.metric: clock for clock in await records.clocks(ticket.id)}
    assert ticket.status is TicketStatus.OPEN
    assert clocks[Metric.FIRST_REPLY_TIME].state is ClockState.MET
    assert clocks[Metric.RESOLUTION_TIME].state is ClockState.RUNNING
    assert await sandbox.program.ledger.parked() == []


async def test_no_reply_warning_escalation_mention_and_acknowledgement(sandbox: Sandbox) -> None:
    slack = sandbox.slack
    asked = await slack.say("carol", "acme-support", "Production is down, nothing works!")
    await sandbox.settle()
    assert "DB-1" in str(slack.thread("acme-support", asked)[-1].blocks) or slack.thread(
        "acme-support", asked
    )

    await sandbox.move(timedelta(hours=2, seconds=1))
    await sandbox.settle()
    (escalation,) = slack.history("triage")
    assert f"<@{slack.world.user('otto').id}>" in str(escalation.blocks)
    assert [button.action_id for button in escalation.buttons] == [
        "acknowledge",
        "snooze_short",
        "snooze_long",
    ]

    await slack.press("otto", "triage", escalation.ts, "acknowledge")
    await sandbox.settle()
    (escalation,) = slack.history("triage")
    assert escalation.buttons == ()
    assert "Acknowledged by" in str(escalation.blocks)

    await sandbox.move(timedelta(hours=6))
    await sandbox.settle()
    told = slack.history("triage")
    assert all(f"<@{slack.world.user('otto').id}>" not in str(message.blocks) for message in told[1:])
    async with sandbox.program.ledger.reading() as records:
        clocks = await records.clocks(TicketId(1))
    assert {"warning", "breach"} <= set(clocks[0].told)
    assert await sandbox.program.ledger.parked() == []
