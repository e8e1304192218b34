"""The packaged policies are ADR-096's tables, and an overlay is checked before it is believed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from bot.core.model import INTERNAL, Address, AnswerMode, Metric, OrganisationId, PersonRef, Priority, Tier
from bot.core.policies import Policies
from config.policies import load_policies
from config.tables import FILES

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DANA = PersonRef(door="slack", workspace="T0DESK", user="U0DANA")
OMAR = PersonRef(door="slack", workspace="T0DESK", user="U0OMAR")

OVERLAY = {
    "organisations.toml": """
        [acme]
        name = "Acme Robotics"
        tier = "enterprise"
        desk_id = "360012345678"
        """,
    "channels.toml": """
        [acme]
        door = "slack"
        workspace = "T0DESK"
        room = "C0ACME"
        kind = "customer"
        organisation = "acme"

        [community]
        door = "discord"
        workspace = "1"
        room = "2"
        kind = "community"
        answers = "every"

        [triage]
        door = "slack"
        workspace = "T0DESK"
        room = "C0TRIAGE"
        kind = "internal"
        escalations = true
        """,
    "people.toml": """
        [dana]
        name = "Dana Cruz"
        accounts = [
            { door = "slack", workspace = "T0DESK", user = "U0DANA" },
            { door = "discord", workspace = "1", user = "80" },
        ]

        [omar]
        accounts = [{ door = "slack", workspace = "T0DESK", user = "U0OMAR" }]
        """,
    "oncall.toml": """
        [manager]
        people = ["dana"]

        [on_call]
        people = ["dana"]
        shifts = [{ person = "omar", starts_at = 2026-11-23T09:00:00Z, ends_at = 2026-11-30T09:00:00+01:00 }]

        [fallback]
        people = ["omar"]
        """,
}


def lay(directory: Path, **contents: str) -> Path:
    for name, content in contents.items():
        (directory / f"{name}.toml").write_text(content)
    return directory


def full_overlay(directory: Path) -> Path:
    for name, content in OVERLAY.items():
        (directory / name).write_text(content)
    return directory


def promised(policies: Policies, tier: Tier, priority: str, metric: Metric) -> tuple[timedelta, str]:
    target = policies.targets[tier, Priority(priority), metric]
    return target.target, target.calendar


# Written out from the tables of ADR-096; business days as hours of Mon-Fri, 9am-5pm.
TABLES = [
    (Tier.ENTERPRISE, "P1", 4, 24, "24x7"),
    (Tier.ENTERPRISE, "P2", 8, 3 * 8, "business"),
    (Tier.ENTERPRISE, "P3", 24, 7 * 8, "business"),
    (Tier.ENTERPRISE, "P4", 48, 14 * 8, "business"),
    (Tier.PROFESSIONAL, "P1", 8, 2 * 8, "business"),
    (Tier.PROFESSIONAL, "P2", 24, 5 * 8, "business"),
    (Tier.PROFESSIONAL, "P3", 48, 10 * 8, "business"),
    (Tier.PROFESSIONAL, "P4", 48, 10 * 8, "business"),
]


@pytest.mark.parametrize(("tier", "priority", "first_reply", "resolution", "calendar"), TABLES)
def test_the_packaged_targets_are_those_of_the_tables(
    tier: Tier, priority: str, first_reply: int, resolution: int, calendar: str
) -> None:
    policies = load_policies(None, now=NOW)

    assert promised(policies, tier, priority, Metric.FIRST_REPLY_TIME) == (
        timedelta(hours=first_reply),
        calendar,
    )
    assert promised(policies, tier, priority, Metric.RESOLUTION_TIME) == (
        timedelta(hours=resolution),
        calendar,
    )


def test_nothing_else_is_promised_and_community_gets_no_clock() -> None:
    policies = load_policies(None, now=NOW)

    assert len(policies.targets) == 2 * len(TABLES)
    assert {target.policy for target in policies.targets.values()} == {"default@1"}
    assert {target.warn_percent for target in policies.targets.values()} == {80}


def steps(
    policies: Policies, priority: str, metric: Metric
) -> list[tuple[str | tuple[str, ...], int | timedelta | None]]:
    target = policies.targets[Tier.ENTERPRISE, Priority(priority), metric]
    return [(step.notify, step.percent or step.after) for step in target.steps]


def test_the_packaged_escalation_is_that_of_the_tables_and_of_the_rules() -> None:
    policies = load_policies(None, now=NOW)
    first, resolution = Metric.FIRST_REPLY_TIME, Metric.RESOLUTION_TIME

    assert steps(policies, "P1", first) == [
        ("vp_engineering", timedelta(hours=2)),
        ("manager", 80),
        ("vp_engineering", 100),
        ("on_call", 120),
    ]
    assert steps(policies, "P1", resolution) == [("manager", 80), ("vp_engineering", 100), ("on_call", 120)]
    assert steps(policies, "P2", first) == [
        ("manager", timedelta(hours=4)),
        ("manager", 80),
        ("director", 100),
    ]
    assert steps(policies, "P3", first) == [("manager", 80), ("manager", timedelta(hours=24))]
    assert steps(policies, "P4", first) == []


def test_the_business_calendar_is_new_york_with_federal_holidays_for_years_around_now() -> None:
    calendar = load_policies(None, now=NOW).calendars["business"]

    assert calendar.timezone == "America/New_York"
    assert [len(day) for day in calendar.hours] == [1, 1, 1, 1, 1, 0, 0]
    assert (calendar.hours[0][0].start, calendar.hours[0][0].end) == (9 * 60, 17 * 60)
    assert calendar.holidays[date(2026, 11, 26)] == "Thanksgiving Day"
    assert calendar.holidays[date(2026, 7, 3)] == "Independence Day (observed)"
    assert {day.year for day in calendar.holidays} >= set(range(2016, 2037))
    assert sum(day.year == 2026 for day in calendar.holidays) == 12


def test_the_packaged_directory_is_empty_of_people_and_rooms() -> None:
    policies = load_policies(None, now=NOW)

    assert (policies.organisations, policies.rooms, policies.agents) == ({}, {}, frozenset())
    assert policies.on_call.who("manager", NOW) == ()
    assert policies.escalation_room is None


def test_the_packaged_files_are_found_as_package_data() -> None:
    names = {entry.name for entry in files("config").joinpath("defaults").iterdir()}

    assert set(FILES) <= names


def test_an_overlay_says_who_is_who(tmp_path: Path) -> None:
    policies = load_policies(full_overlay(tmp_path), now=NOW)

    acme = policies.organisations[OrganisationId("acme")]
    assert (acme.tier, acme.desk_id) == (Tier.ENTERPRISE, "360012345678")
    room = policies.room_of(Address(door="slack", workspace="T0DESK", room="C0ACME", thread="1"))
    assert (room.organisation, room.tier, room.mode) == ("acme", Tier.ENTERPRISE, AnswerMode.EVERY)
    community = policies.rooms["discord", "1", "2"]
    assert (community.tier, community.mode) == (Tier.COMMUNITY, AnswerMode.EVERY)
    assert policies.escalation_room is not None
    assert policies.escalation_room.audience == INTERNAL
    assert policies.is_agent(DANA)
    assert policies.is_agent(PersonRef(door="discord", workspace="1", user="80"))
    assert not policies.is_agent(PersonRef(door="slack", workspace="T0ACME", user="U0DANA"))


def test_an_overlay_says_who_is_called(tmp_path: Path) -> None:
    on_call = load_policies(full_overlay(tmp_path), now=NOW).on_call

    assert on_call.who("on_call", NOW) == (OMAR,)
    assert on_call.who("on_call", datetime(2026, 11, 30, 8, 0, tzinfo=UTC)) == (DANA,)
    assert on_call.who("manager", NOW) == (DANA,)
    assert on_call.who("director", NOW) == (OMAR,), "the packaged role stays, and falls back"


def test_a_table_of_the_overlay_replaces_the_packaged_one_as_a_whole(tmp_path: Path) -> None:
    lay(tmp_path, sla='[Enterprise.Critical]\ncalendar = "24x7"\nfirst_reply_time = "1h 30m"\n')
    targets = load_policies(tmp_path, now=NOW).targets

    assert targets[Tier.ENTERPRISE, Priority.P1, Metric.FIRST_REPLY_TIME].target == timedelta(minutes=90)
    assert (Tier.ENTERPRISE, Priority.P1, Metric.RESOLUTION_TIME) not in targets
    assert len(targets) == 2 * len(TABLES) - 1


def test_a_packaged_table_can_be_taken_away(tmp_path: Path) -> None:
    lay(tmp_path, sla="[professional.P4]\nremove = true\n")

    targets = load_policies(tmp_path, now=NOW).targets

    assert (Tier.PROFESSIONAL, Priority.P4, Metric.FIRST_REPLY_TIME) not in targets


def test_a_calendar_may_name_exceptions_and_dates_of_its_own(tmp_path: Path) -> None:
    lay(
        tmp_path,
        calendars="""
        [business]
        timezone = "America/Sao_Paulo"
        holidays = "BR-SP"
        working_holidays = ["All Souls' Day"]
        extra_holidays = { 2026-12-24 = "Véspera" }
        hours = { mon = [["22:00", "06:00"], ["08:00", "12:00"]] }
        """,
    )
    calendar = load_policies(tmp_path, now=NOW).calendars["business"]

    assert date(2026, 9, 7) in calendar.holidays
    assert date(2026, 11, 2) not in calendar.holidays
    assert calendar.holidays[date(2026, 12, 24)] == "Véspera"
    assert [(i.start, i.end) for i in calendar.hours[0]] == [(22 * 60, 6 * 60), (8 * 60, 12 * 60)]


def test_a_holiday_that_is_worked_is_worked_on_the_day_in_lieu_too(tmp_path: Path) -> None:
    working = 'holidays = "US"\nworking_holidays = ["Independence Day"]\n'
    lay(tmp_path, calendars=CALENDAR + working + HOURS)

    holidays = load_policies(tmp_path, now=NOW).calendars["business"].holidays

    assert date(2026, 7, 3) not in holidays
    assert date(2026, 7, 4) not in holidays
    assert date(2026, 12, 25) in holidays


SLA = '[enterprise.P1]\ncalendar = "24x7"\nfirst_reply_time = "4h"\n'
CALENDAR = '[business]\ntimezone = "Europe/Lisbon"\n'
HOURS = '[business.hours]\nmon = [["09:00", "17:00"]]\n'
ROOM = '[a]\ndoor = "slack"\nworkspace = "T"\nroom = "C"\nkind = "community"\n'
PERSON = '[dana]\naccounts = [{ door = "slack", workspace = "T", user = "U" }]\n'


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("sla", SLA + 'frist = "4h"', "sla.toml: [enterprise.P1]: unexpected key 'frist'"),
        ("sla", SLA + 'resolution_tiem = "4h"', "did you mean 'resolution_time'?"),
        (
            "sla",
            SLA.replace("4h", "soon"),
            "sla.toml: [enterprise.P1]: first_reply_time: 'soon' is not a span",
        ),
        ("sla", SLA.replace("4h", "10 days"), "first_reply_time: '10 days' is not a span"),
        ("sla", SLA.replace("4h", "0h"), "first_reply_time: '0h' is not a span"),
        ("sla", SLA.replace('"4h"', "4"), "sla.toml: [enterprise.P1]: first_reply_time: 4 is not a text"),
        (
            "sla",
            SLA.replace("24x7", "bussiness"),
            "calendar: 'bussiness' is not in calendars.toml; did you mean",
        ),
        (
            "sla",
            SLA + 'escalation = "enterprise-p9"',
            "escalation: 'enterprise-p9' is not in escalation.toml",
        ),
        ("sla", SLA.replace("P1", "P5"), "sla.toml: [enterprise.P5]: 'P5' is not a priority"),
        (
            "sla",
            SLA.replace("enterprise", "enterprize"),
            "[enterprize.P1]: 'enterprize' is not a tier; did you mean",
        ),
        (
            "sla",
            SLA + SLA.replace("P1", "Urgent"),
            "sla.toml: [enterprise.Urgent]: enterprise.P1 is there twice",
        ),
        ("sla", SLA + SLA, "sla.toml: line 4: Cannot declare"),
        ("sla", "[enterprise.P1\n", "sla.toml: line 1: "),
        ("sla", "a = 1\n", "sla.toml: 'a' stands outside any table"),
        ("sla", "[policy]\nname = 'x'\n", "sla.toml: [policy]: 'version' is missing"),
        (
            "sla",
            '[enterprise.P1]\nfirst_reply_time = "4h"\n',
            "sla.toml: [enterprise.P1]: 'calendar' is missing",
        ),
        ("calendars", CALENDAR, "calendars.toml: [business]: hours: no hour is ever open"),
        (
            "calendars",
            CALENDAR.replace("Lisbon", "Lisboa") + HOURS,
            "timezone: 'Europe/Lisboa' is not the name",
        ),
        ("calendars", CALENDAR + HOURS.replace("mon", "mo"), "[business]: hours: 'mo' is not a day"),
        ("calendars", CALENDAR + HOURS.replace("17:00", "25:00"), "mon: '25:00' is not a time between"),
        ("calendars", CALENDAR + 'holidays = "ZZ"\n' + HOURS, "holidays: 'ZZ' is no country"),
        ("calendars", CALENDAR + 'working_holidays = ["x"]\n' + HOURS, "says nothing without holidays"),
        (
            "calendars",
            CALENDAR + 'holidays = "US"\nworking_holidays = ["Colombus Day"]\n' + HOURS,
            "'Colombus Day' is no holiday there; did you mean 'Columbus Day'?",
        ),
        (
            "calendars",
            CALENDAR + 'extra_holidays = { soon = "x" }\n' + HOURS,
            "extra_holidays: 'soon' is not a date",
        ),
        ("calendars", "[24x7]\nalways_open = true\ntimezone = 'UTC'\n", "[24x7]: unexpected key 'timezone'"),
        ("escalation", "[enterprise-p1]\nwarn_percent = 100\n", "warn_percent: 100 is not before the breach"),
        ("escalation", "[enterprise-p1]\nwarn_percent = 0\n", "warn_percent: 0 is not above zero"),
        (
            "escalation",
            '[x]\nfirst_reply_time = [{ percent = 80, notify = "manger" }]\n',
            "[x]: first_reply_time, entry 1: notify: 'manger' is not in oncall.toml; did you mean",
        ),
        (
            "escalation",
            '[x]\nfirst_reply_time = [{ percent = 80, after = "2h", notify = "manager" }]\n',
            "write either percent or after",
        ),
        (
            "oncall",
            '[manager]\npeople = ["dana"]\n',
            "oncall.toml: [manager]: people: 'dana' is not in people.toml",
        ),
        ("oncall", "[manager]\nremove = true\n", "notify: 'manager' is not in oncall.toml"),
        (
            "organisations",
            '[acme]\nname = "A"\ntier = "Gold"\n',
            "organisations.toml: [acme]: tier: 'Gold' is not",
        ),
        (
            "channels",
            ROOM.replace("slack", "slcak"),
            "channels.toml: [a]: door: 'slcak' is not known; did you mean",
        ),
        ("channels", ROOM.replace("community", "customer"), "channels.toml: [a]: 'organisation' is missing"),
        (
            "channels",
            ROOM.replace("community", "customer") + 'organisation = "acme"',
            "organisation: 'acme' is not in organisations.toml",
        ),
        ("channels", ROOM + 'organisation = "acme"', "a room of kind 'community' belongs to nobody"),
        (
            "channels",
            ROOM + ROOM.replace("[a]", "[b]"),
            "channels.toml: [b]: room: 'C' of 'T' is there twice",
        ),
        ("channels", ROOM + "escalations = true", "escalations: one internal room at most"),
        ("channels", ROOM + 'escalations = "yes"', "escalations: 'yes' is not true or false"),
        ("people", "[dana]\n", "people.toml: [dana]: accounts: needs at least one"),
        ("people", PERSON + PERSON.replace("dana", "omar"), "[omar]: accounts: 'U' already is 'dana'"),
        ("people", PERSON.replace(', user = "U"', ""), "[dana]: accounts, entry 1: 'user' is missing"),
        ("agents", PERSON, "agents.toml: not a policy file"),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_it(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    lay(tmp_path, **{name: content})

    with pytest.raises(ConfigError) as caught:
        load_policies(tmp_path, now=NOW)

    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert f"{name}.toml" in str(caught.value) or name == "oncall"


def test_a_shift_needs_its_offset_and_a_length(tmp_path: Path) -> None:
    full_overlay(tmp_path)
    for shift, sentence in (
        ("starts_at = 2026-11-23T09:00:00, ends_at = 2026-11-30T09:00:00Z", "starts_at: is not an instant"),
        ("starts_at = 2026-11-23T09:00:00Z, ends_at = 2026-11-23T09:00:00Z", "ends_at: is not after"),
    ):
        lay(tmp_path, oncall=f'[on_call]\npeople = []\nshifts = [{{ person = "omar", {shift} }}]\n')
        with pytest.raises(ConfigError, match=sentence):
            load_policies(tmp_path, now=NOW)


def test_bytes_that_are_no_text_name_their_line(tmp_path: Path) -> None:
    (tmp_path / "sla.toml").write_bytes(b'[policy]\nname = "\xff"\n')

    with pytest.raises(ConfigError, match=r"sla\.toml: line 2: not UTF-8"):
        load_policies(tmp_path, now=NOW)


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a directory"):
        load_policies(tmp_path / "nowhere", now=NOW)
