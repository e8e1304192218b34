"""`sla due`: cases in, instants out, and one sentence for each that makes no sense."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import UserFacingError
from bot.core.model import Metric, Priority, Tier
from bot.core.policies import Policies
from bot.core.sla_cases import due_case, due_lines
from bot.core.spelling import parse_metric, parse_priority, parse_span, parse_tier
from config.policies import load_policies

NEW_YORK = {
    "timezone": "America/New_York",
    "hours": {"sat": [["22:00", "00:30"]], "Sunday": [["00:30", "02:00"]]},
    "holidays": ["2026-10-31"],
}
OVERLAPPING = {"mon": [["11:59", "17:00"], ["09:00", "12:00"]]}
NIGHTS = {"sun": [["22:00", "06:00"]], "mon": [["05:59", "17:00"]]}
EARLY = [["00:00", "07:00"]]


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(None, now=datetime(2026, 11, 24, tzinfo=UTC))


def given(**changes: Any) -> dict[str, Any]:
    case = {"id": "a", "start": "2026-11-01T00:00:00Z", "calendar": NEW_YORK, "target_seconds": 3600}
    return {key: value for key, value in (case | changes).items() if value is not None}


def test_a_case_with_a_calendar_of_its_own(policies: Policies) -> None:
    assert due_case(given(), policies) == {
        "id": "a",
        "due_at": "2026-11-01T05:30:00Z",
        "warning_at": "2026-11-01T05:18:00Z",
    }


def test_the_repeated_hour_counts_twice(policies: Policies) -> None:
    answer = due_case(given(target_seconds=9000.0), policies)  # 00:30 to 02:00 is two hours and a half

    assert answer["due_at"] == "2026-11-01T07:00:00Z"


def test_a_calendar_may_have_dates_with_hours_and_breaks_of_their_own(policies: Policies) -> None:
    calendar = NEW_YORK | {
        "special_hours": {"2026-10-31": [["10:00", "11:00"]], "2026-11-01": []},
        "breaks": {"2026-10-31": [["10:15", "10:45"]]},
    }

    answer = due_case(given(start="2026-10-31T00:00:00Z", calendar=calendar, target_seconds=1800), policies)
    later = due_case(given(start="2026-10-31T00:00:00Z", calendar=calendar, target_seconds=1801), policies)

    assert answer["due_at"] == "2026-10-31T15:00:00Z"
    assert later["due_at"] == "2026-11-08T03:00:01Z"


def test_a_case_may_name_the_organisation_whose_hours_count(tmp_path: Path) -> None:
    (tmp_path / "calendars.toml").write_text(
        '[acme-hours]\ntimezone = "Asia/Tokyo"\n[acme-hours.hours]\nthu = [["09:00", "17:00"]]\n'
    )
    (tmp_path / "organisations.toml").write_text(
        '[acme]\nname = "Acme"\ntier = "Enterprise"\ncalendars = { business = "acme-hours" }\n'
    )
    policies = load_policies(tmp_path, now=datetime(2026, 11, 24, tzinfo=UTC))
    case = {"start": "2026-11-25T16:00:00Z", "tier": "Enterprise", "priority": "P2", "organisation": "acme"}

    assert due_case(case, policies)["due_at"] == "2026-11-26T08:00:00Z"
    with pytest.raises(UserFacingError, match="'acne' is not in organisations"):
        due_case(case | {"organisation": "acne"}, policies)


@pytest.mark.parametrize(
    ("tier", "priority", "metric", "instants"),
    [
        ("Enterprise", "P1", "first_reply_time", ("2026-11-25T20:00:00Z", "2026-11-25T19:12:00Z")),
        ("enterprise", "critical", "resolution time", ("2026-11-26T16:00:00Z", "2026-11-26T11:12:00Z")),
        ("Enterprise", "P2", "first_reply_time", ("2026-11-27T16:00:00Z", "2026-11-27T14:24:00Z")),
        ("Professional", "Urgent", None, ("2026-11-27T16:00:00Z", "2026-11-27T14:24:00Z")),
        ("PROFESSIONAL", "normal", "resolution_time", ("2026-12-10T16:00:00Z", "2026-12-08T16:00:00Z")),
    ],
)
def test_a_case_under_our_own_policies(
    policies: Policies, tier: str, priority: str, metric: str | None, instants: tuple[str, str]
) -> None:
    """From the Wednesday before Thanksgiving, 11:00 in New York."""
    case = {
        "id": 1,
        "start": "2026-11-25T11:00:00-05:00",
        "tier": tier,
        "priority": priority,
        "metric": metric,
    }

    assert due_case(case, policies) == {"id": 1, "due_at": instants[0], "warning_at": instants[1]}


def test_pauses_move_both_instants(policies: Policies) -> None:
    case = {
        "id": 1,
        "start": "2026-11-25T16:00:00Z",
        "tier": "Enterprise",
        "priority": "P1",
        "pauses": [["2026-11-25T17:00:00Z", "2026-11-25T18:00:00Z"]],
    }

    answer = due_case(case, policies)

    assert (answer["due_at"], answer["warning_at"]) == ("2026-11-25T21:00:00Z", "2026-11-25T20:12:00Z")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"start": None}, "start: start is missing"),
        ({"start": "soon"}, "start: 'soon' is not an instant like"),
        ({"start": "2026-11-01T00:00:00"}, "start: '2026-11-01T00:00:00' has no UTC offset"),
        ({"start": 5}, "start: start is not a text"),
        ({"start": "9999-12-31T23:00:00Z"}, "its instants leave the years 1 to 9999"),
        ({"start": "0001-01-01T00:00:00+01:00"}, "outside the years 1 to 9999"),
        ({"target_seconds": None}, "target_seconds is not a whole number"),
        ({"target_seconds": -1}, "target_seconds is not a whole number"),
        ({"target_seconds": 0}, "target_seconds is not a whole number of seconds above zero"),
        ({"target_seconds": True}, "target_seconds is not a whole number"),
        ({"target_seconds": 1.5}, "target_seconds is not a whole number"),
        ({"target_seconds": 10**30}, "target_seconds is more than a calendar can hold"),
        ({"target_seconds": 10**12}, "within a hundred years"),
        ({"calendar": 5}, "calendar is not an object"),
        ({"calendar": NEW_YORK | {"timezone": "Mars/Base"}}, "'Mars/Base' is not the name of a time zone"),
        ({"calendar": NEW_YORK | {"hours": {}}}, "no hour is ever open"),
        ({"calendar": NEW_YORK | {"hours": {"mo": []}}}, "'mo' is not a day"),
        ({"calendar": NEW_YORK | {"hours": {"mon": [["9", "17:00"]]}}}, "mon: '9' is not a time"),
        ({"calendar": NEW_YORK | {"hours": {"mon": ["09:00"]}}}, "is not an interval like"),
        ({"calendar": NEW_YORK | {"hours": {"mon": [["24:00", "06:00"]]}}}, "cannot start at 24:00"),
        ({"calendar": NEW_YORK | {"hours": {"mon": []}}}, "no hour is ever open"),
        ({"calendar": NEW_YORK | {"hours": OVERLAPPING}}, "mon: 09:00-12:00 and 11:59-17:00 overlap"),
        ({"calendar": NEW_YORK | {"special_hours": ["2026-12-24"]}}, "special_hours is not an object like"),
        (
            {"calendar": NEW_YORK | {"special_hours": {"2026-12-24": [["9"]]}}},
            "special_hours: 2026-12-24: ['9']",
        ),
        ({"calendar": NEW_YORK | {"breaks": {"soon": []}}}, "breaks: 'soon' is not a date"),
        ({"calendar": NEW_YORK | {"holidays": ["Christmas"]}}, "'Christmas' is not a date"),
        ({"calendar": NEW_YORK | {"holidays": "2026-12-25"}}, "holidays is not a list"),
        ({"pauses": {"from": "to"}}, "pauses is not a list"),
        ({"pauses": [["2026-11-01T01:00:00Z"]]}, "is not a pause like"),
        ({"pauses": [["2026-11-01T01:00:00Z", "2026-11-01T00:00:00Z"]]}, "ends before it starts"),
        ({"calendar": None}, "tier is missing"),
        ({"calendar": None, "tier": "Enterprize"}, "'Enterprize' is not a tier; did you mean 'enterprise'?"),
        ({"calendar": None, "tier": "Enterprise", "priority": "P9"}, "'P9' is not a priority"),
        (
            {"calendar": None, "tier": "Enterprise", "priority": "P1", "metric": "frist_reply_time"},
            "'frist_reply_time' is not a metric; did you mean 'first_reply_time'?",
        ),
        (
            {"calendar": None, "tier": "Community", "priority": "P1"},
            "Community promises no first_reply_time for P1",
        ),
    ],
)
def test_a_case_that_makes_no_sense_is_one_sentence(
    policies: Policies, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserFacingError) as caught:
        due_case(given(**changes), policies)

    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_first_and_the_last_day_there_are_may_have_hours(policies: Policies) -> None:
    calendar = NEW_YORK | {"special_hours": {"0001-01-01": EARLY, "9999-12-31": EARLY}}

    assert due_case(given(calendar=calendar), policies)["due_at"] == "2026-11-01T05:30:00Z"


def test_a_given_night_may_run_into_the_next_days_hours_which_count_once(policies: Policies) -> None:
    calendar = {"timezone": "UTC", "hours": NIGHTS}  # Sunday 22:00 to Monday 17:00 without a gap
    case = given(calendar=calendar, start="2026-11-01T22:00:00Z", target_seconds=10 * 3600)

    assert due_case(case, policies)["due_at"] == "2026-11-02T08:00:00Z"


def test_a_bad_line_is_named_and_the_others_are_still_computed(policies: Policies) -> None:
    lines = [
        json.dumps(given()),
        "",
        "{",
        "[]",
        json.dumps(given(id="b", target_seconds=-1)),
        json.dumps(given(id="c")),
    ]

    found = list(due_lines(lines, policies))

    assert [(line.number, line.id, line.answer is not None) for line in found] == [
        (1, "a", True),
        (3, None, False),
        (4, None, False),
        (5, "b", False),
        (6, "c", True),
    ]
    assert [line.problem for line in found if line.problem][:2] == [
        "line 3: not JSON",
        "line 4: not a JSON object",
    ]


def test_names_are_taken_as_people_write_them() -> None:
    assert parse_tier(" professional ") is Tier.PROFESSIONAL
    assert [parse_priority(name) for name in ("Urgent", "HIGH", "normal", "Low", "p2")] == [
        Priority.P1,
        Priority.P2,
        Priority.P3,
        Priority.P4,
        Priority.P2,
    ]
    assert parse_metric("First reply time") is Metric.FIRST_REPLY_TIME
    assert parse_metric("next-reply-time") is Metric.NEXT_REPLY_TIME
    assert parse_span("1h 30m") == parse_span("90 minutes")
    assert parse_span("10 business days") == parse_span("80 hours")
