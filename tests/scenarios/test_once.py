"""Said once, answered once: duplicates, retries, echoes, edits and other programs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from scenario_kit import (
    BOT,
    COMMUNITY,
    EMERGENCY,
    KNOWN,
    SUPPORT,
    UNKNOWN,
    add,
    ask,
    cards_in,
    press,
    public_comments,
    replies_in,
    said_in,
    tickets,
)

from bot.commands.sandboxing import Sandbox
from bot.sandbox.faults import FaultKind
from bot.sandbox.slack.building import add_user
from bot.sandbox.slack.things import TwinMessage


async def test_a_mention_is_told_twice_and_answered_once(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, f"{BOT} {KNOWN}")

    assert len(sandbox.slack.journal.of("deliver:app_mention", outcome="ok")) == 1
    assert len(sandbox.slack.journal.of("deliver:message", outcome="ok")) >= 1
    assert len(said_in(sandbox, thread)) == 1


async def test_everything_delivered_twice_is_done_once(sandbox: Sandbox) -> None:
    sandbox.slack.faults.fail_next("deliver:*", FaultKind.DUPLICATE, times=None)
    sandbox.zendesk.faults.fail_next("deliver:*", FaultKind.DUPLICATE, times=None)

    thread = await ask(sandbox, "Production is down since we restarted DataHub!")
    await add(sandbox, thread, "Are you there?")
    sandbox.zendesk.agent_reply(1, sandbox.agent, "We are.")
    await sandbox.settle()

    assert len(await tickets(sandbox)) == len(sandbox.zendesk.tickets()) == 1
    assert [("DATAHUB_GMS_URL" in text, "We are." in text) for text in said_in(sandbox, thread)] == [
        (True, False),
        (False, True),
    ]
    assert len(cards_in(sandbox, thread)) == 1
    assert public_comments(sandbox)[1:] == ["Are you there?", "We are."]


async def test_a_press_delivered_twice_opens_one_ticket_and_says_so_once(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)
    sandbox.slack.faults.fail_next("deliver:block_actions", FaultKind.DUPLICATE)
    await press(sandbox, replies_in(sandbox, thread)[0], "open_ticket")

    assert len(await tickets(sandbox)) == 1
    assert len(said_in(sandbox, thread)) == 1


async def test_a_question_that_arrives_after_its_own_afterthought_is_answered_all_the_same(
    sandbox: Sandbox,
) -> None:
    sandbox.slack.faults.fail_next("deliver:message", FaultKind.REORDER)
    thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
    await sandbox.slack.say("carol", SUPPORT, "Thanks!", thread)
    await sandbox.settle()

    assert len(said_in(sandbox, thread)) == 1


async def test_a_message_that_was_stored_but_not_acknowledged_is_answered_once_after_a_restart(
    sandbox: Sandbox,
) -> None:
    sandbox.slack.faults.fail_next("deliver:message", FaultKind.TIMEOUT_AFTER, times=2)
    thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
    await sandbox.slack.settled()
    await sandbox.restart()
    await sandbox.settle()
    assert len(said_in(sandbox, thread)) == 1

    assert sandbox.slack.next_retry_at is not None
    await sandbox.restart()
    await sandbox.move(timedelta(minutes=10))  # Slack tries again, as it does for whatever it thinks was lost
    await sandbox.settle()
    assert len(said_in(sandbox, thread)) == 1
    assert len(sandbox.slack.journal.of("deliver:message", outcome="ok")) >= 1


async def test_what_was_said_while_the_program_was_down_is_answered_when_slack_tries_again(
    sandbox: Sandbox,
) -> None:
    await sandbox.running.stop()
    thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
    await sandbox.slack.settled()
    await sandbox.running.start()
    await sandbox.settle(within=timedelta(minutes=2))

    assert len(said_in(sandbox, thread)) == 1


async def test_an_edit_or_a_preview_starts_nothing(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)
    said = said_in(sandbox, thread)

    await sandbox.slack.unfurl(SUPPORT, thread)
    await sandbox.slack.edit("carol", SUPPORT, thread, "How do I disconnect DataHub?")
    await sandbox.slack.react("carol", SUPPORT, thread, "eyes")
    await sandbox.settle()

    assert said_in(sandbox, thread) == said


async def test_other_programs_are_not_answered(sandbox: Sandbox) -> None:
    world = sandbox.slack.world
    program = add_user(world, "statusbot", team=world.home, is_bot=True)
    message = world.post(
        TwinMessage(
            channel=world.channel(COMMUNITY).id,
            ts=world.next_ts(),
            user=program.id,
            team_id=program.team_id,
            bot_id="B0STATUS",
            text=KNOWN,
        )
    )
    await sandbox.settle()

    assert sandbox.slack.thread(COMMUNITY, message.ts) == [message]


async def test_our_own_posts_start_nothing(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    before = len(sandbox.slack.thread(SUPPORT, thread))
    for _ in range(3):
        await sandbox.move(timedelta(minutes=1))
        await sandbox.settle()

    assert len(sandbox.slack.thread(SUPPORT, thread)) == before


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_BEFORE, FaultKind.SERVER_ERROR])
async def test_a_delivery_that_fails_at_first_is_made_up_for(sandbox: Sandbox, kind: FaultKind) -> None:
    sandbox.slack.faults.fail_next("deliver:message", kind)
    thread = await ask(sandbox, KNOWN)

    assert len(said_in(sandbox, thread)) == 1
