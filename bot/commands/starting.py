"""What every long-running command does first and last: settings, the lock, the index, the signals."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from aiohttp import web

from bot import logs
from bot.core.errors import ConfigError
from bot.system import time_zones_of
from bot.wiring import Program
from config.settings import Settings
from storage.migrating import migrate, needs_migration
from storage.urls import file_of, is_sqlite, parse_url

log = structlog.get_logger()

DRAIN_SECONDS = 10.0  #: what a request under way is given at shutdown

Part = Callable[[asyncio.Event], Awaitable[None]]  #: runs until the event is set


def settings_from_environment(*, is_server: bool = False) -> Settings:
    """The environment, read once, and a data directory that exists."""
    # A command speaks to the person at the terminal; only a server's log tells what it does all day.
    logs.set_up(level=logging.INFO if is_server else logging.WARNING)
    settings = Settings.from_environ(os.environ)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"DESKBELL_DATA: {settings.data_dir} cannot be created: {error.strerror}") from None
    return settings


def prepare_database(settings: Settings) -> None:
    """SQLite is brought up to date on the way; a server's schema is changed by `migrate` alone."""
    url = settings.database_url.reveal()
    if embedded_file(settings):
        migrate(url)
    elif needs_migration(url):
        raise ConfigError("DATABASE_URL: the schema is not current; run `python -m bot migrate` first")


def embedded_file(settings: Settings) -> Path | None:
    """The SQLite file, or None when a server keeps the data."""
    url = parse_url(settings.database_url.reveal())
    return file_of(url) if is_sqlite(url) else None


@asynccontextmanager
async def until_told() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; a second signal ends the process as usual."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def serving(program: Program, *, host: str = "0.0.0.0") -> AsyncIterator[int]:  # noqa: S104 - a server
    """The HTTP side and its port, until the block ends: then closed, requests under way finished."""
    runner = web.AppRunner(
        program.app, access_log=None, auto_decompress=False, shutdown_timeout=DRAIN_SECONDS
    )
    await runner.setup()
    site = web.TCPSite(runner, host, program.settings.port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        # asyncio puts its own words in the place of the system's.
        reason = os.strerror(error.errno) if error.errno else error
        raise ConfigError(f"PORT: {program.settings.port} cannot be used: {reason}") from None
    port = int(runner.addresses[0][1])
    try:
        routes = [route.path for route in program.doors.routes]
        log.info("serving", port=port, routes=routes, time_zones=time_zones_of())
        yield port
    finally:
        await runner.cleanup()


async def together(stop: asyncio.Event, *parts: Part) -> None:
    """Run until told to stop; a part that fails stops the others and is heard."""

    async def run(part: Part) -> None:
        try:
            await part(stop)
        finally:
            stop.set()

    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(run(part))
