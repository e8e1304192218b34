"""A bucket's slots: never closer than the rate, never wasted while somebody waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from storage.columns import EPOCH, MICROSECOND, Instant, storable
from storage.rates import Bucket, Rate

looks = st.lists(st.integers(min_value=0, max_value=3_000), min_size=1, max_size=60)


def a_bucket(every_ms: int, burst: int) -> Bucket:
    rate = Rate(every=timedelta(milliseconds=every_ms), burst=burst)
    return Bucket(name="b", rate=rate, next_at=EPOCH, queued_to=EPOCH, blocked_until=EPOCH)


@given(looks=looks, every_ms=st.integers(1, 2_000), burst=st.integers(1, 5))
def test_no_window_holds_more_uses_than_the_rate_allows(looks: list[int], every_ms: int, burst: int) -> None:
    bucket, now, used = a_bucket(every_ms, burst), EPOCH + timedelta(days=1), list[datetime]()
    for gap in looks:
        now += timedelta(milliseconds=gap)
        while bucket.take(now, slot_at=None) is None:
            used.append(now)
    every = timedelta(milliseconds=every_ms)
    for first, start in enumerate(used):
        for last in range(first, len(used)):
            allowed = (used[last] - start) // every + burst
            assert last - first + 1 <= allowed


@given(waiting=st.integers(1, 100), every_ms=st.integers(1, 2_000))
def test_everybody_who_has_to_wait_gets_a_slot_of_their_own(waiting: int, every_ms: int) -> None:
    bucket, now = a_bucket(every_ms, 1), EPOCH + timedelta(days=1)
    assert bucket.take(now, slot_at=None) is None
    slots = [bucket.take(now, slot_at=None) for _ in range(waiting)]
    every = timedelta(milliseconds=every_ms)
    assert slots == [now + every * (n + 1) for n in range(waiting)]


@given(lateness=st.lists(st.integers(0, 300), min_size=2, max_size=50))
def test_whoever_comes_a_little_late_for_a_slot_is_not_sent_to_the_end(lateness: list[int]) -> None:
    bucket, start = a_bucket(1_000, 1), EPOCH + timedelta(days=1)
    bucket.take(start, slot_at=None)
    slots = [bucket.take(start, slot_at=None) for _ in lateness]
    used: list[datetime] = [start]
    for slot, late in zip(slots, lateness, strict=True):
        assert slot is not None
        due = max(slot, used[-1]) + timedelta(milliseconds=late)
        again = bucket.take(due, slot_at=slot)
        if again is not None:
            assert bucket.take(again, slot_at=slot) is None
        used.append(again or due)
    assert all(after - before >= timedelta(seconds=1) for before, after in pairwise(used))


@given(moment=st.datetimes(timezones=st.timezones()))
def test_an_instant_survives_its_storage_to_the_microsecond(moment: datetime) -> None:
    kind: Instant = Instant()
    stored = kind.process_bind_param(moment, None)  # type: ignore[arg-type]  # it asks for no dialect
    assert stored is not None
    assert kind.process_result_value(stored, None) == EPOCH + stored * MICROSECOND  # type: ignore[arg-type]  # likewise
    assert abs((EPOCH + stored * MICROSECOND) - moment) < MICROSECOND


@given(text=st.text(st.characters(codec=None, categories=None)))
def test_storable_text_is_text_both_databases_take(text: str) -> None:
    result = storable(text)
    assert "\x00" not in result
    assert result.encode().decode() == result
    assert storable(result) == result
