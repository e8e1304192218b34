"""`migrate`, `check`, `replay`: what an operator runs, and what a deploy runs before it starts."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bot.alert_doors import alert_problems
from bot.commands.printing import as_json, say
from bot.commands.starting import settings_from_environment
from bot.core.errors import DeskbellError, UserFacingError
from bot.core.ports import Parked
from bot.core.spelling import LARGEST_ID
from bot.doors import live_problems
from bot.system import SystemTime, time_zones_of
from config.policies import load_policies
from config.settings import Settings
from config.sources import load_sources
from config.tables import Layers
from knowledge.sources.history import History
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import current_revision, needs_migration
from storage.migrating import migrate as bring_up_to_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `check`."""

    part: str
    is_ok: bool
    words: str


def migrate(_: argparse.Namespace) -> int:
    """To the newest schema; nothing happens when it is there already."""
    settings = settings_from_environment()
    url = settings.database_url.reveal()
    before = current_revision(url)
    bring_up_to_date(url)
    after = current_revision(url)
    say(f"The database is at revision {after}." if before == after else f"Migrated from {before} to {after}.")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Everything that can be wrong before it hurts; 1 when something is."""
    settings = settings_from_environment()
    findings = asyncio.run(_findings(settings, is_live=arguments.live))
    if arguments.json:
        say(as_json([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            say(f"{'ok  ' if finding.is_ok else 'BAD '} {finding.part}: {finding.words}")
    return 0 if all(finding.is_ok for finding in findings) else 1


async def _findings(settings: Settings, *, is_live: bool) -> list[Finding]:
    findings = [_policies(settings), Finding(part="time zones", is_ok=True, words=time_zones_of())]
    findings += [Finding(part="door", is_ok=True, words=words) for words in settings.door_problems()]
    findings += _alerts(settings)
    findings += _sources(settings)
    findings += await _rotas(settings)
    findings += [_index(settings)]
    findings += await _store(settings)
    if is_live:
        problems = await live_problems(settings, time=SystemTime())
        findings += [Finding(part="live", is_ok=False, words=words) for words in problems]
        if not problems:
            findings.append(Finding(part="live", is_ok=True, words="tokens and scopes are as they should be"))
    return findings


def _policies(settings: Settings) -> Finding:
    try:
        policies = load_policies(settings.config_dir, now=SystemTime().now())
    except UserFacingError as error:
        return Finding(part="policies", is_ok=False, words=str(error))
    words = (
        f"{len(policies.organisations)} organisations, {len(policies.rooms)} rooms, "
        f"{len(policies.agents)} agents, {len(policies.targets)} promises"
    )
    return Finding(part="policies", is_ok=True, words=words)


def _alerts(settings: Settings) -> list[Finding]:
    """What steps call and cannot reach; nothing more about policies that cannot be read."""
    try:
        policies = load_policies(settings.config_dir, now=SystemTime().now())
    except UserFacingError:
        return []
    found = [Finding(part="alerts", is_ok=False, words=words) for words in alert_problems(settings, policies)]
    if policies.escalation_room is None:
        where = "people on call are mentioned in customers' threads: no room has escalations = true"
        found.append(Finding(part="alerts", is_ok=True, words=where))
    return found


def _sources(settings: Settings) -> list[Finding]:
    """Where articles come from; names the variable of a credential that is not there."""
    try:
        found = load_sources(Layers(settings.config_dir), os.environ)
    except UserFacingError as error:
        return [Finding(part="sources", is_ok=False, words=str(error))]
    words = ", ".join(f"{source.name} ({source.kind.value})" for source in found)
    known = History.of(settings.data_dir).read()
    problems = [known[source.name].problem for source in found if source.name in known]
    return [
        Finding(part="sources", is_ok=True, words=words or "none besides folders"),
        *(Finding(part="sources", is_ok=False, words=problem) for problem in problems if problem),
    ]


async def _rotas(settings: Settings) -> list[Finding]:
    """Gaps that come near, copies that grow old, and names that nobody of ours has."""
    from bot.commands.rota_checks import rota_lines  # noqa: PLC0415 - it brings the database along

    now = SystemTime().now()
    try:
        policies = load_policies(settings.config_dir, now=now)
    except UserFacingError:
        return []  # said already
    try:
        lines = await rota_lines(settings, policies, now=now)
    except DeskbellError as error:
        return [Finding(part="on call", is_ok=False, words=str(error))]
    return [Finding(part="on call", is_ok=is_ok, words=words) for is_ok, words in lines]


def _index(settings: Settings) -> Finding:
    from bot.wiring import index_problem  # noqa: PLC0415 - the index brings its libraries along

    problem = index_problem(settings.data_dir)
    return Finding(part="index", is_ok=problem is None, words=problem or "the knowledge base is indexed")


async def _store(settings: Settings) -> list[Finding]:
    url = settings.database_url.reveal()
    try:
        if await asyncio.to_thread(needs_migration, url):
            words = "the schema is not current; run `python -m bot migrate`"
            return [Finding(part="database", is_ok=False, words=words)]
        async with Database.open(url) as database:
            parked = await SqlLedger(database).parked()
    except DeskbellError as error:
        return [Finding(part="database", is_ok=False, words=str(error))]
    return [Finding(part="database", is_ok=True, words="reached, and current"), *_parked(parked)]


def _parked(parked: Sequence[Parked]) -> list[Finding]:
    if not parked:
        return [Finding(part="parked work", is_ok=True, words="none")]
    return [
        Finding(
            part="parked work",
            is_ok=False,
            words=f"{row.queue} {row.id} ({row.kind}, {row.lane}) after {row.attempts} tries: {row.reason}",
        )
        for row in parked
    ]


def replay(arguments: argparse.Namespace) -> int:
    """Parked rows are tried again, by whoever drains the ledger."""
    wrong = [number for number in arguments.ids if not 0 < number <= LARGEST_ID]
    if wrong:
        raise UserFacingError(f"{wrong[0]} is not the number of a row; `check` names them")
    settings = settings_from_environment()
    count = asyncio.run(_replay(settings, arguments.queue, arguments.ids))
    say(f"{count} of {len(arguments.ids)} put back into {arguments.queue}.")
    return 0 if count == len(arguments.ids) else 1


async def _replay(settings: Settings, queue: str, ids: Sequence[int]) -> int:
    async with Database.open(settings.database_url.reveal()) as database:
        return await SqlLedger(database).replay(queue, ids, now=SystemTime().now())
