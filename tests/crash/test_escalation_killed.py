"""kill -9 while an escalation is told: everybody hears it, and PagerDuty has one incident, which ends.

At one moment unless DESKBELL_CRASH_KILLS is set; then at each.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from household_at_work import PATIENCE, Household, a_household
from moments import Moment, behind_commit

from bot.sandbox import household
from bot.sandbox.pagerduty.events import PagerDutyEventsTwin
from bot.sandbox.refusals import listening

EMERGENCY = "Production is down, nothing works!"
ESCALATION = (
    '[enterprise-p1]\nfirst_reply_time = [{ after = "2s", notify = ["manager", "pagerduty"] }]\n'
    "resolution_time = []\n"
)


def when_pagerduty_has_it(twin: PagerDutyEventsTwin) -> Moment:
    """It has taken the event, and the desk dies before the answer."""

    async def kill(house: Household) -> None:
        taken = asyncio.Event()

        def watch() -> None:
            if not taken.is_set():
                house.desk.kill()
                taken.set()

        twin.watch = watch
        async with asyncio.timeout(PATIENCE):
            await taken.wait()

    return kill


MOMENTS: dict[str, Callable[[PagerDutyEventsTwin], Moment]] = {
    "the mark was told": lambda _twin: behind_commit("SELECT count(*) FROM alerts"),
    "PagerDuty had taken it": when_pagerduty_has_it,
    "it stood in the room": lambda _twin: behind_commit(
        "SELECT count(*) FROM alerts WHERE destination = '' AND state = 'sent'"
    ),
}


AT_LEAST = "PagerDuty had taken it"


@pytest.mark.slow
@pytest.mark.parametrize("name", MOMENTS if "DESKBELL_CRASH_KILLS" in os.environ else [AT_LEAST])
async def test_an_escalation_survives_a_kill_when(name: str, tmp_path: Path, index: Path) -> None:
    twin = PagerDutyEventsTwin()
    (key,) = twin.services
    async with listening(twin.app()) as url:
        more = {"PAGERDUTY_ROUTING_KEY": key, "PAGERDUTY_URL": url}
        files = {"escalation.toml": ESCALATION}
        async with a_household(tmp_path / "data", index, seed=1, more=more, files=files) as house:
            moment = asyncio.ensure_future(MOMENTS[name](twin)(house))
            asked = await house.slack.say(household.CUSTOMER, household.SUPPORT, EMERGENCY)
            await moment
            assert await house.desk.ended() == -9
            await house.come_back()
            await house.until(lambda: len(twin.of("triggered")) == 1, "PagerDuty has it")
            await house.until(lambda: len(told(house)) == 1, "it is told in the room")
            await house.slack.say(household.AGENT, household.SUPPORT, "We are on it.", asked)
            await house.until(lambda: len(twin.of("resolved")) == 1, "the incident is resolved")
            await house.quiet()

            assert len(twin.incidents) == 1
            assert len(told(house)) == 1
            assert house.file.parked() == []
            rows = house.file.rows("SELECT destination, state FROM alerts ORDER BY destination")
            assert rows == [("", "sent"), ("pagerduty", "sent")]


def told(house: Household) -> list[object]:
    return [message for message in house.slack.history(household.TRIAGE) if message.bot_id]
