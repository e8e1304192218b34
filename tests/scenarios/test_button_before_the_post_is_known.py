"""A button is on the screen as soon as Slack has the message; the desk may learn of it later."""

from __future__ import annotations

from datetime import timedelta

from scenario_kit import ON_BOTH

from bot.commands.sandboxing import Sandbox
from bot.sandbox.faults import FaultKind

NOW = timedelta(0)
pytestmark = ON_BOTH  # a sequence takes no number back


async def test_a_button_pressed_before_its_post_was_written_down_still_takes_the_buttons_away(
    sandbox: Sandbox,
) -> None:
    slack = sandbox.slack
    slack.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER)
    asked = await slack.say("carol", "acme-support", "How do I connect DataHub?")
    await sandbox.settle(within=NOW)
    _, answer = slack.thread("acme-support", asked)  # there, and its post has yet to be tried again

    await slack.press("carol", "acme-support", answer.ts, "open_ticket")
    await sandbox.settle()

    _, answer, card = slack.thread("acme-support", asked)
    assert answer.buttons == ()
    assert "DB-1" in str(card.blocks)
    assert len(sandbox.zendesk.tickets()) == 1
    assert await sandbox.program.ledger.parked() == []
