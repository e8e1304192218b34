"""`check` names what a step calls and cannot reach, and opens no door for it."""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.alert_doors import alert_problems, open_alert_doors
from bot.core.errors import ConfigError
from config.policies import load_policies
from config.settings import Settings

KEY = "whsec_" + base64.b64encode(b"x" * 24).decode()
DESTINATIONS = (
    '[webhook.ops]\nurl = "https://ops.acme.example/hook"\nsecret = "OPS_SECRET"\n'
    '[pagerduty.payments]\nsecret = "PAYMENTS_KEY"\n'
    '[mail.managers]\naddress = "managers@acme.example"\n'
)
CALLED = '["pagerduty", "pagerduty:payments", "webhook:ops", "mail:managers"]'


def settings(directory: Path, notify: str = CALLED, **variables: str) -> Settings:
    (directory / "destinations.toml").write_text(DESTINATIONS)
    steps = f"[enterprise-p1]\nfirst_reply_time = [{{ percent = 80, notify = {notify} }}]\n"
    (directory / "escalation.toml").write_text(steps)
    return Settings.from_environ({"DESKBELL_CONFIG": str(directory), **variables})


def problems(known: Settings) -> list[str]:
    return alert_problems(known, load_policies(known.config_dir, now=datetime(2026, 11, 24, tzinfo=UTC)))


EVERYTHING = {
    "PAGERDUTY_ROUTING_KEY": "d" * 32,
    "PAYMENTS_KEY": "e" * 32,
    "OPS_SECRET": KEY,
    "SMTP_URL": "smtp://localhost",
    "SMTP_FROM": "desk@acme.example",
}


def test_everything_that_is_missing_is_named(tmp_path: Path) -> None:
    found = problems(settings(tmp_path))
    unset = "secret: the environment variable {} is not set"

    assert [one.removeprefix("escalations call ") for one in found] == [
        "pagerduty: PAGERDUTY_ROUTING_KEY is not set",
        f"webhook:ops: destinations.toml: [webhook.ops]: {unset.format('OPS_SECRET')}",
        f"pagerduty:payments: destinations.toml: [pagerduty.payments]: {unset.format('PAYMENTS_KEY')}",
        "mail:managers: SMTP_URL is not set",
    ]


def test_what_no_step_calls_may_be_missing(tmp_path: Path) -> None:
    assert problems(settings(tmp_path, '"manager"')) == []


def test_nothing_is_wrong_when_everything_is_there(tmp_path: Path) -> None:
    assert problems(settings(tmp_path, **EVERYTHING)) == []


async def test_every_kind_has_its_door(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        doors = await open_alert_doors(stack, settings(tmp_path, **EVERYTHING))
    assert sorted(doors) == ["mail", "pagerduty", "webhook"]


async def test_a_secret_that_is_none_stops_the_program(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError, match="OPS_SECRET: write whsec_"):
            await open_alert_doors(stack, settings(tmp_path, **{**EVERYTHING, "OPS_SECRET": "abc"}))


async def test_without_destinations_no_door_is_opened() -> None:
    async with AsyncExitStack() as stack:
        assert await open_alert_doors(stack, Settings.from_environ({})) == {}
