"""The composition root: the only file that knows every concrete class."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from bot import measuring, syncing
from bot.alert_doors import open_alert_doors
from bot.auditor import Auditor
from bot.auditors import open_auditor
from bot.core.errors import DeskbellError
from bot.core.following import follow_policies
from bot.core.model import Room
from bot.core.policies import Policies
from bot.core.ports import Door, KnowledgeBase, Rooms, Time
from bot.core.statistics import Counting
from bot.core.support import Desk
from bot.doors import Doors, open_slack, open_zendesk
from bot.limits import rate_of
from bot.performing import Performers
from bot.polling import Polling
from bot.rosters import open_polling
from bot.web import Readiness, build_app
from bot.worker import Pace, Worker
from config.policies import load_policies
from config.settings import ChromaSettings, ModelSettings, Settings
from storage.database import Database
from storage.installation import installation_id
from storage.ledger import SqlLedger
from storage.promises import SqlPromiseBook, adopt_calendars
from storage.statistics import SqlCounting

if TYPE_CHECKING:
    from config.settings import EmbedderSettings
    from handlers.slack.socket_mode import SlackSocket
    from knowledge.answering import Answerer
    from knowledge.base import LocalKnowledgeBase


SHARE = 8  #: the most effects of one vendor under way at once: a slow one leaves room for the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """A door that no environment variable opens, with its only room: the terminal."""

    door: Door
    rooms: Rooms
    room: Room


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Everything, connected; the roles take from it what they need."""

    settings: Settings
    desk: Desk
    ledger: SqlLedger
    doors: Doors
    knowledge: KnowledgeBase
    worker: Worker
    rotas: Polling
    auditor: Auditor
    readiness: Readiness
    app: web.Application
    time: Time

    @property
    def policies(self) -> Policies:
        """Those in force, with whoever is on call by the last look at the rotas."""
        return self.desk.policies

    def socket(self) -> SlackSocket | None:
        """Socket Mode, where an app token is set."""
        from handlers.slack.socket_mode import SlackSocket  # noqa: PLC0415 - only for this door

        slack = self.settings.slack
        if slack is None or slack.app_token is None or self.doors.slack is None:
            return None
        return SlackSocket(self.doors.slack.bolt, app_token=slack.app_token.reveal())


@asynccontextmanager
async def build(
    settings: Settings,
    *,
    time: Time,
    rng: random.Random,
    knowledge: KnowledgeBase,
    new_installation: Callable[[], str],
    extras: Sequence[Extra] = (),
    pace: Pace | None = None,
) -> AsyncIterator[Program]:
    """Open the database and every configured door; close them in the opposite order."""
    policies = _with_extras(load_policies(settings.config_dir, now=time.now()), extras)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(settings.database_url.reveal()))
        ledger = SqlLedger(database, rates=rate_of, share=SHARE)
        await adopt_calendars(database, policies.calendars)
        await follow_policies(ledger, SqlPromiseBook(database), policies, now=time.now())
        installation = await installation_id(database, new_installation)
        doors = await _open_doors(stack, settings, extras, ledger=ledger, time=time, policies=policies)
        readiness = Readiness(probe=partial(_store_problem, ledger, time))
        desk = Desk(policies, has_desk=doors.desk is not None, installation=installation)
        rotas = await open_polling(settings, database=database, ledger=ledger, desk=desk, time=time)
        yield Program(
            settings=settings,
            desk=desk,
            ledger=ledger,
            doors=doors,
            knowledge=knowledge,
            rotas=rotas,
            auditor=await open_auditor(
                stack, settings, database=database, ledger=ledger, desk=desk, time=time, rng=rng
            ),
            worker=Worker(
                ledger=ledger,
                desk=desk,
                doors=doors.inward,
                performers=Performers(
                    rooms=doors.rooms,
                    knowledge=knowledge,
                    desk=doors.desk,
                    alerts=await open_alert_doors(stack, settings),
                    ledger=ledger,
                ),
                time=time,
                rng=rng,
                installation=installation,
                pace=pace,
            ),
            readiness=readiness,
            app=build_app(
                routes=doors.routes,
                readiness=readiness,
                metrics=syncing.beside(partial(_metrics, SqlCounting(database), rotas, time), settings, time),
            ),
            time=time,
        )


async def _open_doors(
    stack: AsyncExitStack,
    settings: Settings,
    extras: Sequence[Extra],
    *,
    ledger: SqlLedger,
    time: Time,
    policies: Policies,
) -> Doors:
    doors = Doors()
    for extra in extras:
        doors.inward[extra.door.name] = extra.door
        doors.rooms[extra.door.name] = extra.rooms
    if settings.slack:
        await open_slack(stack, doors, settings.slack, ledger, time)
    if settings.zendesk:
        await open_zendesk(stack, doors, settings.zendesk, ledger, time, policies=policies)
    return doors


def _with_extras(policies: Policies, extras: Sequence[Extra]) -> Policies:
    rooms = {(extra.room.door, extra.room.workspace, extra.room.room): extra.room for extra in extras}
    return replace(policies, rooms={**policies.rooms, **rooms})


async def _store_problem(ledger: SqlLedger, time: Time) -> str | None:
    try:
        await ledger.next_due(now=time.now())
    except DeskbellError as error:
        return f"the database does not answer: {error}"
    return None


async def _metrics(counting: Counting, rotas: Polling, time: Time) -> bytes:
    now = time.now()
    statistics = await counting.statistics(
        now=now,
        reply_bounds=measuring.FIRST_RESPONSE_BUCKETS,
        resolution_bounds=measuring.RESOLUTION_BUCKETS,
    )
    await rotas.take_over()  # where nobody polls, in a role that only serves, copies would stand still
    return measuring.exposition(statistics, rotas.report(now), now=now)


@contextmanager
def open_knowledge(
    data_dir: Path,
    *,
    refresh_from: Sequence[Path] = (),
    chroma: ChromaSettings | None = None,
    model: ModelSettings | None = None,
    embedder: EmbedderSettings | None = None,
) -> Iterator[LocalKnowledgeBase]:
    """The index below `data_dir`, brought to what the folders hold; loaded when asked, or by `warm_up`."""
    from knowledge.assisting import adviser_of  # noqa: PLC0415 - it brings a library along
    from knowledge.base import LocalKnowledgeBase  # noqa: PLC0415 - it brings a model along
    from knowledge.composing import composer_of  # noqa: PLC0415
    from knowledge.opening import BUILT_IN, open_index  # noqa: PLC0415
    from knowledge.vectors import ChromaServer  # noqa: PLC0415

    server = ChromaServer(url=chroma.url.reveal(), prefix=chroma.prefix) if chroma else None
    indexes = []

    def answerer() -> Answerer:
        indexes.append(open_index(data_dir, embedder=embedder or BUILT_IN, chroma=server))
        return indexes[-1].answerer()

    if refresh_from:
        from knowledge.commands import kb_index  # noqa: PLC0415 - only who indexes

        kb_index(refresh_from, data_dir, embedder=embedder or BUILT_IN, chroma=server)
    base = LocalKnowledgeBase(answerer, composer_of(model), cache_dir=data_dir, adviser=adviser_of(model))
    try:
        yield base
    finally:
        base.close()
        for index in indexes:
            index.close()


def index_problem(data_dir: Path) -> str | None:
    """Why the knowledge base cannot answer, or None."""
    from knowledge.versions import current_place  # noqa: PLC0415 - only who asks

    if current_place(data_dir / "index") is None:
        return f"nothing is indexed in {data_dir}; run `python -m bot kb index DIR`"
    return None
