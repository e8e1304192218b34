"""Promises over a ticket's life: next replies, thanks, edited files, and what the commands say about them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from scenario_kit import (
    EMERGENCY,
    ON_BOTH,
    TRIAGE,
    TUESDAY,
    Open,
    add,
    ask,
    clocks,
    said_in,
    ticket,
    words,
)

from bot.__main__ import main
from bot.commands.sandboxing import Sandbox
from bot.core.model import ClockState, Metric, TicketStatus
from bot.sandbox.household import PolicyFiles
from bot.sandbox.slack.world import World

pytestmark = ON_BOTH

HOUR = timedelta(hours=1)
NEXT, FIRST, RESOLUTION = Metric.NEXT_REPLY_TIME, Metric.FIRST_REPLY_TIME, Metric.RESOLUTION_TIME

PROMISES = """
[policy]
name = "ours"
version = 3

[enterprise.P1]
calendar = "business"
first_reply_time = "2h"
next_reply_time = "4h"
resolution_time = "12h"
escalation = "enterprise-p1"
"""
ESCALATION = """
[enterprise-p1]
next_reply_time = [{ percent = 50, notify = "manager" }]
"""
HOLIDAY = """
[business]
timezone = "America/New_York"
extra_holidays = { 2026-11-25 = "Founders' Day" }

[business.hours]
mon = [["09:00", "17:00"]]
tue = [["09:00", "17:00"]]
wed = [["09:00", "17:00"]]
thu = [["09:00", "17:00"]]
"""


def with_next_replies(_world: World, files: PolicyFiles) -> None:
    files["sla.toml"] = PROMISES
    files["escalation.toml"] = ESCALATION


def config_of(sandbox: Sandbox) -> Path:
    directory = sandbox.running.settings.config_dir
    assert directory is not None
    return directory


async def test_a_question_under_way_is_promised_an_answer_and_escalates(
    opened: Open, database_url: str | None
) -> None:
    async with opened(arrange=with_next_replies, database_url=database_url) as sandbox:
        thread = await ask(sandbox, EMERGENCY)
        await add(sandbox, thread, "We are on it.", who="ada")
        await sandbox.move(HOUR)
        await add(sandbox, thread, "Any news?")
        await sandbox.move(2 * HOUR + timedelta(minutes=1))
        await sandbox.settle()

        (called,) = sandbox.slack.history(TRIAGE)
        assert "next reply is due" in words(called)
        sandbox.zendesk.agent_reply(1, sandbox.agent, "Node 3 was full; it is not any more.")
        await sandbox.settle()
        clock = (await clocks(sandbox))[NEXT]
        assert (clock.state, clock.ended_because) == (ClockState.MET, "a person replied")


async def test_a_thank_you_leaves_a_solved_ticket_solved_here_and_in_the_desk(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Fixed.", status="solved")
    await sandbox.settle()
    await sandbox.move(HOUR)
    await add(sandbox, thread, "Perfect, thank you so much!")

    assert (await ticket(sandbox)).status is TicketStatus.SOLVED
    assert sandbox.zendesk.ticket(1).status == "solved"
    assert sandbox.zendesk.comments(1)[-1].body == "Perfect, thank you so much!"
    assert (await clocks(sandbox))[RESOLUTION].state is ClockState.MET


async def test_a_holiday_that_is_entered_later_moves_what_is_left(
    opened: Open, database_url: str | None
) -> None:
    async with opened(arrange=with_next_replies, database_url=database_url) as sandbox:
        await ask(sandbox, EMERGENCY)  # Tuesday 10:00 in New York: seven hours are left of it
        await sandbox.move(HOUR)
        before = (await clocks(sandbox))[RESOLUTION]
        assert before.due_at == TUESDAY + timedelta(hours=28)  # Wednesday 14:00
        (config_of(sandbox) / "calendars.toml").write_text(HOLIDAY, encoding="utf-8")
        await sandbox.restart()
        await sandbox.settle()

        after = (await clocks(sandbox))[RESOLUTION]
        assert after.due_at == TUESDAY + timedelta(
            hours=52
        )  # Thursday 14:00, which is Thanksgiving to others
        assert [segment.change for segment in after.segments] == ["", "calendar changed"]
        assert after.segments[0].terms == before.segments[0].terms
        await sandbox.restart()
        assert (await clocks(sandbox))[RESOLUTION] == after


async def test_the_commands_explain_try_and_apply(
    opened: Open,
    database_url: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    async with opened(arrange=with_next_replies, database_url=database_url) as sandbox:
        thread = await ask(sandbox, EMERGENCY)
        await sandbox.move(HOUR)
        await add(sandbox, thread, "We are on it.", who="ada")
        settings = sandbox.running.settings
        tried = tmp_path / "tried"
        tried.mkdir()
        (tried / "sla.toml").write_text(PROMISES.replace('"12h"', '"4h"'), encoding="utf-8")
        (tried / "escalation.toml").write_text(ESCALATION, encoding="utf-8")
        await sandbox.running.stop()
    for name, value in (
        ("DATABASE_URL", settings.database_url.reveal()),
        ("DESKBELL_DATA", str(settings.data_dir)),
        ("DESKBELL_CONFIG", str(settings.config_dir)),
    ):
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert _in_thread(lambda: main(["sla", *arguments])) == 0
        return capsys.readouterr().out

    assert "First reply: kept (a person replied) · 2 h in business · policy ours@3" in run("explain", "DB-1")
    tried_on = json.loads(run("dry-run", "--config", str(tried), "--json"))
    (move,) = tried_on["moves"]
    assert (move["ticket"], move["metric"], move["due_at"], move["at_next_start"]) == (
        "DB-1",
        "resolution_time",
        "2026-11-25T19:00:00Z",
        False,
    )
    (row,) = [one for one in tried_on["attainment"] if one["metric"] == "first_reply_time"]
    assert (row["ended"], row["kept"], row["kept_then"]) == (1, 1, 1)
    monkeypatch.setenv("DESKBELL_CONFIG", str(tried))
    assert json.loads(run("apply", "--json")) == {"tickets_changed": 1}
    assert "No due time would move." in run("dry-run", "--config", str(tried))


async def test_an_agent_asks_the_bot_how_it_was_reckoned(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    before = said_in(sandbox, thread)
    await add(sandbox, thread, "@Deskbell explain", who="ada")

    (told,) = sandbox.slack.history(TRIAGE)
    assert "First reply: running" in words(told)
    assert said_in(sandbox, thread) == before
    assert (await clocks(sandbox))[FIRST].state is ClockState.RUNNING


def _in_thread(call: object) -> object:
    """Commands run a loop of their own, and this test has one already."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only here

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(call).result()  # type: ignore[arg-type]  # any callable without arguments
