"""How much each destination is asked for at once."""

from __future__ import annotations

from datetime import timedelta

from storage.rates import Rate


def rate_of(bucket: str) -> Rate | None:  # noqa: PLR0911 - a table
    """What each destination allows; a 429 still moves the bucket when we are wrong."""
    match bucket.split("/"):
        # https://developer.pagerduty.com/docs/events-api-rate-limits - 120 a minute for each integration key
        case [name] if name.partition(":")[0] == "pagerduty":
            return Rate(every=timedelta(seconds=0.6), burst=20)
        case ["slack", _, "edits"]:  # https://docs.slack.dev/apis/web-api/rate-limits - Tier 3, 50 a minute
            return Rate(every=timedelta(seconds=1.5), burst=8)  # 48 in the worst minute
        case ["slack", "lookups"]:  # Tier 4, 100 a minute
            return Rate(every=timedelta(seconds=0.7), burst=20)
        case ["slack", _, _]:  # one message a second in a channel, with short bursts
            return Rate(every=timedelta(seconds=1), burst=3)
        case ["desk", _]:  # 30 updates in ten minutes for one ticket and user
            return Rate(every=timedelta(seconds=20), burst=10)
        case ["desk"]:  # 100 a minute for the account on the small plans
            return Rate(every=timedelta(seconds=0.6), burst=20)
        case _:
            return None
