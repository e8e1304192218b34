"""iCalendar files are read whole or refused in one sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.core.errors import UserFacingError
from config.icalendar import LARGEST, Occurrence, read_occurrences

LISBON = ZoneInfo("Europe/Lisbon")
SINCE, UNTIL = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)


def ics(*events: tuple[str, ...], before: tuple[str, ...] = ()) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Acme//Calendar//EN", *before]
    for number, event in enumerate(events):
        usual = () if any(line.startswith("UID:") for line in event) else (f"UID:{number}@acme",)
        lines += ["BEGIN:VEVENT", *usual, *event, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def read(*events: tuple[str, ...], before: tuple[str, ...] = ()) -> tuple[Occurrence, ...]:
    return read_occurrences(ics(*events, before=before), zone=LISBON, since=SINCE, until=UNTIL)


def test_a_whole_day_is_a_date_and_its_end_is_exclusive() -> None:
    (found,) = read(("SUMMARY:Company day", "DTSTART;VALUE=DATE:20260618", "DTEND;VALUE=DATE:20260619"))

    assert found == Occurrence(
        uid="0@acme",
        summary="Company day",
        starts_at=datetime(2026, 6, 17, 23, 0, tzinfo=UTC),
        ends_at=datetime(2026, 6, 18, 23, 0, tzinfo=UTC),
        days=(date(2026, 6, 18),),
    )


def test_a_whole_day_without_an_end_lasts_one_day() -> None:
    (found,) = read(("DTSTART;VALUE=DATE:20260618",))

    assert found.days == (date(2026, 6, 18),)


def test_several_days_are_written_out() -> None:
    (found,) = read(("SUMMARY:Shutdown", "DTSTART;VALUE=DATE:20261230", "DTEND;VALUE=DATE:20270102"))

    assert found.days == (date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1))


def test_what_repeats_every_year_is_there_every_year_but_for_exceptions() -> None:
    found = read(
        ("DTSTART;VALUE=DATE:20201224", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20261224", "SUMMARY:Eve"),
    )

    assert [one.days for one in found] == [(date(2025, 12, 24),), (date(2027, 12, 24),)]


def test_one_of_a_series_may_be_moved_or_cancelled() -> None:
    found = read(
        ("UID:a", "DTSTART;VALUE=DATE:20251224", "RRULE:FREQ=YEARLY;COUNT=3", "SUMMARY:Eve"),
        ("UID:a", "RECURRENCE-ID;VALUE=DATE:20261224", "DTSTART;VALUE=DATE:20261223", "SUMMARY:Eve, early"),
        ("UID:a", "RECURRENCE-ID;VALUE=DATE:20271224", "DTSTART;VALUE=DATE:20271224", "STATUS:CANCELLED"),
    )

    assert [(one.days[0], one.summary) for one in found] == [
        (date(2025, 12, 24), "Eve"),
        (date(2026, 12, 23), "Eve, early"),
    ]


@pytest.mark.parametrize(
    ("start", "hour"),
    [
        ("DTSTART:20260618T120000Z", 12),
        ("DTSTART:20260618T120000", 11),  # no zone: the reader's, Lisbon in summer
        ("DTSTART;TZID=America/New_York:20260618T120000", 16),
        ("DTSTART;TZID=W. Europe Standard Time:20260618T120000", 10),  # as Outlook calls Berlin
    ],
)
def test_times_are_instants(start: str, hour: int) -> None:
    (found,) = read((start, "DURATION:PT90M", "SUMMARY:Team lunch"))

    assert found.starts_at == datetime(2026, 6, 18, hour, 0, tzinfo=UTC)
    assert (found.ends_at - found.starts_at).total_seconds() == 90 * 60
    assert found.days == ()


def test_a_zone_may_be_defined_in_the_file() -> None:
    zone = (
        "BEGIN:VTIMEZONE",
        "TZID:Office",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0300",
        "TZOFFSETTO:+0300",
        "END:STANDARD",
        "END:VTIMEZONE",
    )
    (found,) = read(("DTSTART;TZID=Office:20260618T120000", "DURATION:PT1H"), before=zone)

    assert found.starts_at == datetime(2026, 6, 18, 9, 0, tzinfo=UTC)


def test_a_weekly_shift_keeps_its_local_time_across_a_change_of_the_clocks() -> None:
    found = read(
        ("DTSTART;TZID=Europe/Berlin:20261019T090000", "DURATION:PT8H", "RRULE:FREQ=WEEKLY;COUNT=2"),
    )

    assert [one.starts_at.hour for one in found] == [7, 8]


def test_who_is_invited_is_told_by_address() -> None:
    (found,) = read(
        (
            "DTSTART:20260618T120000Z",
            "DURATION:PT1H",
            "ATTENDEE;CN=Dana:mailto:Dana@acme.example",
            "ORGANIZER;CN=Omar:MAILTO:omar@acme.example",
        ),
    )

    assert found.attendees == ("dana@acme.example",)
    assert found.organiser == "omar@acme.example"


def test_only_what_touches_the_window_is_given() -> None:
    assert read(("DTSTART:20280101T000000Z", "DURATION:PT1H")) == ()
    assert read(("DTSTART:20241231T230000Z", "DURATION:PT1H")) == ()
    assert len(read(("DTSTART:20241231T230000Z", "DURATION:PT61M"))) == 1


def test_what_repeats_too_often_is_refused() -> None:
    with pytest.raises(UserFacingError, match="holds more than 20,000 events"):
        read(("DTSTART:20250101T000000Z", "RRULE:FREQ=HOURLY"))


def test_a_calendar_without_events_is_empty() -> None:
    assert read() == ()


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("SUMMARY:x",), "event 1: DTSTART is missing"),
        (("DTSTART:soon",), "event 1: DTSTART cannot be read"),
        (("DTSTART:20260618T120000Z", "DTSTART:20260619T120000Z"), "event 1: DTSTART is there twice"),
        (
            ("DTSTART;TZID=Mars/Base:20260618T120000",),
            "event 1: DTSTART names a time zone that does not exist",
        ),
        (("DTSTART:20260618T120000Z", "DTEND:20260618T110000Z"), "event 1: DTEND is before DTSTART"),
        (
            ("DTSTART:20260618T120000Z", "DTEND;VALUE=DATE:20260619"),
            "only one of DTSTART and DTEND has a time",
        ),
        (("DTSTART:20260618T120000Z", "DTEND:20260618T130000"), "only one of DTSTART and DTEND has a zone"),
        (("DTSTART:20260618T120000Z", "DURATION:-PT1H"), "event 1: DURATION is below zero"),
        (("DTSTART:20260618T120000Z", "RRULE:yearly"), "event 1: RRULE cannot be read"),
        (("DTSTART:20260618T120000Z", "RRULE:FREQ=SOMETIMES"), "event 1: RRULE cannot be read"),
        (("DTSTART;VALUE=TIME:120000",), "event 1: DTSTART cannot be read"),
        (("DTSTART:20260618T120000Z", "RRULE:FREQ=YEARLY;BYDAY=XX"), "cannot be read"),
        (("DTSTART:20260618T120000Z", "RRULE:FREQ=YEARLY;BYHOUR=99"), "repetition cannot be read"),
        (
            ("DTSTART:20260618T120000Z", "RRULE:FREQ=SECONDLY"),
            "event 1: RRULE repeats more often than hourly",
        ),
        (("DTSTART:20260618T120000Z", "RRULE:FREQ=YEARLY", "EXDATE:x"), "event 1: EXDATE cannot be read"),
    ],
)
def test_an_event_that_cannot_be_read_is_named(lines: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UserFacingError) as caught:
        read(lines)

    assert sentence in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>log in</html>", b"\xff\x00", ics() * 2, ics()[:-40]])
def test_what_is_no_calendar_is_one_sentence_without_its_content(content: bytes) -> None:
    with pytest.raises(UserFacingError, match=r"^is not an iCalendar file") as caught:
        read_occurrences(content, zone=LISBON, since=SINCE, until=UNTIL)

    assert "log in" not in str(caught.value)


def test_a_file_that_never_ends_is_refused_before_it_is_read() -> None:
    with pytest.raises(UserFacingError, match="is larger than 4 MiB"):
        read_occurrences(b"x" * (LARGEST + 1), zone=LISBON, since=SINCE, until=UNTIL)
