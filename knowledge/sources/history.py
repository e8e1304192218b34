"""When each source was last tried and last good: a small file beside the mirrors."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

_FILE = "history.json"  # no source can be called so
_BEHIND = "index-is-behind"
BUSY = 75  #: the status of a sync that left it to another process: "try again", in sysexits.h

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What became of the tries at one source."""

    tried_at: datetime
    good_at: datetime | None = None  #: None: never yet
    failures: int = 0  #: so far
    problem: str = ""  #: of the last try; empty when it was good


def sources_dir(data_dir: Path) -> Path:
    """Where the mirrors lie, a folder for each source."""
    return data_dir / "sources"


class History:
    """Written by whoever syncs, read by who measures; nothing breaks when it is lost."""

    def __init__(self, root: Path) -> None:
        self._path = root / _FILE
        self._behind = root / _BEHIND

    @classmethod
    def of(cls, data_dir: Path) -> History:
        """Of the sources below a data folder."""
        return cls(sources_dir(data_dir))

    def read(self) -> dict[str, Tries]:
        """By the sources' names."""
        try:
            written = json.loads(self._path.read_text("utf-8"))
            return {name: _tries(values) for name, values in written.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("source_history_unreadable", error=type(error).__name__)
            return {}

    def note(
        self, problems: Mapping[str, str], *, now: datetime, configured: Collection[str] | None = None
    ) -> None:
        """A try at each is over: what went wrong, or nothing. What is not configured is forgotten."""
        known = {name: one for name, one in self.read().items() if configured is None or name in configured}
        for name, problem in problems.items():
            before = known.get(name)
            known[name] = Tries(
                tried_at=now,
                good_at=(before.good_at if before else None) if problem else now,
                failures=(before.failures if before else 0) + bool(problem),
                problem=problem,
            )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f".{_FILE}.part")
        part.write_text(json.dumps({name: asdict(one) for name, one in known.items()}, default=str), "utf-8")
        part.replace(self._path)

    @property
    def is_index_behind(self) -> bool:
        """Whether a mirror was changed and not indexed since, though the process may have died between."""
        return self._behind.exists()

    def mirror_changes(self) -> None:
        """From now on the index is behind."""
        self._behind.touch()

    def index_caught_up(self) -> None:
        """It has what the mirrors have."""
        self._behind.unlink(missing_ok=True)


def _tries(values: Mapping[str, Any]) -> Tries:
    good_at = values["good_at"]
    return Tries(
        tried_at=datetime.fromisoformat(values["tried_at"]),
        good_at=datetime.fromisoformat(good_at) if good_at else None,
        failures=int(values["failures"]),
        problem=str(values["problem"]),
    )
