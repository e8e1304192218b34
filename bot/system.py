"""The machine itself: its clock, its zones, its dice and what makes ids; everybody else is given them."""

from __future__ import annotations

import os
import random
import secrets
import zoneinfo
from datetime import UTC, datetime


class SystemTime:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads it


def pin_time_zones() -> None:
    """Read zones from the pinned tzdata package, not from whatever the machine has, which may be years old.

    Whoever sets PYTHONTZPATH wants other files, and gets them.
    """
    if "PYTHONTZPATH" not in os.environ:
        zoneinfo.reset_tzpath(to=())
        zoneinfo.ZoneInfo.clear_cache()


def time_zones_of() -> str:
    """Which edition of the time zones counts."""
    if zoneinfo.TZPATH:
        return f"files in {os.pathsep.join(zoneinfo.TZPATH)}, then the tzdata package"
    import tzdata  # noqa: PLC0415 - data alone, and only who asks

    return f"tzdata {tzdata.IANA_VERSION}"


def system_rng() -> random.Random:
    """The dice for jitter; nothing secret is made of them."""
    return random.Random()  # noqa: S311 - not for secrets


def new_installation_id() -> str:
    """Sets this database apart from every other that ever wrote to the same vendors' accounts."""
    return secrets.token_hex(4)
