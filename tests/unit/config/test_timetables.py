"""Calendars as an administrator writes them: holidays from a file, single dates, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.core import calendars
from bot.core.errors import ConfigError
from bot.core.model import Metric, OrganisationId, Priority, Tier
from bot.core.policies import Calendar, Interval, Policies
from config.policies import load_policies

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HEAD = '[lisbon]\ntimezone = "Europe/Lisbon"\n'
WEEK = '[lisbon.hours]\nmon = [["09:00", "17:00"]]\nthu = [["22:00", "06:00"]]\nfri = [["09:00", "17:00"]]\n'
ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Acme//Holidays//EN
BEGIN:VEVENT
UID:1
SUMMARY:Founders' day
DTSTART;VALUE=DATE:20200306
RRULE:FREQ=YEARLY
EXDATE;VALUE=DATE:20280306
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Shutdown
DTSTART;VALUE=DATE:20261228
DTEND;VALUE=DATE:20270102
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:All hands
DTSTART;TZID=Europe/Berlin:20261127T150000
DTEND;TZID=Europe/Berlin:20261127T163030
END:VEVENT
BEGIN:VEVENT
UID:4
SUMMARY:Move
DTSTART:20261204T150000
DTEND:20261206T120000
END:VEVENT
END:VCALENDAR
"""


def load(directory: Path, extra: str = "", week: str = WEEK, **files: str) -> Policies:
    (directory / "calendars.toml").write_text(HEAD + extra + "\n" + week)
    for name, content in files.items():
        (directory / f"{name}.toml").write_text(content)
    return load_policies(directory, now=NOW)


def lisbon(directory: Path, extra: str = "", week: str = WEEK) -> Calendar:
    return load(directory, extra, week).calendars["lisbon"]


def test_whole_days_of_an_icalendar_file_are_holidays(tmp_path: Path) -> None:
    (tmp_path / "acme.ics").write_text(ICS)

    holidays = lisbon(tmp_path, 'holidays_file = "acme.ics"').holidays

    founded = [day for day in sorted(holidays) if holidays[day] == "Founders' day"]
    assert founded[0] == date(2020, 3, 6)
    assert founded[-1] == date(2056, 3, 6)
    assert date(2028, 3, 6) not in founded
    assert [day.day for day in holidays if holidays[day] == "Shutdown"] == [28, 29, 30, 31, 1]


def test_events_with_times_close_these_times_in_whole_minutes_outwards(tmp_path: Path) -> None:
    (tmp_path / "acme.ics").write_text(ICS)

    breaks = lisbon(tmp_path, 'holidays_file = "acme.ics"').breaks

    assert breaks == {
        date(2026, 11, 27): (Interval(start=14 * 60, end=15 * 60 + 31),),  # Berlin is an hour ahead
        date(2026, 12, 4): (Interval(start=15 * 60, end=1440),),
        date(2026, 12, 5): (Interval(start=0, end=1440),),
        date(2026, 12, 6): (Interval(start=0, end=12 * 60),),
    }


def test_a_file_stands_beside_a_country_and_both_know_exceptions(tmp_path: Path) -> None:
    (tmp_path / "acme.ics").write_text(ICS)

    calendar = lisbon(
        tmp_path,
        'holidays = "PT"\nholidays_file = "acme.ics"\n'
        """working_holidays = ["Founders' day", "All hands", "Christmas Day"]""",
    )

    assert date(2026, 4, 25) in calendar.holidays, "Freedom Day"
    assert date(2026, 12, 25) not in calendar.holidays
    assert "Founders' day" not in calendar.holidays.values()
    assert date(2026, 11, 27) not in calendar.breaks


def test_a_date_with_hours_of_its_own_has_no_others_and_works_on_a_holiday(tmp_path: Path) -> None:
    calendar = lisbon(
        tmp_path,
        'extra_holidays = { 2026-12-25 = "Christmas" }\n'
        'special_hours = { 2026-12-25 = [["10:00", "12:00"]], 2026-12-28 = [] }',
    )
    start, end = datetime(2026, 12, 25, 7, tzinfo=UTC), datetime(2026, 12, 29, tzinfo=UTC)

    assert list(calendars.open_spans(calendar, start, end)) == [
        (datetime(2026, 12, 25, 10, tzinfo=UTC), datetime(2026, 12, 25, 12, tzinfo=UTC))
    ]


def test_a_break_is_taken_out_of_the_day_and_of_the_night_before(tmp_path: Path) -> None:
    calendar = lisbon(tmp_path, 'breaks = { 2026-11-27 = [["05:00", "10:00"], ["12:00", "13:00"]] }')
    start, end = datetime(2026, 11, 26, 21, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC)

    assert [(a.hour, b.hour) for a, b in calendars.open_spans(calendar, start, end)] == [
        (22, 5),
        (10, 12),
        (13, 17),
    ]
    assert [why for _, _, why in calendars.closed_spans(calendar, start, end)] == [
        "night", "break", "break", "night"
    ]  # fmt: skip


def test_a_break_longer_than_the_hours_leaves_nothing(tmp_path: Path) -> None:
    calendar = lisbon(tmp_path, 'breaks = { 2026-11-27 = [["00:00", "24:00"]] }')

    assert calendars.next_opening(calendar, datetime(2026, 11, 27, 0, tzinfo=UTC)) == datetime(
        2026, 11, 30, 9, tzinfo=UTC
    )


ORGANISATION = '[acme]\nname = "Acme"\ntier = "Enterprise"\n'


def test_an_organisation_may_have_its_own_calendar_in_the_place_of_a_promises(tmp_path: Path) -> None:
    policies = load(tmp_path, organisations=ORGANISATION + 'calendars = { business = "lisbon" }\n')
    acme, other = OrganisationId("acme"), OrganisationId("other")

    def calendar_of(organisation: OrganisationId | None, priority: Priority) -> str:
        target = policies.target(organisation, Tier.ENTERPRISE, priority, Metric.FIRST_REPLY_TIME)
        assert target is not None
        return target.calendar

    assert calendar_of(acme, Priority.P2) == "lisbon"
    assert calendar_of(acme, Priority.P1) == "24x7"
    assert calendar_of(other, Priority.P2) == calendar_of(None, Priority.P2) == "business"
    assert policies.target(acme, Tier.COMMUNITY, Priority.P1, Metric.FIRST_REPLY_TIME) is None


OVERLAPPING = '[lisbon.hours]\nmon = [["09:00", "12:00"], ["11:00", "17:00"]]\n'
NIGHTS = '[lisbon.hours]\nmon = [["22:00", "06:00"]]\ntue = [["05:00", "17:00"]]\n'
SUNDAY = '[lisbon.hours]\nmon = [["05:00", "17:00"]]\nsun = [["22:00", "06:00"]]\n'


@pytest.mark.parametrize(
    ("extra", "week", "sentence"),
    [
        ("", "", "hours: no hour is ever open"),
        ("", "[lisbon.hours]\nmon = []\n", "hours: no hour is ever open"),
        ("", OVERLAPPING, "hours: mon: 09:00-12:00 and 11:00-17:00 overlap"),
        ("", OVERLAPPING.replace("09:00", "11:00"), "hours: mon: 11:00-12:00 and 11:00-17:00 overlap"),
        ("", NIGHTS, "hours: mon 22:00-06:00 runs into tue 05:00-17:00"),
        ("", SUNDAY, "hours: sun 22:00-06:00 runs into mon 05:00-17:00"),
        ("", '[lisbon.hours]\nmon = "09:00"\n', "hours: mon is not a list of intervals"),
        ('special_hours = { 2026-12-24 = [["9", "12:00"]] }', WEEK, "special_hours: 2026-12-24: '9' is not"),
        ("special_hours = { soon = [] }", WEEK, "special_hours: 'soon' is not a date"),
        (
            'special_hours = { 2026-12-25 = [["05:00", "12:00"]] }',
            WEEK,
            "special_hours: 2026-12-24 22:00-06:00 runs into 2026-12-25 05:00-12:00",
        ),
        (
            'special_hours = { 2026-12-27 = [["12:00", "10:00"]] }',
            WEEK,
            "special_hours: 2026-12-27 12:00-10:00 runs into 2026-12-28 09:00-17:00",
        ),
        (
            'special_hours = { 2026-12-24 = [["09:00", "12:00"], ["11:00", "13:00"]] }',
            WEEK,
            "special_hours: 2026-12-24: 09:00-12:00 and 11:00-13:00 overlap",
        ),
        ("breaks = { 2026-11-27 = true }", WEEK, "breaks: 2026-11-27 is not a list of intervals"),
        ("breaks = 5", WEEK, "breaks: 5 is not a table"),
        ("extra_holidays = { 2026-12-25 = 5 }", WEEK, "2026-12-25: 5 is not a text"),
        ('holidays_file = "acme.ics"', WEEK, "holidays_file: acme.ics: cannot be read: No such file"),
        ('holidays_file = "calendars.toml"', WEEK, "holidays_file: calendars.toml: is not an iCalendar file"),
        ('holidays_file = "."', WEEK, "holidays_file: .: cannot be read"),
        ("holidays_file = 5", WEEK, "holidays_file: 5 is not a text"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_one_sentence(
    tmp_path: Path, extra: str, week: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, extra, week)

    assert str(caught.value).startswith("calendars.toml: [lisbon")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("calendars.toml: [") == 1


def test_an_event_that_cannot_be_read_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "acme.ics").write_text(ICS.replace("20261228", "2026-12-28"))

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, 'holidays_file = "acme.ics"')

    assert str(caught.value) == (
        "calendars.toml: [lisbon]: holidays_file: acme.ics: event 2: DTSTART cannot be read"
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('calendars = { busines = "lisbon" }', "calendars: 'busines' is not in calendars.toml; did you mean"),
        ('calendars = { business = "lisboa" }', "business: 'lisboa' is not in calendars.toml; did you mean"),
        ("calendars = { business = 5 }", "business: 5 is not a text"),
        ('calendars = "lisbon"', "calendars: 'lisbon' is not a table"),
    ],
)
def test_an_organisation_names_calendars_that_exist(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, organisations=ORGANISATION + line)

    assert str(caught.value).startswith("organisations.toml: [acme")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("span", ["0h", "-4h", "0m", ""])
def test_a_promise_of_nothing_is_refused(tmp_path: Path, span: str) -> None:
    promise = f'[enterprise.P1]\ncalendar = "24x7"\nfirst_reply_time = "{span}"\n'

    with pytest.raises(ConfigError, match=r"^sla\.toml: \[enterprise\.P1\]: first_reply_time: "):
        load(tmp_path, sla=promise)
