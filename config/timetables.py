"""calendars.toml: opening hours, and the holidays of a country with exceptions and additions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType

from bot.core.errors import UserFacingError
from bot.core.opening_hours import zone
from bot.core.policies import Calendar
from bot.core.spelling import did_you_mean, parse_day, parse_hours
from config.tables import Layers, Table

YEARS_AROUND = 30  #: holidays are known this many years before and after the load

FILE = "calendars.toml"


def load_calendars(layers: Layers, *, now: datetime) -> dict[str, Calendar]:
    """Every calendar by its name."""
    return {name: _calendar(name, table, now) for name, table in layers.tables(FILE).items()}


def _calendar(name: str, table: Table, now: datetime) -> Calendar:
    if table.flag("always_open"):
        table.only("always_open")
        return Calendar(name=name, timezone="UTC", hours=((),) * 7, is_always_open=True)
    table.only("always_open", "timezone", "hours", "holidays", "working_holidays", "extra_holidays")
    timezone = table.text("timezone")
    table.read("timezone", zone)
    try:
        hours = parse_hours(table.table("hours").values)
    except UserFacingError as error:
        raise table.wrong("hours", str(error)) from error
    return Calendar(
        name=name,
        timezone=timezone,
        hours=hours,
        holidays=MappingProxyType(_closed_days(table, now) | _extra_days(table)),
    )


def _closed_days(table: Table, now: datetime) -> dict[date, str]:
    if "holidays" not in table.values:
        if table.texts("working_holidays"):
            raise table.wrong("working_holidays", "says nothing without holidays")
        return {}
    found = _of_country(table, table.text("holidays"), now)
    names = set(found.values())
    for name in table.texts("working_holidays"):
        if name not in names:
            raise table.wrong("working_holidays", f"{name!r} is no holiday there{did_you_mean(name, names)}")
        found = {day: known for day, known in found.items() if known not in (name, f"{name} (observed)")}
    return found


def _of_country(table: Table, place: str, now: datetime) -> dict[date, str]:
    from holidays import country_holidays  # noqa: PLC0415  # half a second, and only where holidays are used

    # Names in English whatever the machine's locale: policy files refer to them.
    country, _, subdivision = place.partition("-")
    years = range(max(now.year - YEARS_AROUND, 1), min(now.year + YEARS_AROUND, 9999) + 1)
    try:
        found: Mapping[date, str] = country_holidays(
            country, subdiv=subdivision or None, years=years, language="en_US"
        )
    except (NotImplementedError, KeyError) as error:
        raise table.wrong(
            "holidays", f"{place!r} is no country of the holidays package; write US or US-CA"
        ) from error
    return dict(found.items())


def _extra_days(table: Table) -> dict[date, str]:
    extra = table.table("extra_holidays")
    found: dict[date, str] = {}
    for day in extra.values:
        try:
            found[parse_day(day)] = extra.text(day)
        except UserFacingError as error:
            raise table.wrong("extra_holidays", str(error)) from error
    return found
