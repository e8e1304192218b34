"""Who holds the floor: the bot is silent once a person has spoken, until it is addressed again."""

from __future__ import annotations

from datetime import timedelta

from scenario_kit import (
    BOT,
    EMERGENCY,
    KNOWN,
    SUPPORT,
    UNKNOWN,
    Open,
    SlowKnowledge,
    add,
    ask,
    clocks,
    heard,
    press,
    public_comments,
    replies_in,
    said_in,
    tickets,
    until,
    words,
    working,
)

from bot.commands.sandboxing import Sandbox
from bot.core.model import ClockState, Metric
from bot.sandbox.faults import FaultKind


async def test_after_an_agent_has_spoken_the_bot_is_silent(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)
    await add(sandbox, thread, "I'll look into it.", who="ada")
    before = said_in(sandbox, thread)

    await add(sandbox, thread, KNOWN)

    assert said_in(sandbox, thread) == before


async def test_an_agent_who_speaks_while_an_answer_is_drafted_is_not_talked_over(opened: Open) -> None:
    knowledge = SlowKnowledge()
    async with opened(knowledge=knowledge) as sandbox:
        thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
        async with working(sandbox):
            await knowledge.asked.wait()
            await sandbox.slack.say("ada", SUPPORT, "Hi Carol, I have it.", thread)
            await until(lambda: heard(sandbox, "Hi Carol, I have it."))
            knowledge.may_answer.set()
        await sandbox.settle()

        assert said_in(sandbox, thread) == []


async def test_an_agent_who_speaks_while_an_answer_waits_to_be_posted_is_not_talked_over(
    sandbox: Sandbox,
) -> None:
    sandbox.slack.faults.fail_next(
        "chat.postMessage", FaultKind.RATE_LIMITED, retry_after=timedelta(minutes=1)
    )
    thread = await ask(sandbox, KNOWN)
    await add(sandbox, thread, "Hi Carol, I have it.", who="ada")
    await sandbox.settle(within=timedelta(minutes=2))

    assert said_in(sandbox, thread) == []


async def test_an_answer_to_somebody_who_called_the_bot_is_said_all_the_same(opened: Open) -> None:
    knowledge = SlowKnowledge()
    async with opened(knowledge=knowledge) as sandbox:
        thread = await sandbox.slack.say("carol", SUPPORT, f"{BOT} {KNOWN}")
        async with working(sandbox):
            await knowledge.asked.wait()
            await sandbox.slack.say("ada", SUPPORT, "Let's see what it says.", thread)
            await until(lambda: heard(sandbox, "Let's see what it says."))
            knowledge.may_answer.set()
        await sandbox.settle()

        assert len(said_in(sandbox, thread)) == 1


async def test_the_bot_answers_again_when_it_is_mentioned(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)
    await add(sandbox, thread, "I'll look into it.", who="ada")

    await add(sandbox, thread, f"{BOT} how do I connect DataHub?")

    assert "DATAHUB_GMS_URL" in words(replies_in(sandbox, thread)[-1])


async def test_an_agent_who_asks_the_bot_has_not_replied_to_the_customer(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    await add(sandbox, thread, f"{BOT} how do I connect DataHub?", who="ada")

    assert "DATAHUB_GMS_URL" in words(replies_in(sandbox, thread)[-1])
    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.RUNNING


async def test_an_agents_reply_in_the_thread_keeps_the_promise_and_reaches_the_desk(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    await add(sandbox, thread, "We are on it.", who="ada")

    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.MET
    assert "We are on it." in public_comments(sandbox)[-1]
    assert sandbox.zendesk.ticket(1).status == "open"


async def test_a_bots_answer_keeps_no_promise(sandbox: Sandbox) -> None:
    await ask(sandbox, "Production is down since we restarted DataHub!")

    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.RUNNING


async def test_in_a_thread_that_an_agent_began_the_bot_says_nothing_unasked(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, "How is the new DataHub connector doing?", who="ada")
    await add(sandbox, thread, "Not well: how do we connect DataHub?")

    assert said_in(sandbox, thread) == []


async def test_an_agents_reply_in_zendesk_takes_the_floor_too(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)
    await press(sandbox, replies_in(sandbox, thread)[0], "open_ticket")
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Which moon?")
    await sandbox.settle()
    before = said_in(sandbox, thread)

    await add(sandbox, thread, KNOWN)

    assert said_in(sandbox, thread) == before
    assert len(await tickets(sandbox)) == 1
