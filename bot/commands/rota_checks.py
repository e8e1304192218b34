"""What `check` says about the rotas: gaps that come near, copies that grow old, names nobody of ours has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core import watching
from bot.core.policies import Policies
from bot.core.rotas import OnCall
from bot.rosters import Known, known_rotas
from config.settings import Settings
from storage.migrating import needs_migration

STALE_AFTER = timedelta(hours=2)  #: without a good look, a copy is worth a warning
NAMED = 5  #: strangers that are spelled out

Line = tuple[bool, str]  #: whether it is in order, and the words


async def rota_lines(settings: Settings, policies: Policies, *, now: datetime) -> list[Line]:
    """One line each; ConfigError when oncall.toml is wrong."""
    is_behind = await asyncio.to_thread(needs_migration, settings.database_url.reveal())
    known = await known_rotas(settings, policies.on_call, has_database=not is_behind)
    lines = [*_feeds(known, now), *_gaps(replace(policies, on_call=known.on_call), known, now)]
    return lines or [(True, "no gap is near")]


def _feeds(known: Known, now: datetime) -> Iterator[Line]:
    for source in known.sources:
        copy = known.copies.get(source.source)
        if copy is None or (copy.read_at is None and copy.problem is None):
            yield True, f"{source.where}: not read yet; the worker does that"
        elif copy.read_at is None:
            yield False, f"{copy.problem}; it was never read"
        elif now - copy.read_at > STALE_AFTER:
            why = f": {copy.problem}" if copy.problem else ""
            yield False, f"{source.where}: last read at {copy.read_at:%Y-%m-%d %H:%M} UTC{why}"
    for role, names in known.on_call.unknown.items():
        yield True, f"{role}: people.toml does not know {', '.join(names[:NAMED])}"


def _gaps(policies: Policies, known: Known, now: datetime) -> Iterator[Line]:
    unread = {source.role for source in known.sources if not _was_read(known, source.source)}
    for role, gaps in watching.gaps_ahead(policies, now).items():
        is_near = bool(gaps) and gaps[0].starts_at - policies.on_call.warn_before <= now
        if not is_near or role in unread:  # of which it was said already that nothing is known
            continue
        if _is_empty(policies.on_call, known, role):
            yield True, f"{role}: nobody is named in oncall.toml"
            continue
        start = "now" if gaps[0].starts_at <= now else f"{gaps[0].starts_at:%Y-%m-%d %H:%M} UTC"
        yield False, f"{role}: nobody is on call from {start} to {gaps[0].ends_at:%Y-%m-%d %H:%M} UTC"


def _was_read(known: Known, source: str) -> bool:
    copy = known.copies.get(source)
    return copy is not None and copy.reading is not None


def _is_empty(on_call: OnCall, known: Known, role: str) -> bool:
    """A role that nobody has set up is a choice; one that runs dry is none."""
    named = on_call.standing.get(role) or on_call.rotations.get(role)
    shifts = (*on_call.shifts, *on_call.overrides)
    return not (
        named
        or any(shift.role == role for shift in shifts)
        or any(source.role == role for source in known.sources)
    )
