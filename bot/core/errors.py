"""Every error the desk knows, and what the worker does with it.

DeskbellError
├── UserFacingError        its text is shown to the person, in the thread or the terminal
│   └── ConfigError        names the file and the key; the program does not start
├── UntrustedDelivery      401: forged, stale or unsigned; nothing is stored
├── MalformedDelivery      400 at the door; parked in the worker
├── Unavailable            the other side may work later: retried with back-off, then parked
│   └── RateLimited        429: the destination's bucket moves, no try is used up
├── NotYet                 our own order: something earlier is still under way; tried again soon
├── Rejected               the other side said no: parked at once, retrying cannot help
├── AudienceViolation      a text was about to reach people who may not read it: parked at once
└── LeaseLost              another worker owns the row now: our result is thrown away
"""

from __future__ import annotations

from datetime import timedelta


class DeskbellError(Exception):
    """The root of the tree above."""


class UserFacingError(DeskbellError):
    """One sentence for a person, which says what to do."""


class ConfigError(UserFacingError):
    """A setting or a policy file is wrong; the message names the file and the key."""


class UntrustedDelivery(DeskbellError):
    """The sender could not be proved. The reason may be logged; the body may not."""


class MalformedDelivery(DeskbellError):
    """The bytes are not what the vendor's documentation promises."""


class Unavailable(DeskbellError):
    """The other side did not answer, or answered 5xx; the effect may or may not have happened."""

    def __init__(self, reason: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class RateLimited(Unavailable):
    """The other side asked us to slow down; `retry_after` is its own figure."""


class NotYet(DeskbellError):
    """Something this work depends on is still under way; no try is used up."""


class Rejected(DeskbellError):
    """The other side refused for good (4xx, a closed ticket, a missing scope)."""


class AudienceViolation(DeskbellError):
    """A text would have reached people who may not read it."""


class LeaseLost(DeskbellError):
    """The fencing token is no longer ours."""


#: What reading a stored row may raise that makes no sense: somebody edited it, or a disk lied.
NONSENSE = (ValueError, KeyError, TypeError, IndexError)
