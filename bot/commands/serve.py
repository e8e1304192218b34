"""`serve`, `web`, `worker`, `gateway`: the program as one process or as the roles of the Procfile."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import structlog

from bot.commands.starting import (
    Part,
    embedded_file,
    prepare_database,
    serving,
    settings_from_environment,
    together,
    until_told,
)
from bot.core.errors import ConfigError, Unavailable, UserFacingError
from bot.core.model import Correction, Finding, Inquiry, Verdict
from bot.core.ports import KnowledgeBase
from bot.syncing import Syncing
from bot.system import SystemTime, new_installation_id, system_rng
from bot.wiring import Program, build, index_problem, open_knowledge
from bot.worker import forget_old_work
from config.settings import Settings
from config.sources import SourceSettings, load_sources
from config.tables import Layers
from knowledge.sources.history import History
from storage.locking import embedded_lock

log = structlog.get_logger()


def serve(_: argparse.Namespace) -> int:
    """Everything in one process, on one machine."""
    return _run(web=True, worker=True, gateway=True)


def web(_: argparse.Namespace) -> int:
    """Verify, store, answer; somebody else does the work."""
    return _run(web=True)


def worker(_: argparse.Namespace) -> int:
    """Drain the ledger."""
    return _run(worker=True)


def gateway(_: argparse.Namespace) -> int:
    """Only the sockets that we open ourselves."""
    return _run(gateway=True)


def _run(*, web: bool = False, worker: bool = False, gateway: bool = False) -> int:
    settings = settings_from_environment(is_server=True)
    try:
        asyncio.run(_roles(settings, web=web, worker=worker, gateway=gateway))
    except* UserFacingError as group:
        raise group.exceptions[0] from None
    return 0


async def _roles(settings: Settings, *, web: bool, worker: bool, gateway: bool) -> None:
    async with AsyncExitStack() as stack:
        own_file = embedded_file(settings) if worker else None
        if own_file:
            stack.enter_context(embedded_lock(own_file))
        prepare_database(settings)
        knowledge, learning = _knowledge(settings, stack) if worker else (_NoKnowledge(), [])
        program = await stack.enter_async_context(
            build(
                settings,
                time=SystemTime(),
                rng=system_rng(),
                knowledge=knowledge,
                new_installation=new_installation_id,
            )
        )
        if own_file:
            # Whoever held these leases is dead: nobody else can be working on this file.
            released = await program.ledger.release_leases()
            log.info("leases_released", rows=released)
        stop = await stack.enter_async_context(until_told())
        parts = [*_parts(program, worker=worker, gateway=gateway), *learning]
        if web:
            await stack.enter_async_context(serving(program))
        await together(stop, partial(_draining, program), *parts)


def _knowledge(settings: Settings, stack: AsyncExitStack) -> tuple[KnowledgeBase, list[Part]]:
    """The index, and the parts that load it while traffic is already served and keep it at the sources."""
    base = stack.enter_context(
        open_knowledge(
            settings.data_dir, chroma=settings.chroma, model=settings.model, embedder=settings.embedder
        )
    )
    syncing = Syncing(
        _sources(settings),
        History.of(settings.data_dir),
        base.warm_up,
        time=SystemTime(),
        rng=system_rng(),
    )
    return base, [partial(_warming, base.warm_up, settings.data_dir), syncing.run]


def _sources(settings: Settings) -> Sequence[SourceSettings]:
    """None where the file is wrong: the desk answers from what it has."""
    try:
        return load_sources(Layers(settings.config_dir), os.environ)
    except UserFacingError as error:
        log.error("sources_not_understood", reason=str(error))  # noqa: TRY400 - a traceback would say no more
        return ()


async def _warming(warm_up: Callable[[], Awaitable[None]], data_dir: Path, stop: asyncio.Event) -> None:
    """Load the model before the first question does; a desk without an index abstains, and says so once."""
    try:
        problem = await asyncio.to_thread(index_problem, data_dir)
        if problem:
            log.warning("nothing_indexed", reason=problem)
        else:
            await warm_up()
            log.info("knowledge_warm")
    except Exception as error:  # noqa: BLE001 - whatever it is, tickets are opened all the same
        log.warning("knowledge_not_warm", error=type(error).__name__)
    await stop.wait()


class _NoKnowledge:
    """For the roles that draft no answers: the index costs them neither memory nor time."""

    async def classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:  # noqa: ARG002 - likewise
        raise Unavailable("this role has no model")

    async def answer(self, inquiry: Inquiry) -> Finding:  # noqa: ARG002 - the port's signature
        raise Unavailable("this role has no index")


def _parts(program: Program, *, worker: bool, gateway: bool) -> list[Part]:
    parts: list[Part] = []
    if worker:
        parts += [
            program.worker.run,
            partial(forget_old_work, program.ledger, program.time),
            program.rotas.run,
            program.auditor.run,
        ]
    socket = program.socket() if gateway else None
    if socket:
        parts.append(socket.run)
    elif gateway and not worker:
        raise ConfigError("SLACK_APP_TOKEN is missing: the gateway has no socket to open")
    return parts


async def _draining(program: Program, stop: asyncio.Event) -> None:
    """From the signal on no new traffic should come, though what comes is still stored and answered."""
    await stop.wait()
    program.readiness.is_draining = True
