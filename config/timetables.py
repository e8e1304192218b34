"""calendars.toml: opening hours, holidays with exceptions, and dates with hours or breaks of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

from bot.core.errors import ConfigError, UserFacingError
from bot.core.opening_hours import zone
from bot.core.policies import Calendar, Interval
from bot.core.spelling import (
    check_nights,
    check_special_hours,
    did_you_mean,
    parse_dates,
    parse_day,
    parse_hours,
)
from config.icalendar import Occurrence, read_occurrences
from config.tables import Layers, Table

YEARS_AROUND = 30  #: holidays are known this many years before and after the load

FILE = "calendars.toml"

_MIDNIGHT = 24 * 60
_HOLIDAYS, _HOLIDAYS_FILE, _WORKING = "holidays", "holidays_file", "working_holidays"
_SPECIAL_HOURS, _BREAKS = "special_hours", "breaks"

Breaks = dict[date, tuple[Interval, ...]]
Found = TypeVar("Found")


@dataclass(slots=True)
class _Holidays:
    """What holidays close: whole dates, each with its name, and parts of dates."""

    days: dict[date, str] = field(default_factory=dict)
    breaks: list[tuple[str, date, Interval]] = field(default_factory=list)

    def names(self) -> set[str]:
        return {*self.days.values(), *(name for name, _, _ in self.breaks)}

    def without(self, name: str) -> _Holidays:
        names = (name, f"{name} (observed)")
        return _Holidays(
            {day: known for day, known in self.days.items() if known not in names},
            [part for part in self.breaks if part[0] not in names],
        )


def load_calendars(layers: Layers, *, now: datetime) -> dict[str, Calendar]:
    """Every calendar by its name."""
    return {name: _calendar(name, table, layers, now) for name, table in layers.tables(FILE).items()}


def _calendar(name: str, table: Table, layers: Layers, now: datetime) -> Calendar:
    if table.flag("always_open"):
        table.only("always_open")
        return Calendar(name=name, timezone="UTC", hours=((),) * 7, is_always_open=True)
    table.only(
        "always_open", "timezone", "hours", _HOLIDAYS, _HOLIDAYS_FILE, _WORKING, "extra_holidays",
        _SPECIAL_HOURS, _BREAKS,
    )  # fmt: skip
    where = table.read("timezone", zone)
    holidays = _holidays(table, layers, where, now)
    calendar = Calendar(
        name=name,
        timezone=table.text("timezone"),
        hours=_told(table, "hours", lambda: check_nights(parse_hours(table.table("hours").values))),
        holidays=MappingProxyType(holidays.days | _extra_days(table)),
        special_hours=MappingProxyType(_dates(table, _SPECIAL_HOURS)),
        breaks=MappingProxyType(_together(_dates(table, _BREAKS), holidays.breaks)),
    )
    _told(table, _SPECIAL_HOURS, lambda: check_special_hours(calendar))
    return calendar


def _told(table: Table, key: str, read: Callable[[], Found]) -> Found:
    """Whatever is read, with the key in front of what is wrong about it."""
    try:
        return read()
    except ConfigError:  # it already says where
        raise
    except UserFacingError as error:
        raise table.wrong(key, str(error)) from error


def _dates(table: Table, key: str) -> Breaks:
    return _told(table, key, lambda: parse_dates(table.table(key).values))


def _together(breaks: Breaks, parts: list[tuple[str, date, Interval]]) -> Breaks:
    for _, day, interval in parts:
        breaks[day] = (*breaks.get(day, ()), interval)
    return breaks


# -- holidays ---------------------------------------------------------------


def _holidays(table: Table, layers: Layers, where: ZoneInfo, now: datetime) -> _Holidays:
    found = _Holidays()
    if _HOLIDAYS_FILE in table.values:
        found = _of_file(table, layers, where, now)
    if _HOLIDAYS in table.values:
        found.days |= _of_country(table, table.text(_HOLIDAYS), now)
    elif _HOLIDAYS_FILE not in table.values and table.texts(_WORKING):
        raise table.wrong(_WORKING, "says nothing without holidays")
    names = found.names()
    for name in table.texts(_WORKING):
        if name not in names:
            raise table.wrong(_WORKING, f"{name!r} is no holiday there{did_you_mean(name, names)}")
        found = found.without(name)
    return found


def _of_country(table: Table, place: str, now: datetime) -> dict[date, str]:
    from holidays import country_holidays  # noqa: PLC0415  # half a second, and only where holidays are used

    # Names in English whatever the machine's locale: policy files refer to them.
    country, _, subdivision = place.partition("-")
    first, last = _years(now)
    try:
        found: Mapping[date, str] = country_holidays(
            country, subdiv=subdivision or None, years=range(first, last + 1), language="en_US"
        )
    except (NotImplementedError, KeyError) as error:
        raise table.wrong(
            _HOLIDAYS, f"{place!r} is no country of the holidays package; write US or US-CA"
        ) from error
    return dict(found.items())


def _years(now: datetime) -> tuple[int, int]:
    return max(now.year - YEARS_AROUND, 1), min(now.year + YEARS_AROUND, 9998)


def _of_file(table: Table, layers: Layers, where: ZoneInfo, now: datetime) -> _Holidays:
    name = table.text(_HOLIDAYS_FILE)
    first, last = _years(now)
    try:
        content = ((layers.overlay or Path()) / name).read_bytes()
    except OSError as error:
        raise table.wrong(_HOLIDAYS_FILE, f"{name}: cannot be read: {error.strerror}") from error
    try:
        events = read_occurrences(
            content,
            zone=where,
            since=datetime(first, 1, 1, tzinfo=UTC),
            until=datetime(last + 1, 1, 1, tzinfo=UTC),
        )
    except UserFacingError as error:
        raise table.wrong(_HOLIDAYS_FILE, f"{name}: {error}") from error
    return _Holidays(
        {day: event.summary or "holiday" for event in events for day in event.days},
        [(event.summary, *part) for event in events if not event.days for part in _parts(event, where)],
    )


def _parts(event: Occurrence, where: ZoneInfo) -> Iterator[tuple[date, Interval]]:
    """The local times of each date that an event covers, in whole minutes outwards."""
    start = event.starts_at.astimezone(where).replace(tzinfo=None)
    end = event.ends_at.astimezone(where).replace(tzinfo=None)
    day = start.date()
    while (midnight := datetime.combine(day, time())) < end:  # wall clocks have no zone
        minutes = (max(start, midnight) - midnight) // timedelta(minutes=1)
        until = min(-((midnight - end) // timedelta(minutes=1)), _MIDNIGHT)
        if minutes < until:
            yield day, Interval(start=minutes, end=until)
        day += timedelta(days=1)


def _extra_days(table: Table) -> dict[date, str]:
    extra = table.table("extra_holidays")
    return _told(table, "extra_holidays", lambda: {parse_day(day): extra.text(day) for day in extra.values})
