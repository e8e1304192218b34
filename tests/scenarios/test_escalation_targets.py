"""Whom an escalation reaches besides the people of a role, how often, and what happens when one is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import ClientSession
from scenario_kit import (
    EMERGENCY,
    SUPPORT,
    TRIAGE,
    TUESDAY,
    FixedTime,
    Open,
    add,
    ask,
    buttons,
    clocks,
    mention,
    parked,
    press,
    replies_in,
    words,
)
from smtp_twin import SmtpTwin, a_mail_server

from bot.commands.sandboxing import Sandbox
from bot.core.model import ClockState, Metric
from bot.sandbox.household import PolicyFiles
from bot.sandbox.pagerduty.events import PagerDutyEventsTwin
from bot.sandbox.refusals import Refusal, listening
from bot.sandbox.slack.world import World
from bot.sandbox.webhook_receiver import WebhookReceiver

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FIRST = Metric.FIRST_REPLY_TIME
KEY = "d" * 32
PAGER = '{ after = "1h", notify = "pagerduty", repeat = "15m", at_most = 3 }'


@dataclass(slots=True, kw_only=True)
class Town:
    """The sandbox and everybody who can be told outside Slack."""

    sandbox: Sandbox
    pagerduty: PagerDutyEventsTwin
    ops: WebhookReceiver
    mail: SmtpTwin

    async def pass_until(self, since: timedelta, *, step: timedelta = 5 * MINUTE) -> None:
        """Up to so long after the beginning, a few minutes at a time, as a worker that is awake sees it."""
        until = TUESDAY + since + timedelta(seconds=1)
        while self.sandbox.time.now() < until:
            await self.sandbox.move(min(step, until - self.sandbox.time.now()))
            await self.sandbox.settle()

    @property
    def triage(self) -> list[str]:
        return [words(message) for message in self.sandbox.slack.history(TRIAGE)]


@asynccontextmanager
async def a_town(
    opened: Open, *steps: str, extra: str = "", csm: str = "", rooms: str = ""
) -> AsyncIterator[Town]:
    """Emergencies follow these steps."""
    pagerduty, time = PagerDutyEventsTwin(), _SharedTime()
    ops = WebhookReceiver(time=time)
    async with (
        listening(pagerduty.app()) as pagerduty_url,
        listening(ops.app()) as ops_url,
        a_mail_server() as mail,
    ):
        variables = {
            "PAGERDUTY_ROUTING_KEY": KEY,
            "PAGERDUTY_URL": pagerduty_url,
            "OPS_WEBHOOK_SECRET": ops.secret,
            "SMTP_URL": mail.url,
            "SMTP_FROM": "deskbell@opendatagov.example",
        }

        def arrange(_world: World, files: PolicyFiles) -> None:
            files["escalation.toml"] = (
                f"[enterprise-p1]\nfirst_reply_time = [{', '.join(steps)}]\nresolution_time = []\n"
            )
            files["destinations.toml"] = (
                f'[webhook.ops]\nurl = "{ops_url}/hook"\nsecret = "OPS_WEBHOOK_SECRET"\n'
                "allow_private = true\n"
                '[mail.managers]\naddress = "managers@opendatagov.example"\n' + extra.format(ops=ops_url)
            )
            files["organisations.toml"] += csm
            files["channels.toml"] += rooms

        async with opened(arrange=arrange, variables=variables) as sandbox:
            time.of = sandbox.time.now
            yield Town(sandbox=sandbox, pagerduty=pagerduty, ops=ops, mail=mail)


class _SharedTime:
    """The sandbox's, once it is there."""

    def __init__(self) -> None:
        self.of = FixedTime().now

    def now(self) -> datetime:
        return self.of()


async def test_a_step_is_repeated_until_it_has_been_told_as_often_as_it_says(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "manager", repeat = "15m", at_most = 3 }') as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(3 * HOUR)

        assert len(town.triage) == 4
        assert "(Reminder 3.)" in town.triage[-1]
        told = (await clocks(town.sandbox))[FIRST].told
        assert [name for name in told if name.startswith("step")] == [
            "step:0",
            "step:0:1",
            "step:0:2",
            "step:0:3",
        ]


async def test_acknowledging_ends_the_repeats_and_everywhere_it_says_who_has_it(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "manager", repeat = "15m", at_most = 4 }') as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + 16 * MINUTE)
        first, second = town.sandbox.slack.history(TRIAGE)
        await press(town.sandbox, second, "acknowledge", who="otto", channel=TRIAGE)
        await town.pass_until(3 * HOUR)

        first, second = town.sandbox.slack.history(TRIAGE)
        for message in (first, second):
            assert "Acknowledged by" in words(message)
            assert buttons(message) == []


async def test_a_snoozed_escalation_waits_and_is_told_once_at_the_end_of_it(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "manager", repeat = "10m", at_most = 4 }') as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + MINUTE)
        (escalation,) = town.sandbox.slack.history(TRIAGE)
        assert buttons(escalation) == ["acknowledge", "snooze_short", "snooze_long"]
        await press(town.sandbox, escalation, "snooze_short", who="otto", channel=TRIAGE)
        await town.pass_until(HOUR + 30 * MINUTE)
        assert len(town.triage) == 1
        assert "Snoozed by" in town.triage[0]
        assert "until 16:31 UTC" in town.triage[0]
        assert buttons(town.sandbox.slack.history(TRIAGE)[0]) == ["acknowledge"]
        await town.pass_until(HOUR + 35 * MINUTE)
        assert len(town.triage) == 2  # three reminders in one message
        await town.pass_until(3 * HOUR)
        assert len(town.triage) == 3
        assert (await clocks(town.sandbox))[FIRST].state is ClockState.RUNNING


async def test_a_breach_is_told_whatever_is_snoozed(opened: Open) -> None:
    async with a_town(opened, '{ after = "3h 50m", notify = "manager" }') as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(3 * HOUR + 55 * MINUTE)
        escalation = town.sandbox.slack.history(TRIAGE)[-1]
        await press(town.sandbox, escalation, "snooze_long", who="otto", channel=TRIAGE)
        before = len(town.triage)
        await town.pass_until(4 * HOUR + 5 * MINUTE)

        assert len(town.triage) == before + 1
        assert "was due" in town.triage[-1]


async def test_a_customer_cannot_snooze_and_sees_no_button_for_it(opened: Open) -> None:
    def no_room_of_our_own(_world: World, files: PolicyFiles) -> None:
        files["channels.toml"] = files["channels.toml"].replace("escalations = true", "")

    async with opened(arrange=no_room_of_our_own) as sandbox:
        thread = await ask(sandbox, EMERGENCY)
        await sandbox.move(2 * HOUR + MINUTE)
        await sandbox.settle()
        (told,) = (one for one in replies_in(sandbox, thread) if "acknowledge" in buttons(one))

        assert buttons(told) == ["acknowledge"]


async def test_pagerduty_gets_one_incident_that_reminders_update_and_an_acknowledgement_follows(
    opened: Open,
) -> None:
    async with a_town(opened, PAGER) as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + 20 * MINUTE)
        (incident,) = town.pagerduty.incidents
        assert len(incident.triggers) == 2
        payload = incident.triggers[0]["payload"]
        assert payload["severity"] == "critical"
        assert payload["summary"].startswith("DB-1 · acme · P1 · First reply due 2026-11-24 19:00 UTC")
        assert incident.triggers[0]["links"][0]["href"].startswith("http")
        assert "Told, too: PagerDuty" in town.triage[0]

        await press(
            town.sandbox, town.sandbox.slack.history(TRIAGE)[0], "acknowledge", who="otto", channel=TRIAGE
        )
        assert incident.status == "acknowledged"
        await town.pass_until(3 * HOUR)
        assert len(incident.triggers) == 2


async def test_a_reply_resolves_the_incident_and_nobody_is_called_again(opened: Open) -> None:
    async with a_town(opened, PAGER) as town:
        thread = await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + MINUTE)
        await add(town.sandbox, thread, "We are on it.", who="ada")
        await town.pass_until(3 * HOUR)

        (incident,) = town.pagerduty.incidents
        assert incident.status == "resolved"
        assert len(incident.triggers) == 1


async def test_pagerduty_that_was_down_gets_one_incident_and_meanwhile_it_is_said_here(opened: Open) -> None:
    async with a_town(opened, PAGER) as town:
        await ask(town.sandbox, EMERGENCY)
        town.pagerduty.is_down = True
        await town.pass_until(HOUR + 10 * MINUTE, step=MINUTE)
        assert town.pagerduty.incidents == []
        late = town.triage[-1]
        assert "PagerDuty has not answered for 5 min; it is tried again." in late
        assert mention(town.sandbox, "otto") in late  # the fallback: nobody else was called

        town.pagerduty.is_down = False
        await town.pass_until(HOUR + 14 * MINUTE, step=MINUTE)
        (incident,) = town.pagerduty.incidents
        assert len(incident.triggers) == 1
        assert await parked(town.sandbox) == []


async def test_an_answer_that_was_lost_makes_no_second_incident(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "pagerduty" }') as town:
        await ask(town.sandbox, EMERGENCY)
        town.pagerduty.cuts_answers = 2
        await town.pass_until(HOUR + 2 * MINUTE, step=MINUTE)

        (incident,) = town.pagerduty.incidents
        assert len(incident.triggers) == 3


async def test_of_two_targets_a_dead_one_keeps_the_other_waiting_for_nothing(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = ["webhook:ops", "pagerduty", "manager"] }') as town:
        await ask(town.sandbox, EMERGENCY)
        town.ops.is_down = True
        await town.pass_until(HOUR)
        assert len(town.pagerduty.incidents) == 1
        assert mention(town.sandbox, "ada") in town.triage[0]
        await town.pass_until(HOUR + 6 * MINUTE, step=MINUTE)
        assert "webhook ops has not answered for 5 min" in town.triage[-1]
        assert mention(town.sandbox, "otto") not in town.triage[-1]  # others were reached

        town.ops.is_down = False
        await town.pass_until(HOUR + 15 * MINUTE, step=MINUTE)
        (event,) = town.ops.events.values()
        assert event["type"] == "escalation.triggered"
        assert event["data"]["ticket"] == "DB-1"
        assert town.ops.heard == list(town.ops.events)


async def test_a_destination_that_says_no_is_said_here_at_once_with_the_reason(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "pagerduty" }') as town:
        await ask(town.sandbox, EMERGENCY)
        town.pagerduty.services.clear()
        await town.pass_until(HOUR + MINUTE)

        assert "PagerDuty could not be told: PagerDuty answered 400." in town.triage[-1]
        assert mention(town.sandbox, "otto") in town.triage[-1]
        assert buttons(town.sandbox.slack.history(TRIAGE)[-1])[0] == "acknowledge"
        assert await parked(town.sandbox) == []


async def test_a_webhook_that_moved_is_not_followed(opened: Open) -> None:
    moved = '[webhook.moved]\nurl = "{ops}/moved"\nsecret = "OPS_WEBHOOK_SECRET"\nallow_private = true\n'
    async with a_town(opened, '{ after = "1h", notify = "webhook:moved" }', extra=moved) as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + MINUTE)

        assert "webhook moved could not be told: it answered 307." in town.triage[-1]
        assert town.ops.events == {}


async def test_a_webhook_hears_of_the_acknowledgement_and_the_end(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "webhook:ops" }') as town:
        thread = await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + MINUTE)
        await press(
            town.sandbox, town.sandbox.slack.history(TRIAGE)[0], "acknowledge", who="otto", channel=TRIAGE
        )
        await add(town.sandbox, thread, "We are on it.", who="ada")
        await town.sandbox.settle()

        told = list(town.ops.events.values())
        assert [event["type"].partition(".")[2] for event in told] == [
            "triggered",
            "acknowledged",
            "resolved",
        ]
        assert len({event["data"]["key"] for event in told}) == 1
        assert told[1]["data"]["acknowledged_by"]


async def test_a_webhook_that_asks_for_patience_gets_it(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "webhook:ops" }') as town:
        await ask(town.sandbox, EMERGENCY)
        town.ops.refusals.order(Refusal(status=429, headers={"retry-after": "40"}))
        await town.pass_until(HOUR + timedelta(seconds=20), step=HOUR)
        assert town.ops.events == {}
        await town.pass_until(HOUR + 2 * MINUTE, step=MINUTE)
        assert len(town.ops.events) == 1


async def test_a_mail_is_plain_says_that_a_machine_sent_it_and_is_tried_again(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "mail:managers" }') as town:
        await ask(town.sandbox, EMERGENCY)
        town.mail.refusals.append("450 4.2.1 later")
        await town.pass_until(HOUR + MINUTE, step=MINUTE)

        (mail,) = town.mail.mails
        assert town.mail.recipients == ["managers@opendatagov.example"]
        assert mail["Subject"] == "[Deskbell] DB-1 P1: first reply runs out"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail.get_content_type() == "text/plain"
        assert "First reply due 2026-11-24 19:00 UTC" in mail.get_content()


async def test_a_mailbox_that_does_not_exist_is_said_here(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "mail:managers" }') as town:
        await ask(town.sandbox, EMERGENCY)
        town.mail.refusals.append("550 5.1.1 no such user")
        await town.pass_until(HOUR + MINUTE)

        assert "mail to managers could not be told: the mail server answered 550." in town.triage[-1]


async def test_the_named_csm_is_called_and_where_there_is_none_the_manager_and_it_says_so(
    opened: Open,
) -> None:
    step = '{ after = "1h", notify = "csm" }'
    async with a_town(opened, step, csm='csm = "otto"\n') as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + MINUTE)
        assert mention(town.sandbox, "otto") in town.triage[0]


async def test_without_a_csm_the_manager_is_called_and_it_says_so(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = "csm" }') as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + MINUTE)
        assert mention(town.sandbox, "ada") in town.triage[0]
        assert "Acme has no CSM; the manager is called instead." in town.triage[0]


async def test_a_user_group_is_mentioned_and_a_channel_hears_it_without_mentions(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = ["group:S0123ABCD", "channel:triage"] }') as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + MINUTE)
        (told,) = town.triage  # the channel is the room for escalations itself
        assert "<!subteam^S0123ABCD>" in told


async def test_customers_see_nothing_of_destinations(opened: Open) -> None:
    async with a_town(opened, '{ after = "1h", notify = ["pagerduty", "webhook:ops", "manager"] }') as town:
        thread = await ask(town.sandbox, EMERGENCY)
        town.pagerduty.is_down = True
        await town.pass_until(HOUR + 10 * MINUTE, step=MINUTE)

        said = [words(message) for message in replies_in(town.sandbox, thread, SUPPORT)]
        assert not any("PagerDuty" in one or "Please take it" in one for one in said)


async def test_a_restart_between_the_mark_and_the_alert_loses_and_doubles_nothing(opened: Open) -> None:
    async with a_town(opened, PAGER) as town:
        await ask(town.sandbox, EMERGENCY)
        town.pagerduty.is_down = True
        await town.pass_until(HOUR)
        await town.sandbox.restart()
        town.pagerduty.is_down = False
        await town.pass_until(HOUR + 3 * MINUTE, step=MINUTE)

        (incident,) = town.pagerduty.incidents
        assert len(incident.triggers) == 1
        assert len(town.triage) == 1


async def test_a_channel_that_is_gone_is_said_here_and_counted(opened: Open) -> None:
    async with a_town(
        opened,
        '{ after = "1h", notify = "channel:nowhere" }',
        rooms='\n[nowhere]\ndoor = "slack"\nworkspace = "T"\nroom = "C0NOWHERE"\nkind = "internal"\n',
    ) as town:
        await ask(town.sandbox, EMERGENCY)
        await town.pass_until(HOUR + MINUTE)
        assert "channel:nowhere could not be told: " in town.triage[-1]
        assert mention(town.sandbox, "otto") in town.triage[-1]
        assert await parked(town.sandbox) == []

        async with ClientSession() as session, session.get(f"{town.sandbox.url}/metrics") as response:
            counts = await response.text()
        assert 'deskbell_alerts{destination="channel:nowhere",state="failed"} 1.0' in counts
        assert 'deskbell_alerts{destination="room",state="sent"} 1.0' in counts
