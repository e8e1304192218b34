"""Rotas in PagerDuty, against its twin: which people, which pages, and what a refusal means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from aiohttp import ClientSession
from rotas_kit import DAY, NOW, WEEK

from bot.core.errors import ConfigError, RateLimited, Rejected, Unavailable
from bot.core.live_rotas import Reading
from bot.rosters import feed_of
from bot.sandbox.pagerduty.oncalls import PagerDutyOnCallsTwin, TwinOnCall, TwinUser
from bot.sandbox.refusals import listening
from config.rotas import RotaKind, RotaSource
from config.settings import Settings
from handlers.rotas.pagerduty import PagerDutyRota

WHERE = "oncall.toml: [on_call]: pagerduty_schedule"
TOKEN = "rest-token"
SOURCE = RotaSource(role="on_call", kind=RotaKind.SCHEDULE, place="PSCHED", where=WHERE)
ADA = TwinUser(id="PADA", name="Ada Agent", email="ada@acme.example")
OTTO = TwinUser(id="POTTO", name="Otto Ops", email="otto@acme.example")


class Noon:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def twin() -> PagerDutyOnCallsTwin:
    return PagerDutyOnCallsTwin(time=Noon())


@pytest.fixture
async def url(twin: PagerDutyOnCallsTwin) -> AsyncIterator[str]:
    async with listening(twin.app()) as url:
        yield url


def rota(
    url: str, *, token: str = TOKEN, schedule: str | None = "PSCHED", **place: str | int
) -> PagerDutyRota:
    return PagerDutyRota(
        source="on_call/schedule/1",
        role="on_call",
        where=WHERE,
        token=token,
        base_url=url,
        schedule=schedule,
        **place,  # type: ignore[arg-type]  # policy and level
    )


def stint(
    user: TwinUser, start: datetime | None, end: datetime | None, **more: str | int | None
) -> TwinOnCall:
    place: dict[str, str | int | None] = {"policy": "PPOL", "schedule": "PSCHED", **more}
    return TwinOnCall(user=user, starts_at=start, ends_at=end, **place)  # type: ignore[arg-type]  # its fields


async def test_people_are_known_by_their_mail_address_and_their_name(
    twin: PagerDutyOnCallsTwin, url: str
) -> None:
    twin.on_calls = [stint(ADA, NOW - DAY, NOW + DAY), stint(OTTO, NOW + DAY, NOW + WEEK)]
    reading = await rota(url).read(None, now=NOW)

    assert [(duty.names, duty.starts_at, duty.ends_at) for duty in reading.duties] == [
        (("ada@acme.example", "Ada Agent"), NOW - DAY, NOW + DAY),
        (("otto@acme.example", "Otto Ops"), NOW + DAY, NOW + WEEK),
    ]


async def test_all_pages_are_read_and_a_stretch_that_is_there_twice_counts_once(
    twin: PagerDutyOnCallsTwin, url: str
) -> None:
    hour = timedelta(hours=1)
    stints = [stint(ADA, NOW + number * hour, NOW + (number + 1) * hour) for number in range(230)]
    twin.on_calls = [*stints, stint(ADA, NOW, NOW + hour, policy="PANOTHER")]
    reading = await rota(url).read(None, now=NOW)

    assert len(reading.duties) == 230
    assert len(twin.asked) == 3


async def test_who_is_always_on_call_reads_the_same_all_day(twin: PagerDutyOnCallsTwin, url: str) -> None:
    twin.on_calls = [stint(ADA, None, None, schedule=None)]
    early = await rota(url, schedule=None, policy="PPOL").read(None, now=NOW)
    late = await rota(url, schedule=None, policy="PPOL").read(early, now=NOW + timedelta(hours=3))

    (duty,) = early.duties
    assert duty.starts_at <= NOW
    assert duty.ends_at > NOW + 80 * DAY
    assert late == early


async def test_a_policy_means_the_people_of_one_level(twin: PagerDutyOnCallsTwin, url: str) -> None:
    twin.on_calls = [stint(ADA, NOW, NOW + WEEK), stint(OTTO, NOW, NOW + WEEK, level=2)]
    reading = await rota(url, schedule=None, policy="PPOL", level=2).read(None, now=NOW)

    assert [duty.names[0] for duty in reading.duties] == ["otto@acme.example"]


@pytest.mark.parametrize(("knows_reset", "pause"), [(True, timedelta(seconds=20)), (False, None)])
async def test_it_waits_as_long_as_it_is_told(
    twin: PagerDutyOnCallsTwin, url: str, *, knows_reset: bool, pause: timedelta | None
) -> None:
    twin.limited, twin.knows_reset = 1, knows_reset
    with pytest.raises(RateLimited) as caught:
        await rota(url).read(None, now=NOW)

    assert caught.value.retry_after == pause


async def test_a_wrong_key_is_named_by_its_variable_and_never_shown(
    twin: PagerDutyOnCallsTwin, url: str
) -> None:
    wrong = rota(url, token="not-the-token")
    with pytest.raises(Rejected, match="does not accept PAGERDUTY_API_TOKEN"):
        await wrong.read(None, now=NOW)
    twin.may_read = False
    with pytest.raises(Rejected, match="may not read on-calls"):
        await rota(url).read(None, now=NOW)

    assert "not-the-token" not in repr(wrong)


async def test_an_error_of_theirs_is_tried_again(twin: PagerDutyOnCallsTwin, url: str) -> None:
    twin.failing = 1
    with pytest.raises(Unavailable, match="answered 500"):
        await rota(url).read(None, now=NOW)

    assert isinstance(await rota(url).read(None, now=NOW), Reading)


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {"Authorization": "Bearer rest-token"}, 401),
        ("", {"Authorization": "Token token=other"}, 401),
        ("", {"Accept": "application/json"}, 400),
        ("?limit=100&offset=9950", {}, 400),
        ("?since=2026-11-24T12:00:00Z&until=2027-06-01T00:00:00Z", {}, 400),
        ("?since=2026-11-25T12:00:00Z&until=2026-11-24T12:00:00Z", {}, 400),
        ("?include[]=everything", {}, 400),
        ("?limit=500", {}, 200),
    ],
)
async def test_the_twin_refuses_what_pagerduty_refuses(
    url: str, query: str, headers: dict[str, str], status: int
) -> None:
    usual = {
        "Authorization": "Token token=rest-token",
        "Accept": "application/vnd.pagerduty+json;version=2",
    }
    async with (
        ClientSession(headers=usual | headers) as session,
        session.get(f"{url}/oncalls{query}") as answer,
    ):
        page = await answer.json()

    assert answer.status == status
    assert page["limit"] == 100 if status == 200 else page["error"]["code"]


async def test_the_settings_lead_to_it(twin: PagerDutyOnCallsTwin, url: str) -> None:
    twin.on_calls = [stint(ADA, NOW, NOW + DAY)]
    settings = Settings.from_environ({"PAGERDUTY_API_TOKEN": TOKEN, "PAGERDUTY_API_URL": url})
    reading = await feed_of(SOURCE, settings).read(None, now=NOW)

    assert len(reading.duties) == 1


def test_a_missing_key_is_named_with_the_table_that_needs_it() -> None:
    with pytest.raises(ConfigError) as caught:
        feed_of(SOURCE, Settings.from_environ({}))

    assert f"{caught.value}" == f"{WHERE}: PAGERDUTY_API_TOKEN is missing; set it to read rotas there"
