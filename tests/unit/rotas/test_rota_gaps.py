"""What a look ahead tells: each gap once, a habit in one message, and nothing about what was told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from rotas_kit import ADA, DAY, HOUR, NOW, OTTO

from bot.core import rota_replies, watching
from bot.core.rotas import Called, OnCall, Shift, ToldGap, Turn, Why
from bot.core.watching import news_of

SOON = timedelta(days=3)


def gap(starts: datetime, ends: datetime, role: str = "on_call") -> Turn:
    return Turn(role=role, called=Called(people=(), why=Why.NOBODY), starts_at=starts, ends_at=ends)


def told(one: Turn) -> ToldGap:
    return ToldGap(role=one.role, starts_at=one.starts_at, ends_at=one.ends_at)


def test_a_gap_is_told_when_it_comes_near_and_not_before() -> None:
    far = gap(NOW + 5 * DAY, NOW + 6 * DAY)
    early = news_of({"on_call": [far]}, (), now=NOW, warn_before=SOON)
    due = news_of({"on_call": [far]}, (), now=NOW + 2 * DAY, warn_before=SOON)

    assert (early.due, early.told) == ({}, ())
    assert early.look_at == NOW + DAY  # at the latest: rotas change
    assert news_of({"on_call": [far]}, (), now=NOW + 1.5 * DAY, warn_before=SOON).look_at == NOW + 2 * DAY
    assert due.due == {"on_call": [far]}
    assert due.told == (told(far),)


def test_a_gap_that_has_begun_or_grown_is_not_told_again() -> None:
    first = gap(NOW + DAY, NOW + 2 * DAY)
    begun = gap(NOW + 1.5 * DAY, NOW + 4 * DAY)
    news = news_of({"on_call": [begun]}, [told(first)], now=NOW + 1.5 * DAY, warn_before=SOON)

    assert news.due == {}
    assert news.told == (told(begun),)


def test_a_gap_that_was_filled_and_opens_again_is_news() -> None:
    one = gap(NOW + DAY, NOW + 2 * DAY)
    filled = news_of({"on_call": []}, [told(one)], now=NOW, warn_before=SOON)

    assert filled.told == ()
    assert news_of({"on_call": [one]}, filled.told, now=NOW, warn_before=SOON).due == {"on_call": [one]}


def test_a_gap_every_night_is_one_message_and_not_one_each_day() -> None:
    nights = [gap(NOW + number * DAY, NOW + number * DAY + 8 * HOUR) for number in range(1, 30)]
    first = news_of({"on_call": nights}, (), now=NOW, warn_before=SOON)

    assert first.due == {"on_call": nights}
    for day in range(1, 10):
        later = news_of({"on_call": nights[day:]}, first.told, now=NOW + day * DAY, warn_before=SOON)
        assert later.due == {}


def test_a_gap_of_one_role_says_nothing_about_another() -> None:
    one, other = gap(NOW, NOW + DAY), gap(NOW, NOW + DAY, role="manager")
    news = news_of({"on_call": [one], "manager": [other]}, [told(one)], now=NOW, warn_before=SOON)

    assert news.due == {"manager": [other]}


@pytest.mark.parametrize(
    "text",
    ["oncall", "on call", "On-call?", "who is on call?", "who's on call now", "oncall manager",
     "quem está de plantão?", " plantao "],
)  # fmt: skip
def test_these_ask_who_is_on_call(text: str) -> None:
    assert watching.is_order(text)


@pytest.mark.parametrize(
    "text",
    ["how do I set up on call rotations?", "on call with the customer now, please wait", "call", "",
     "who is on call for the GPU cluster this weekend and why?"],
)  # fmt: skip
def test_these_are_ordinary_sentences(text: str) -> None:
    assert not watching.is_order(text)


def test_a_note_says_why_the_fallback_was_called() -> None:
    missed = {"on_call": Called(people=(ADA,), why=Why.FALLBACK)}

    assert rota_replies.fallback_note(missed) == (
        r"_Nobody is on call for on\_call, so this went to the fallback._"
    )
    assert "there is no fallback" in rota_replies.fallback_note(
        {"on_call": Called(people=(), why=Why.NOBODY)}
    )
    assert rota_replies.fallback_note({"on_call": Called(people=(ADA,), why=Why.ROTA)}) == ""


def test_overlapping_shifts_are_both_called_each_once() -> None:
    shifts = tuple(
        Shift(role="on_call", person=person, starts_at=NOW, ends_at=NOW + length)
        for person, length in ((ADA, DAY), (OTTO, 2 * DAY), (ADA, DAY))
    )
    on_call = OnCall(standing={"on_call": ()}, shifts=shifts)

    assert on_call.who("on_call", NOW) == (ADA, OTTO)
    assert on_call.who("on_call", NOW + DAY) == (OTTO,)
    assert on_call.called("on_call", NOW + 2 * DAY).is_gap


def test_whoever_may_be_called_at_any_time_may_acknowledge() -> None:
    shift = Shift(role="on_call", person=OTTO, starts_at=NOW, ends_at=NOW + DAY)

    for one in (
        OnCall(standing={}, live=(shift,)),
        OnCall(standing={}, overrides=(shift,)),
        OnCall(standing={}, shifts=(shift,)),
    ):
        assert OTTO in one.everybody()


def test_what_a_feed_calls_people_notifies_nobody_and_links_nowhere() -> None:
    hostile = "<!channel> <@U_ADA> [now](https://evil.example) **x**"
    on_call = OnCall(standing={"on_call": ()}, unknown={"on_call": (hostile,)}, names={ADA: "Ada *A*"})
    said = rota_replies.gaps_ahead({"on_call": [gap(NOW, NOW + DAY)]}, on_call, NOW)

    assert "<!channel>" not in said
    assert "<@U_ADA>" not in said
    assert "](https" not in said
    assert "There is no fallback." in said


def test_an_answer_names_the_next_turn_and_whoever_stands_in() -> None:
    stands_in = Shift(role="on_call", person=ADA, starts_at=NOW, ends_at=NOW + DAY)
    on_call = OnCall(
        standing={"on_call": (OTTO,), "manager": ()}, overrides=(stands_in,), names={ADA: "Ada", OTTO: "Otto"}
    )
    turns = {role: on_call.turns(role, NOW, NOW + 2 * DAY) for role in on_call.standing}

    assert rota_replies.who_is_on_call(turns, on_call).splitlines() == [
        r"**on\_call**: Ada (standing in) until Wed 2026-11-25 12:00 UTC, then Otto",
        "**manager**: nobody",
    ]
    assert rota_replies.unknown_role("cto", ["manager"]) == "There is no role cto. I know manager."
    assert "everybody is one of ours" in rota_replies.only_among_ourselves()


def test_a_long_list_of_gaps_is_cut_with_its_end_named() -> None:
    nights = [gap(NOW + number * DAY, NOW + number * DAY + HOUR) for number in range(1, 20)]
    said = rota_replies.gaps_ahead({"on_call": nights}, OnCall(standing={}, fallback=(OTTO,)), NOW)

    assert said.count("- ") == 6
    assert "- and 14 more until 2026-12-13" in said
    assert "the fallback: U\\_OTTO" in said
