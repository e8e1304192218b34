"""The published vectors: the engine gives the answers beside them, and so does an oracle of its own kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from day_oracle import DayOracle, Window

from bot.core import calendars, sla
from bot.core.model import Clock, Metric, Priority, Segment, Terms, TicketId, Tier
from bot.core.policies import Calendar, Policies, SlaTarget
from bot.core.sla_cases import due_case
from bot.core.spelling import parse_dates, parse_day, parse_hours, render_instant
from config.policies import load_policies

HOME = Path(__file__).resolve().parents[2] / "docs" / "sla-vectors"
VECTORS: dict[str, Any] = json.loads((HOME / "vectors.json").read_text())
WARN_PERCENT = 80
LONGEST = timedelta(days=60)  #: of a case, and of what an oracle looks at


def named(section: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in VECTORS[section]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@cache
def calendar_of(name: str) -> Calendar:
    given = VECTORS["calendars"][name]
    return Calendar(
        name=name,
        timezone=given["timezone"],
        hours=parse_hours(given["hours"]),
        holidays={parse_day(day): day for day in given.get("holidays", ())},
        special_hours=parse_dates(given.get("special_hours", {})),
        breaks=parse_dates(given.get("breaks", {})),
    )


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(None, now=datetime(2026, 11, 24, tzinfo=UTC))


def eighty_percent(seconds: int) -> timedelta:
    return timedelta(seconds=-(-seconds * WARN_PERCENT // 100))


# -- plain cases --------------------------------------------------------------


@pytest.mark.parametrize("case", named("due"))
def test_the_engine_gives_the_published_answer(case: Mapping[str, Any], policies: Policies) -> None:
    expected = case["expected"]

    answer = due_case({**case, "calendar": VECTORS["calendars"][case["calendar"]]}, policies)

    assert answer == {
        "id": case["id"],
        "due_at": expected["due_at"],
        "warning_at": expected["warning_at"],
    }, case["why"]
    pauses = [(at(a), at(b)) for a, b in case.get("pauses", ())]
    for until, seconds in expected.get("elapsed", ()):
        used = calendars.open_time_between(
            calendar_of(case["calendar"]), at(case["start"]), at(until), pauses
        )
        assert used == timedelta(seconds=seconds), (until, case["why"])


@pytest.mark.parametrize("case", named("due"))
def test_the_oracle_gives_the_published_answer(case: Mapping[str, Any]) -> None:
    oracle, start, expected = (
        oracle_of(case["calendar"], at(case["start"])),
        at(case["start"]),
        case["expected"],
    )
    pauses = [(at(a), at(b)) for a, b in case.get("pauses", ())]
    target = timedelta(seconds=case["target_seconds"])

    assert oracle.due_at(start, target, pauses) == at(expected["due_at"])
    assert oracle.due_at(start, eighty_percent(case["target_seconds"]), pauses) == at(expected["warning_at"])
    for until, seconds in expected.get("elapsed", ()):
        assert oracle.open_time_between(start, at(until), pauses) == timedelta(seconds=seconds)


def oracle_of(calendar: str, start: datetime) -> DayOracle:
    found = calendar_of(calendar)
    return DayOracle(found, Window(found.timezone, start - timedelta(days=3), LONGEST.days + 4))


def test_the_lines_for_the_command_are_the_same_cases() -> None:
    lines = [json.loads(line) for line in (HOME / "due.jsonl").read_text().splitlines()]

    assert lines == [case | {"calendar": VECTORS["calendars"][case["calendar"]]} for case in VECTORS["due"]]


def test_every_case_has_a_name_of_its_own_and_says_why() -> None:
    cases = [*VECTORS["due"], *VECTORS["clocks"]]

    assert len({case["id"] for case in cases}) == len(cases) >= 70
    assert all(case["why"].endswith(".") for case in cases)


# -- promises that change -------------------------------------------------------


def begun(event: Mapping[str, Any]) -> Clock:
    target = SlaTarget(
        policy="vectors@1",
        tier=Tier.ENTERPRISE,
        priority=Priority.P2,
        metric=Metric.RESOLUTION_TIME,
        target=timedelta(seconds=event["target_seconds"]),
        calendar=event["calendar"],
        warn_percent=WARN_PERCENT,
        steps=(),
    )
    return sla.start_clock(target, calendar_of(event["calendar"]), ticket=TicketId(1), now=at(event["at"]))


def changed(clock: Clock, event: Mapping[str, Any]) -> Clock:
    before = clock.terms
    terms = Terms(
        policy=before.policy,
        tier=before.tier,
        priority=before.priority,
        target=timedelta(seconds=event["target_seconds"]) if "target_seconds" in event else before.target,
        calendar=calendar_of(event["calendar"]) if "calendar" in event else before.calendar,
    )
    return sla.under(clock, terms, at(event["at"]), "changed")


STEPS: dict[str, Callable[[Clock, Mapping[str, Any]], Clock]] = {
    "pause": lambda clock, event: sla.pause(clock, at(event["at"]), "waiting on the customer"),
    "resume": lambda clock, event: sla.resume(clock, at(event["at"])),
    "change": changed,
    "stop": lambda clock, event: sla.fulfil(clock, at(event["at"])),
    "reopen": lambda clock, event: sla.reopen(clock, at(event["at"])),
}


def led(case: Mapping[str, Any], *, until: datetime | None = None) -> Clock:
    """The clock after the events, or those before `until`."""
    first, *rest = case["events"]
    clock = begun(first)
    for event in rest:
        if until is None or at(event["at"]) <= until:
            clock = STEPS[event["do"]](clock, event)
    return clock


@pytest.mark.parametrize("case", named("clocks"))
def test_a_clock_that_is_led_through_the_events_says_what_is_published(case: Mapping[str, Any]) -> None:
    clock, expected = led(case), case["expected"]

    if expected["due_at"] is not None:
        assert render_instant(clock.due_at) == expected["due_at"], case["why"]
    if expected["warning_at"] is not None:
        assert render_instant(clock.warning_at) == expected["warning_at"], case["why"]
    for until, seconds in expected.get("elapsed", ()):
        used = sla.elapsed(led(case, until=at(until)), at(until))
        assert used == timedelta(seconds=seconds), (until, case["why"])
    assert [shown(segment) for segment in clock.segments] == [
        (one["from"], one["to"], one["kind"], one["calendar"], one.get("counted_seconds"))
        for one in expected["segments"]
    ]
    if "outcome" in expected:
        assert clock.state.value == expected["outcome"], case["why"]


def shown(segment: Segment) -> tuple[str, str | None, str, str, int | None]:
    end, counted = segment.ended_at, None
    if end is not None:
        counted = 0
        if segment.kind.value == "running":
            open_time = calendars.open_time_between(segment.terms.calendar, segment.started_at, end)
            counted = int(open_time.total_seconds())
    return (
        render_instant(segment.started_at),
        render_instant(end) if end else None,
        segment.kind.value,
        segment.terms.calendar.name,
        counted,
    )


@dataclass
class Stretch:
    """A part of a promise's life, as the oracle keeps it: nothing of ours is asked."""

    start: datetime
    is_running: bool
    oracle: DayOracle
    target: int
    end: datetime | None = None

    def used(self, until: datetime) -> int:
        end = min(self.end or until, until)
        if not self.is_running or end <= self.start:
            return 0
        return int(self.oracle.open_time_between(self.start, end).total_seconds())


def stretches_of(case: Mapping[str, Any]) -> list[Stretch]:
    begin = at(case["events"][0]["at"])
    found: list[Stretch] = []

    def turn(event: Mapping[str, Any], *, is_running: bool) -> None:
        last = found[-1]
        last.end = last.end or at(event["at"])
        oracle = oracle_of(event["calendar"], begin) if "calendar" in event else last.oracle
        found.append(Stretch(at(event["at"]), is_running, oracle, event.get("target_seconds", last.target)))

    for event in case["events"]:
        match event["do"]:
            case "start":
                oracle = oracle_of(event["calendar"], begin)
                found.append(Stretch(begin, True, oracle, event["target_seconds"]))
            case "stop":
                found[-1].end = at(event["at"])
            case "reopen":
                ended = found[-1].end
                assert ended is not None
                found.append(Stretch(ended, False, found[-1].oracle, found[-1].target))
                turn(event, is_running=True)
            case "change":
                turn(event, is_running=found[-1].is_running)
            case turning:
                turn(event, is_running=turning == "resume")
    return found


def reached(stretches: list[Stretch], seconds: int) -> datetime | None:
    """The first second by which so much was used, if the last stretch runs on; not before its target held."""
    life = [*stretches[:-1], Stretch(stretches[-1].start, stretches[-1].is_running, stretches[-1].oracle, 0)]
    begin, low, high = stretches[0].start, 0, int(LONGEST.total_seconds()) - 86_400

    def used(second: int) -> int:
        return sum(stretch.used(begin + timedelta(seconds=second)) for stretch in life)

    if used(high) < seconds:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if used(middle) >= seconds else (middle + 1, high)
    since = stretches[-1].start
    for stretch in reversed(stretches):
        if stretch.target != stretches[-1].target:
            break
        since = stretch.start
    return max(begin + timedelta(seconds=low), since)


@pytest.mark.parametrize("case", named("clocks"))
def test_the_oracle_says_the_same_of_a_promise_that_changes(case: Mapping[str, Any]) -> None:
    stretches, expected = stretches_of(case), case["expected"]
    target = stretches[-1].target

    for key, seconds in (
        ("due_at", target),
        ("warning_at", int(eighty_percent(target).total_seconds())),
    ):
        found = reached(stretches, seconds)
        assert (render_instant(found) if found else None) == expected[key], case["why"]
    for until, seconds in expected.get("elapsed", ()):
        assert sum(stretch.used(at(until)) for stretch in stretches) == seconds, case["why"]
    assert [stretch.used(stretch.end) for stretch in stretches if stretch.end] == [
        one["counted_seconds"] for one in expected["segments"] if one["to"]
    ]
