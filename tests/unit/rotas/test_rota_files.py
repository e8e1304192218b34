"""oncall.toml: what it may say, and the sentence for everything that is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rotas_kit import NOW, event, ical

from bot.core.errors import ConfigError
from bot.core.model import PersonRef
from bot.core.policies import Policies
from bot.core.rotas import Why
from config.directory import load_people
from config.policies import load_policies
from config.rotas import RotaKind, load_people_by_name, load_rota_sources
from config.tables import Layers

DANA, OMAR = (PersonRef(door="slack", workspace="T0", user=user) for user in ("U0DANA", "U0OMAR"))
PEOPLE = """
[dana]
name = "Dana Cruz"
email = "dana@acme.example"
also = ["D. Cruz"]
accounts = [{ door = "slack", workspace = "T0", user = "U0DANA" }]

[omar]
accounts = [{ door = "slack", workspace = "T0", user = "U0OMAR" }]
"""
WEEKLY = """
[on_call]
timezone = "America/New_York"
rotations = [{ people = ["dana", "omar"], every = "1 week", starts = 2026-11-02T09:00:00 }]
overrides = [{ person = "dana", starts_at = 2026-11-11T09:00:00, ends_at = 2026-11-11T17:00:00 }]
"""

OVERLAPPING = """
[on_call]
overrides = [
    { person = "dana", starts_at = 2026-11-11T09:00:00Z, ends_at = 2026-11-11T17:00:00Z },
    { person = "omar", starts_at = 2026-11-11T16:00:00Z, ends_at = 2026-11-11T18:00:00Z },
]
"""


def written(directory: Path, oncall: str) -> Path:
    (directory / "people.toml").write_text(PEOPLE, encoding="utf-8")
    (directory / "oncall.toml").write_text(oncall, encoding="utf-8")
    return directory


def loaded(directory: Path, oncall: str) -> Policies:
    return load_policies(written(directory, oncall), now=NOW)


def test_a_rotation_hands_over_at_nine_in_new_york_in_summer_and_winter(tmp_path: Path) -> None:
    on_call = loaded(tmp_path, WEEKLY.replace("2026-11-02", "2026-10-19")).on_call
    turns = on_call.turns("on_call", datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC))

    assert [turn.ends_at.hour for turn in turns[:-1]] == [13, 14, 14]  # UTC


def test_an_override_may_be_written_on_the_roles_wall_clock(tmp_path: Path) -> None:
    on_call = loaded(tmp_path, WEEKLY).on_call

    assert on_call.called("on_call", datetime(2026, 11, 11, 14, tzinfo=UTC)).why is Why.OVERRIDE
    assert on_call.who("on_call", datetime(2026, 11, 11, 13, 59, tzinfo=UTC)) == (OMAR,)


def test_a_start_may_be_a_text_without_seconds(tmp_path: Path) -> None:
    on_call = loaded(tmp_path, WEEKLY.replace("2026-11-02T09:00:00", '"2026-11-02 09:00"')).on_call

    assert on_call.who("on_call", datetime(2026, 11, 2, 14, tzinfo=UTC)) == (DANA,)


def test_when_to_warn_is_a_span_of_days(tmp_path: Path) -> None:
    assert loaded(tmp_path, '[gaps]\nwarn_before = "5d"\n').on_call.warn_before == timedelta(days=5)
    assert "gaps" not in loaded(tmp_path, "[gaps]\nwarn_before = '1 week'\n").on_call.standing


@pytest.mark.parametrize(
    ("oncall", "sentence"),
    [
        (
            '[on_call]\npeople = ["dan"]',
            "[on_call]: people: 'dan' is not in people.toml; did you mean 'dana'?",
        ),
        ("[on_call]\nrotations = [{ people = [] }]", "rotations, entry 1: people: is empty"),
        (WEEKLY.replace("1 week", "1 fortnight"), "entry 1: every: '1 fortnight' is not a span"),
        (WEEKLY.replace("1 week", "0 days"), "entry 1: every: '0 days' is not a span"),
        (
            WEEKLY.replace("09:00:00 }]\nover", "09:00:00Z }]\nover"),
            "starts: is not a time of the wall clock",
        ),
        (WEEKLY.replace("America/New_York", "Mars/Base"), "[on_call]: timezone: 'Mars/Base' is not the name"),
        (WEEKLY.replace('every = "1 week", ', ""), "entry 1: 'every' is missing"),
        (WEEKLY.replace("starts_at = 2026-11-11T09", "starts_at = 2026-11-11T18"), "ends_at: is not after"),
        (
            "[on_call]\noverrides = [{ person = 'dana', starts_at = 2026-11-11T09:00:00 }]",
            "overrides, entry 1: starts_at: is not an instant with its offset",
        ),
        (
            OVERLAPPING,
            "[on_call]: overrides: two of them overlap at 2026-11-11T16:00:00Z",
        ),
        (
            WEEKLY.replace("T09:00:00 }]\nov", "T09:00:00, hours = { mo = [] } }]\nov"),
            "hours: 'mo' is not a day",
        ),
        ("[on_call]\nrotation = []", "[on_call]: unexpected key 'rotation'; did you mean 'rotations'?"),
        (
            '[on_call]\ncovers = "busines"',
            "covers: 'busines' is not in calendars.toml; did you mean 'business'?",
        ),
        ('[on_call]\nical = "ftp://x/y"', "[on_call]: ical: is not an address like https://host/oncall.ics"),
        ('[on_call]\nical = "nowhere.ics"', "[on_call]: ical: there is no file"),
        ('[on_call]\npagerduty_schedule = "our schedule"', "pagerduty_schedule: 'our schedule' is not an id"),
        ('[gaps]\nwarn_before = "31d"', "[gaps]: warn_before: gaps are looked for 30 days ahead at most"),
        ("[gaps]\nwarn_before = 3", "[gaps]: warn_before: 3 is not a text"),
    ],
)
def test_what_is_wrong_is_named_by_file_table_and_key(tmp_path: Path, oncall: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, oncall)

    assert f"{caught.value}".startswith("oncall.toml: [")
    assert sentence in f"{caught.value}"
    assert "\n" not in f"{caught.value}"


def test_two_people_cannot_have_one_name(tmp_path: Path) -> None:
    layers = Layers(written(tmp_path, ""))
    (tmp_path / "people.toml").write_text(PEOPLE.replace("D. Cruz", "Omar"), encoding="utf-8")

    with pytest.raises(ConfigError, match="somebody else is called 'omar', too"):
        load_people_by_name(layers, load_people(layers))


def test_names_are_found_in_what_a_feed_says(tmp_path: Path) -> None:
    layers = Layers(written(tmp_path, ""))
    directory = load_people_by_name(layers, load_people(layers))

    assert directory.find(["Dana@ACME.example", "whatever"]) == (DANA,)
    assert directory.find(["x@acme.example", "On call: Dana Cruz"]) == (DANA,)
    assert directory.find(["D. Cruz and Omar"]) == (DANA, OMAR)
    assert directory.find(["danar", "Omarion"]) == ()
    assert directory.find([]) == ()


def test_sources_are_told_apart_without_their_addresses(tmp_path: Path) -> None:
    (tmp_path / "rota.ics").write_bytes(ical(event("Dana", NOW, NOW + timedelta(days=1))))
    oncall = (
        '[on_call]\nical = "webcal://calendar.example/secret.ics"\n\n[manager]\nical = "rota.ics"\n'
        'pagerduty_policy = "PT20YPA"\nlevel = 2\n'
    )
    sources = load_rota_sources(Layers(written(tmp_path, oncall)))
    feed, file, policy = sorted(sources, key=lambda one: (one.role != "on_call", one.kind))

    assert (feed.kind, feed.place) == (RotaKind.FEED, "https://calendar.example/secret.ics")
    assert (file.kind, file.role) == (RotaKind.FILE, "manager")
    assert (policy.kind, policy.place, policy.level) == (RotaKind.POLICY, "PT20YPA", 2)
    assert len({one.source for one in (feed, file, policy)}) == 3
    assert "secret" not in feed.source


def test_a_file_that_is_no_calendar_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "rota.ics").write_text("not a calendar")

    with pytest.raises(ConfigError, match=r"^oncall.toml: \[on_call\]: ical: is not an iCalendar file"):
        load_rota_sources(Layers(written(tmp_path, '[on_call]\nical = "rota.ics"\n')))
