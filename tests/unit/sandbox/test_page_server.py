"""The page's own server: whatever an address or a form says, it answers with a page and a sentence."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.commands.demo_serving import Demo, open_demo
from bot.commands.sandboxing import open_sandbox
from bot.core.errors import ConfigError
from bot.core.model import Correction, Finding, Inquiry, Verdict
from bot.core.triage import triage

ARTICLES = Path(__file__).parents[3] / "bot" / "sandbox" / "kb"


class TuesdayTime:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


class NoArticles:
    async def classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:
        del corrections
        return triage(text)

    async def answer(self, inquiry: Inquiry) -> Finding:
        del inquiry
        return Finding(answer=None)


@dataclass(slots=True, kw_only=True)
class Site:
    """The page, as a client without scripts sees it."""

    demo: Demo
    session: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.demo.url + path) as response:
            return response.status, await response.text()

    async def post(self, path: str, **fields: str) -> tuple[int, str]:
        async with self.session.post(self.demo.url + path, data=fields) as response:
            return response.status, await response.text()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    rng = random.Random(7)  # noqa: S311 - a fixed seed is wanted
    async with (
        open_sandbox(tmp_path, base=TuesdayTime(), rng=rng, knowledge=NoArticles()) as sandbox,
        open_demo(sandbox, ARTICLES, port=0) as demo,
        aiohttp.ClientSession() as session,
    ):
        yield Site(demo=demo, session=session)


async def test_an_address_may_say_anything(site: Site) -> None:
    triage = site.demo.sandbox.slack.world.channel("triage").id
    for query in (
        "?as=nobody",
        "?channel=C0",
        f"?as=customer&channel={triage}",
        "?thread=%00",
        "?thread=1.1",
        "?ticket=9",
        "?ticket=-1",
        "?ticket=%D9%A3",
        f"?ticket={'9' * 5_000}",
        f"?ticket={2**63}",
    ):
        status, text = await site.get(query)
        assert (status, "You are" in text) == (200, True), query


@pytest.mark.parametrize("minutes", ["", "0", "-5", "x", "٣", "9" * 5_000, str(32 * 24 * 60)])
async def test_the_clock_moves_forward_and_not_too_far(site: Site, minutes: str) -> None:
    status, text = await site.post("move", minutes=minutes)

    assert status == 409
    assert "The clock moves forward" in text
    assert site.demo.world.time.ahead() < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("path", "fields", "sentence"),
    [
        ("say", {"text": "  "}, "nothing to send"),
        ("say", {"text": "x" * 4_001}, "longer than 4000 characters"),
        ("say", {"text": "x", "channel": "", "thread": "1.1"}, "no such thread"),
        ("press", {"ts": "1.1", "press": "open_ticket"}, "no such message"),
        ("reply", {"about": "7", "text": "x"}, "no such ticket"),
        ("status", {"about": "7", "status": "solved"}, "no such ticket"),
        ("status", {"about": "7", "status": "exploded"}, "A ticket is open, pending, on hold, solved"),
        ("replay", {"queue": "effects", "id": "7"}, "not parked any more"),
        ("replay", {"queue": "nonsense", "id": "7"}, "there is no queue"),
        ("switch", {"key": "nonsense"}, "no such switch"),
    ],
)
async def test_what_cannot_be_done_is_said(
    site: Site, path: str, fields: dict[str, str], sentence: str
) -> None:
    home = site.demo.world.personas[0].home
    given = {"as": "customer", **fields, **({"channel": home} if "channel" in fields else {})}

    status, text = await site.post(path, **given)

    assert status == 409
    assert sentence in text
    assert "You are" in text


async def test_a_message_that_makes_no_sense_does_not_break_the_page_for_good(site: Site) -> None:
    for text in ("<!date^99999999999999999999^x|y>", "<@>", "<#C|>", "```", "\ue0000\ue001", "<!subteam^S1>"):
        await site.demo.sandbox.slack.say("carol", "acme-support", text)

    status, _ = await site.get("")

    assert status == 200


async def test_articles_are_shown_and_no_path_leads_out_of_their_folder(site: Site) -> None:
    status, text = await site.get("article/integration-guides/datahub.md")
    assert (status, 'id="modes"' in text) == (200, True)

    for path in (
        "article/../household.py",
        "article/%2e%2e/household.py",
        "article//etc/passwd",
        "article/x.md",
    ):
        status, _ = await site.get(path)
        assert status == 404, path


async def test_a_switch_that_happens_once_is_armed_until_it_has_happened(site: Site) -> None:
    await site.post("switch", key="limited")
    states = {one.key: one.state.value for one in site.demo.world.mischief.switches()}
    assert (states["limited"], states["zendesk"]) == ("armed", "off")

    await site.post("switch", key="zendesk")  # one switch leaves the others alone
    states = {one.key: one.state.value for one in site.demo.world.mischief.switches()}
    assert (states["limited"], states["zendesk"]) == ("armed", "on")

    site.demo.sandbox.slack.faults.draw("chat.postMessage")
    states = {one.key: one.state.value for one in site.demo.world.mischief.switches()}
    assert states["limited"] == "off"


async def test_nobody_sees_what_slack_shows_to_one_person_only(site: Site) -> None:
    slack, channel = site.demo.sandbox.slack, site.demo.world.personas[0].home
    app, carol = slack.world.installation, slack.world.user("carol")
    await slack.say("carol", channel, "hello")
    (message,) = slack.history(channel)
    slack.world.post(
        type(message)(
            channel=channel,
            ts=slack.world.next_ts(),
            user=app.bot_user_id,
            team_id=app.team_id,
            bot_id=app.bot_id,
            text="only for Carol's eyes",
            ephemeral_to=carol.id,
        )
    )

    assert "only for Carol" in (await site.get(f"?as=customer&channel={channel}"))[1]
    assert "only for Carol" not in (await site.get(f"?as=agent&channel={channel}"))[1]


@pytest.mark.parametrize("port", [-1, 70_000])
async def test_a_port_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path, port: int) -> None:
    rng = random.Random(7)  # noqa: S311 - as above
    async with open_sandbox(tmp_path, base=TuesdayTime(), rng=rng, knowledge=NoArticles()) as sandbox:
        with pytest.raises(ConfigError, match=f"--port: {port} cannot be used"):
            async with open_demo(sandbox, ARTICLES, port=port):
                pass
