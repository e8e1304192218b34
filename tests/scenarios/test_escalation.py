"""Time runs out: who is called, when, how often, and what stops it."""

from __future__ import annotations

from datetime import timedelta

from scenario_kit import (
    EMERGENCY,
    TRIAGE,
    TUESDAY,
    Open,
    add,
    ask,
    buttons,
    clocks,
    mention,
    press,
    ticket,
    words,
)

from bot.commands.sandboxing import Sandbox
from bot.core.model import ClockState, Metric
from bot.sandbox.household import PolicyFiles
from bot.sandbox.slack.world import World

HOUR = timedelta(hours=1)
LATER = timedelta(seconds=1)
FIRST, RESOLUTION = Metric.FIRST_REPLY_TIME, Metric.RESOLUTION_TIME


async def test_each_step_of_an_unanswered_emergency_is_told_once_at_its_time(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    told = []
    for minutes in range(30, 6 * 60, 30):
        await _at(sandbox, timedelta(minutes=minutes))
        told.append((minutes / 60, len(sandbox.slack.history(TRIAGE))))

    # after 2 h; 80 % = 3:12 h; 100 % = 4 h; 120 % = 4:48 h
    news = [hours for (hours, count), (_, before) in zip(told[1:], told, strict=False) if count > before]
    assert news == [2.0, 3.5, 4.0, 5.0]
    assert told[-1][1] == 4


async def test_a_long_jump_tells_everything_that_came_due_in_one_message_of_each_clock(
    sandbox: Sandbox,
) -> None:
    await ask(sandbox, EMERGENCY)
    await sandbox.move(timedelta(days=3))
    await sandbox.settle()
    await sandbox.move(timedelta(days=3))
    await sandbox.settle()

    first, resolution = sandbox.slack.history(TRIAGE)
    assert "first reply was due" in words(first)
    assert "resolution was due" in words(resolution)
    for message in (first, resolution):
        assert (
            words(message).count(mention(sandbox, "otto"))
            == words(message).count(mention(sandbox, "ada"))
            == 1
        )
    for clock in (await clocks(sandbox)).values():
        assert len(set(clock.told)) == len(clock.told) == 2 + len(clock.steps)


async def test_a_reply_stops_what_was_still_to_come(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    await _at(sandbox, 3 * HOUR)
    await add(sandbox, thread, "We are on it.", who="ada")
    await _at(sandbox, 15 * HOUR)

    assert len(sandbox.slack.history(TRIAGE)) == 1  # the step after two hours
    assert (await clocks(sandbox))[FIRST].state is ClockState.MET


async def test_a_paused_clock_escalates_nothing(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Which version?", status="pending")
    await sandbox.settle()
    await sandbox.move(timedelta(days=30))
    await sandbox.settle()

    assert sandbox.slack.history(TRIAGE) == []
    assert (await clocks(sandbox))[RESOLUTION].state is ClockState.PAUSED


async def test_acknowledged_stops_the_steps_but_not_the_news_of_the_breach(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    await _at(sandbox, 2 * HOUR)
    (escalation,) = sandbox.slack.history(TRIAGE)
    await press(sandbox, escalation, "acknowledge", who="otto", channel=TRIAGE)
    await _at(sandbox, 3.5 * HOUR)
    await _at(sandbox, 6 * HOUR)

    _, breach = sandbox.slack.history(TRIAGE)  # and no warning in between
    assert "was due" in words(breach)
    assert "otto has it" in words(breach)
    assert buttons(breach) == []
    assert mention(sandbox, "otto") not in words(breach)
    assert (await clocks(sandbox))[FIRST].state is ClockState.RUNNING


async def test_an_escalation_that_is_acknowledged_before_it_is_posted_is_not_posted(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    await _at(sandbox, 2 * HOUR)
    (escalation,) = sandbox.slack.history(TRIAGE)
    sandbox.slack.faults.outage(on=True, operation="chat.postMessage")
    await _at(sandbox, 3 * HOUR + 12 * timedelta(minutes=1))
    await press(sandbox, escalation, "acknowledge", who="otto", channel=TRIAGE)
    sandbox.slack.faults.outage(on=False, operation="chat.postMessage")
    await sandbox.settle(within=timedelta(minutes=15))

    assert len(sandbox.slack.history(TRIAGE)) == 1


async def test_an_escalation_that_a_reply_overtakes_is_not_posted(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    sandbox.slack.faults.outage(on=True, operation="chat.postMessage")
    await _at(sandbox, 2 * HOUR)
    await add(sandbox, thread, "We are on it.", who="ada")
    sandbox.slack.faults.outage(on=False, operation="chat.postMessage")
    await sandbox.settle(within=timedelta(minutes=15))

    assert sandbox.slack.history(TRIAGE) == []


async def test_people_are_those_on_call_when_it_is_told_and_not_when_it_began(opened: Open) -> None:
    async with opened(arrange=_ada_until_one_then_otto) as sandbox:
        await ask(sandbox, EMERGENCY)
        await _at(sandbox, 2 * HOUR)

        (escalation,) = sandbox.slack.history(TRIAGE)
        assert mention(sandbox, "otto") in words(escalation)
        assert mention(sandbox, "ada") not in words(escalation)


async def test_when_nobody_is_on_call_the_fallback_is_called(opened: Open) -> None:
    async with opened(arrange=_nobody_but_the_fallback) as sandbox:
        await ask(sandbox, EMERGENCY)
        await _at(sandbox, 2 * HOUR)

        (escalation,) = sandbox.slack.history(TRIAGE)
        assert mention(sandbox, "ada") in words(escalation)


async def test_when_nobody_at_all_is_configured_it_is_told_all_the_same(opened: Open) -> None:
    async with opened(arrange=_nobody) as sandbox:
        await ask(sandbox, EMERGENCY)
        await _at(sandbox, 2 * HOUR)

        (escalation,) = sandbox.slack.history(TRIAGE)
        assert "Please take it" in words(escalation)


async def test_an_escalation_links_to_the_thread_and_names_the_customer(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    await _at(sandbox, 2 * HOUR)

    (escalation,) = sandbox.slack.history(TRIAGE)
    assert f"p{thread.replace('.', '')}" in words(escalation)
    assert "acme" in words(escalation)
    assert (await ticket(sandbox)).organisation == "acme"


async def test_without_a_link_it_is_told_all_the_same(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    sandbox.slack.faults.outage(on=True, operation="chat.getPermalink")
    await _at(sandbox, 2 * HOUR)

    assert len(sandbox.slack.history(TRIAGE)) == 1


async def test_a_restart_in_between_forgets_no_step_and_repeats_none(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    await _at(sandbox, 2 * HOUR)
    await sandbox.running.stop()
    sandbox.time.move(TUESDAY + 4 * HOUR + LATER - sandbox.time.now())
    await sandbox.running.start()
    await sandbox.settle()

    assert len(sandbox.slack.history(TRIAGE)) == 2
    assert set((await clocks(sandbox))[FIRST].told) == {"warning", "breach", "step:0", "step:1", "step:2"}


async def _at(sandbox: Sandbox, since: timedelta) -> None:
    """Go to this long after the beginning, and a second more."""
    await sandbox.move(TUESDAY + since + LATER - sandbox.time.now())
    await sandbox.settle()


def _ada_until_one_then_otto(_world: World, files: PolicyFiles) -> None:
    files["oncall.toml"] = (
        "[vp_engineering]\npeople = []\nshifts = [\n"
        '  { person = "ada", starts_at = 2026-11-24T00:00:00Z, ends_at = 2026-11-24T16:00:00Z },\n'
        '  { person = "otto", starts_at = 2026-11-24T16:00:00Z, ends_at = 2026-11-25T00:00:00Z },\n'
        "]\n"
    )


def _nobody_but_the_fallback(_world: World, files: PolicyFiles) -> None:
    files["oncall.toml"] = '[vp_engineering]\npeople = []\n\n[fallback]\npeople = ["ada"]\n'


def _nobody(_world: World, files: PolicyFiles) -> None:
    files["oncall.toml"] = "[vp_engineering]\npeople = []\n"
