"""Puts together what keeps live rotas current, for the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.core.errors import ConfigError
from bot.core.live_rotas import LiveRota, RotaFeed, with_live
from bot.core.ports import Ledger, Time
from bot.core.rotas import OnCall
from bot.core.support import Desk
from bot.polling import Polling
from config.directory import load_people
from config.rotas import RotaKind, RotaSource, load_people_by_name, load_rota_sources, read_duties
from config.settings import Settings
from config.tables import Layers
from storage.database import Database
from storage.rotas import SqlRotas


async def open_polling(
    settings: Settings, *, database: Database, ledger: Ledger, desk: Desk, time: Time
) -> Polling:
    """Every rota that is kept elsewhere; the last good copies hold from now on."""
    layers = Layers(settings.config_dir)
    polling = Polling(
        feeds=[feed_of(source, settings) for source in load_rota_sources(layers)],
        copies=SqlRotas(database),
        directory=load_people_by_name(layers, load_people(layers)),
        base=desk.policies.on_call,
        desk=desk,
        ledger=ledger,
        time=time,
    )
    await polling.take_over()
    return polling


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Who is on call by the copies that a database holds."""

    on_call: OnCall
    sources: tuple[RotaSource, ...]
    copies: Mapping[str, LiveRota]


async def known_rotas(settings: Settings, base: OnCall, *, has_database: bool = True) -> Known:
    """For commands, which read nothing themselves: the desk does."""
    layers = Layers(settings.config_dir)
    sources = load_rota_sources(layers)
    if not sources or not has_database:
        return Known(on_call=base, sources=sources, copies={})
    async with Database.open(settings.database_url.reveal()) as database:
        copies = await SqlRotas(database).copies()
    roles = {source.source: source.role for source in sources}
    directory = load_people_by_name(layers, load_people(layers))
    return Known(on_call=with_live(base, roles, copies, directory), sources=sources, copies=copies)


def feed_of(source: RotaSource, settings: Settings) -> RotaFeed:
    """Whoever can read it; ConfigError when something to do so is missing."""
    from handlers.rotas.feeds import IcalFeed, IcalFile  # noqa: PLC0415 - only where there are such rotas
    from handlers.rotas.pagerduty import PagerDutyRota  # noqa: PLC0415 - likewise

    parse = partial(read_duties, source)
    name, role, where = source.source, source.role, source.where
    match source.kind:
        case RotaKind.FILE:
            return IcalFile(source=name, role=role, path=Path(source.place), where=where, parse=parse)
        case RotaKind.FEED:
            private = source.is_private
            return IcalFeed(
                source=name, role=role, url=source.place, where=where, parse=parse, is_private=private
            )
    rest = settings.pagerduty_rest
    if rest is None:
        raise ConfigError(f"{where}: PAGERDUTY_API_TOKEN is missing; set it to read rotas there")
    return PagerDutyRota(
        source=name,
        role=role,
        where=where,
        token=rest.token.reveal(),
        base_url=rest.url,
        schedule=source.place if source.kind is RotaKind.SCHEDULE else None,
        policy=source.place if source.kind is RotaKind.POLICY else None,
        level=source.level,
    )
