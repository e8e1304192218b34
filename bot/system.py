"""The machine itself: its clock, its dice and what makes ids; everybody else is given them."""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime


class SystemTime:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads it


def system_rng() -> random.Random:
    """The dice for jitter; nothing secret is made of them."""
    return random.Random()  # noqa: S311 - not for secrets


def new_installation_id() -> str:
    """Sets this database apart from every other that ever wrote to the same vendors' accounts."""
    return secrets.token_hex(4)
