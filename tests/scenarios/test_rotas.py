"""Rotas from the wire to the room: feeds decide who is called, outages nothing, and gaps are told once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from aiohttp import ClientSession, web
from scenario_kit import BOT, EMERGENCY, SUPPORT, TRIAGE, TUESDAY, Open, ask, mention, said_in, words

from bot.commands.sandboxing import Arrange, Sandbox
from bot.sandbox.household import PolicyFiles
from bot.sandbox.refusals import listening
from bot.sandbox.slack.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = timedelta(seconds=1)
POLL = timedelta(minutes=15)


@dataclass(slots=True)
class Feed:
    """Somebody's calendar on a web server of theirs."""

    url: str = ""
    body: str = ""
    is_dead: bool = False

    async def answer(self, request: web.Request) -> web.Response:
        del request
        return web.Response(status=503) if self.is_dead else web.Response(text=self.body)

    def says(self, *shifts: tuple[str, datetime, datetime]) -> None:
        events = "".join(
            f"BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:20261101T000000Z\r\nSUMMARY:On call: {who}\r\n"
            f"DTSTART:{starts:%Y%m%dT%H%M%SZ}\r\nDTEND:{ends:%Y%m%dT%H%M%SZ}\r\nEND:VEVENT\r\n"
            for number, (who, starts, ends) in enumerate(shifts)
        )
        self.body = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//\r\n{events}END:VCALENDAR\r\n"

    def arrange(self, *, rest: str = "") -> Arrange:
        def arranged(_world: World, files: PolicyFiles) -> None:
            role = f'[vp_engineering]\nical = "{self.url}"\nprivate = true\n'
            others = (
                '[manager]\npeople = ["ada"]\n[director]\npeople = ["ada"]\n[on_call]\npeople = ["ada"]\n'
            )
            files["oncall.toml"] = f'{role}{others}[fallback]\npeople = ["ada"]\n{rest}'

        return arranged


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    one = Feed()
    app = web.Application()
    app.router.add_get("/rota.ics", one.answer)
    async with listening(app) as url:
        one.url = f"{url}/rota.ics"
        yield one


async def polled(sandbox: Sandbox, after: timedelta = timedelta(0)) -> None:
    """Time passes, and the desk reads its rotas when it is due."""
    await sandbox.move(after)
    await sandbox.program.rotas.round()
    await sandbox.settle()


async def at(sandbox: Sandbox, since: timedelta) -> None:
    await sandbox.move(TUESDAY + since + LATER - sandbox.time.now())
    await sandbox.settle()


def escalations(sandbox: Sandbox) -> list[str]:
    return [said for said in told(sandbox) if "DB-" in said]


def told(sandbox: Sandbox) -> list[str]:
    return [plain(words(message)) for message in sandbox.slack.history(TRIAGE) if message.bot_id]


def plain(markdown: str) -> str:
    """As it is read: without marks and their escapes."""
    return markdown.replace("\\", "").replace("**", "")


def warnings(sandbox: Sandbox) -> list[str]:
    return [said for said in told(sandbox) if "nobody is on call" in said]


async def test_a_handoff_in_a_feed_changes_who_is_called_without_a_restart(opened: Open, feed: Feed) -> None:
    feed.says(
        ("otto", TUESDAY - DAY, TUESDAY + 90 * timedelta(minutes=1)),
        ("ada", TUESDAY + 90 * timedelta(minutes=1), TUESDAY + 60 * DAY),
    )
    async with opened(arrange=feed.arrange()) as sandbox:
        await polled(sandbox)
        await ask(sandbox, EMERGENCY)
        await at(sandbox, 2 * HOUR)

        (escalation,) = escalations(sandbox)
        assert mention(sandbox, "ada") in escalation
        assert mention(sandbox, "otto") not in escalation


async def test_a_feed_that_is_rewritten_is_followed_at_the_next_look(opened: Open, feed: Feed) -> None:
    feed.says(("ada", TUESDAY - DAY, TUESDAY + 60 * DAY))
    async with opened(arrange=feed.arrange()) as sandbox:
        await polled(sandbox)
        feed.says(("otto", TUESDAY - DAY, TUESDAY + 60 * DAY))
        await polled(sandbox, POLL)
        await ask(sandbox, EMERGENCY)
        await at(sandbox, 2 * HOUR + POLL)

        (escalation,) = escalations(sandbox)
        assert mention(sandbox, "otto") in escalation


async def test_a_dead_feed_leaves_the_last_good_copy_even_across_a_restart(opened: Open, feed: Feed) -> None:
    feed.says(("otto", TUESDAY - DAY, TUESDAY + 60 * DAY))
    async with opened(arrange=feed.arrange()) as sandbox:
        await polled(sandbox)
        feed.is_dead = True
        await polled(sandbox, POLL)
        await sandbox.restart()
        await polled(sandbox, POLL)
        await ask(sandbox, EMERGENCY)
        await at(sandbox, 2 * HOUR + 2 * POLL)

        (escalation,) = escalations(sandbox)
        assert mention(sandbox, "otto") in escalation
        assert warnings(sandbox) == []
        (copy,) = sandbox.program.rotas.copies.values()
        assert copy.failures == 2
        assert copy.problem == "oncall.toml: [vp_engineering]: ical: HTTP 503"
        exposed = await _metrics(sandbox)
        assert _value(exposed, "deskbell_rota_failures") == 2
        assert _value(exposed, "deskbell_rota_age_seconds") == pytest.approx(9_000, abs=60)
        assert _value(exposed, "deskbell_oncall_people") == 1


async def test_when_the_feed_names_nobody_the_fallback_is_called_and_told_why(
    opened: Open, feed: Feed
) -> None:
    feed.says(("otto", TUESDAY - DAY, TUESDAY + HOUR))
    async with opened(arrange=feed.arrange()) as sandbox:
        await polled(sandbox)
        await ask(sandbox, EMERGENCY)
        await at(sandbox, 2 * HOUR)

        (escalation,) = escalations(sandbox)
        assert mention(sandbox, "ada") in escalation
        assert "Nobody is on call for vp_engineering" in escalation


async def test_a_gap_is_told_days_before_and_once_whatever_is_restarted(opened: Open, feed: Feed) -> None:
    feed.says(("otto", TUESDAY - DAY, TUESDAY + 10 * DAY), ("otto", TUESDAY + 11 * DAY, TUESDAY + 80 * DAY))
    async with opened(arrange=feed.arrange(rest='[gaps]\nwarn_before = "4d"\n')) as sandbox:
        await polled(sandbox)
        counts = []
        for _ in range(12):
            counts.append(len(warnings(sandbox)))
            await sandbox.restart()
            await sandbox.program.rotas.look_for_gaps()
            await polled(sandbox, DAY)

        assert counts == [0] * 6 + [1] * 6
        (warning,) = warnings(sandbox)
        assert "vp_engineering" in warning
        assert "Fri 2026-12-04 15:00 UTC to Sat 2026-12-05 15:00 UTC" in warning
        assert "fallback: Ada" in warning


async def test_a_gap_that_a_new_rota_opens_is_told_too(opened: Open, feed: Feed) -> None:
    feed.says(("otto", TUESDAY - DAY, TUESDAY + 60 * DAY))
    async with opened(arrange=feed.arrange()) as sandbox:
        await polled(sandbox)
        feed.says(("otto", TUESDAY - DAY, TUESDAY + DAY), ("zed", TUESDAY + DAY, TUESDAY + 60 * DAY))
        await polled(sandbox, POLL)

        (warning,) = warnings(sandbox)
        assert "people.toml does not know: On call: zed" in warning


async def test_agents_ask_who_is_on_call_where_everybody_is_ours_and_nowhere_else(
    opened: Open, feed: Feed
) -> None:
    feed.says(("otto", TUESDAY - DAY, TUESDAY + DAY), ("ada", TUESDAY + DAY, TUESDAY + 60 * DAY))
    async with opened(arrange=feed.arrange()) as sandbox:
        await polled(sandbox)
        ours = await ask(sandbox, f"{BOT} oncall", who="ada", channel=TRIAGE)
        theirs = await ask(sandbox, f"{BOT} oncall", who="ada", channel=SUPPORT)

        (answer,) = said_in(sandbox, ours, TRIAGE)
        assert "vp_engineering: Otto" in plain(answer)
        assert "until Wed 2026-11-25 15:00 UTC, then Ada" in answer
        assert mention(sandbox, "otto") not in answer  # asking wakes nobody
        (refused,) = said_in(sandbox, theirs)
        assert "Otto" not in refused
        assert "everybody is one of ours" in refused


async def _metrics(sandbox: Sandbox) -> str:
    async with ClientSession() as session, session.get(f"{sandbox.url}/metrics") as answer:
        return await answer.text()


def _value(exposed: str, metric: str) -> float:
    """Of the role that follows the feed."""
    (line,) = [one for one in exposed.splitlines() if one.startswith(f'{metric}{{role="vp_engineering"')]
    return float(line.rpartition(" ")[2])
