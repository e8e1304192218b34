"""iCalendar files: which events there are between two instants, with everything that repeats written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.core.errors import UserFacingError

if TYPE_CHECKING:
    from icalendar import Calendar

Event = Any  #: a VEVENT; the library's type allows each property every type, which helps nobody

LARGEST = 4 * 2**20  #: bytes; the holidays of a country for a lifetime are a tenth of it
MOST = 20_000  #: occurrences; every day of the sixty years in which holidays are known would be too many

# https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10; what repeats every minute is no holiday and no shift.
_TOO_OFTEN = ("SECONDLY", "MINUTELY")
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One event, once."""

    uid: str
    summary: str
    starts_at: datetime
    ends_at: datetime  #: exclusive
    days: tuple[date, ...] = ()  #: what an event of whole days covers; empty for one with times
    attendees: tuple[str, ...] = ()  #: mail addresses in lower case
    organiser: str = ""  #: likewise


def read_occurrences(
    content: bytes, *, zone: ZoneInfo, since: datetime, until: datetime
) -> tuple[Occurrence, ...]:
    """The events that touch [since, until), by their start; cancelled ones are none.

    Whole days, and times without a zone, are those of `zone`. UserFacingError, in one sentence without a
    word of the content, when something in it cannot be read: half a calendar would be a wrong one.
    """
    if len(content) > LARGEST:
        raise UserFacingError(f"is larger than {LARGEST // 2**20} MiB")
    calendar = _parsed(content)
    for number, event in enumerate(calendar.walk("VEVENT"), start=1):
        if problem := _problem(event):
            raise UserFacingError(f"event {number}: {problem}")
    found = [_occurrence(event, zone) for event in _expanded(calendar, since.astimezone(zone), until)]
    if len(found) > MOST:
        raise UserFacingError(f"holds more than {MOST:,} events")
    return tuple(
        sorted(
            (one for one in found if one is not None and one.starts_at < until and one.ends_at > since),
            key=lambda one: (one.starts_at, one.ends_at, one.uid),
        )
    )


def _parsed(content: bytes) -> Calendar:
    from icalendar import Calendar  # noqa: PLC0415  # a tenth of a second, and only where there are such files

    try:
        return Calendar.from_ical(content)
    except Exception:  # noqa: BLE001  # it raises a dozen kinds, whose words quote the content
        raise UserFacingError("is not an iCalendar file, or holds more than one calendar") from None


def _expanded(calendar: Calendar, since: datetime, until: datetime) -> Iterator[Event]:
    import recurring_ical_events  # noqa: PLC0415  # likewise

    try:
        # A day more on both sides: whole days are compared without a zone.
        day = timedelta(days=1)
        yield from recurring_ical_events.of(calendar).between(
            since - day, until.astimezone(since.tzinfo) + day
        )
    except Exception:  # noqa: BLE001  # as above
        raise UserFacingError("holds an event whose repetition cannot be read") from None


def _problem(event: Event) -> str | None:
    """What the library would pass over in silence, or raise about without saying where."""
    for name, _ in event.errors:
        if name in _TIMES:
            return f"{name} cannot be read"
    for name in ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE"):
        if isinstance(event.get(name), list):
            return f"{name} is there twice"
    if "DTSTART" not in event:
        return "DTSTART is missing"
    return (
        _wrong_rule(event)
        or _wrong_time(event, "DTSTART")
        or _wrong_time(event, "DTEND")
        or _wrong_end(event)
    )


def _wrong_rule(event: Event) -> str | None:
    if "RRULE" not in event:
        return None
    frequency = event["RRULE"].get("FREQ")
    if not frequency:
        return "RRULE cannot be read"
    return "RRULE repeats more often than hourly" if frequency[0].upper() in _TOO_OFTEN else None


def _wrong_time(event: Event, name: str) -> str | None:
    if name not in event:
        return None
    at: Any = event[name].dt
    if not isinstance(at, date):
        return f"{name} cannot be read"
    if isinstance(at, datetime) and at.tzinfo is None and "TZID" in event[name].params:
        return f"{name} names a time zone that does not exist"
    return None


def _wrong_end(event: Event) -> str | None:
    if "DURATION" in event and event["DURATION"].dt < timedelta(0):
        return "DURATION is below zero"
    if "DTEND" not in event:
        return None
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    if isinstance(start, datetime) != isinstance(end, datetime):
        return "only one of DTSTART and DTEND has a time"
    if isinstance(start, datetime) and (start.tzinfo is None) != (end.tzinfo is None):
        return "only one of DTSTART and DTEND has a zone"
    return "DTEND is before DTSTART" if end < start else None


def _occurrence(event: Event, zone: ZoneInfo) -> Occurrence | None:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return None
    start, end = event.start, event.end
    days: tuple[date, ...] = ()
    if not isinstance(start, datetime):
        days = tuple(start + timedelta(days=number) for number in range((end - start).days))
    return Occurrence(
        uid=str(event.get("UID", "")),
        summary=_text(event.get("SUMMARY")),
        starts_at=_instant(start, zone),
        ends_at=_instant(end, zone),
        days=days,
        attendees=tuple(_address(one) for one in _listed(event.get("ATTENDEE"))),
        organiser=_address(event.get("ORGANIZER", "")),
    )


def _instant(at: date, zone: ZoneInfo) -> datetime:
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day)  # noqa: DTZ001  # its zone comes next
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _text(value: Any) -> str:
    """One line, as it is shown to people; the first where a file has several."""
    return " ".join(str(_listed(value)[0]).split()) if value is not None else ""


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _address(attendee: Any) -> str:
    return str(attendee).removeprefix("mailto:").removeprefix("MAILTO:").strip().lower()
