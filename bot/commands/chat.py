"""`chat`: the whole desk at the terminal, offline: a console, the real core, a ledger for an hour."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from bot.commands.printing import complain, say
from bot.commands.starting import prepare_database, settings_from_environment
from bot.core.events import Button
from bot.core.model import AnswerMode, OrganisationId, Room, RoomKind, Tier
from bot.core.ports import Delivery, KnowledgeBase
from bot.core.spelling import parse_tier
from bot.system import SystemTime, new_installation_id, system_rng
from bot.wiring import Extra, Program, build, open_knowledge
from config.secrets import Secret
from config.settings import Settings
from handlers.console import DOOR, ROOM, ConsoleDoor, ConsoleRooms, console_message, console_press

WELCOME = "Ask something. /open_ticket N and /helped N press a button, /new starts over, Ctrl-D ends."


def run(arguments: argparse.Namespace) -> int:
    """Until the input ends."""
    settings = settings_from_environment()
    tier = parse_tier(arguments.tier)
    with (
        tempfile.TemporaryDirectory(prefix="deskbell-") as folder,
        open_knowledge(
            settings.data_dir, chroma=settings.chroma, model=settings.model, embedder=settings.embedder
        ) as base,
    ):
        alone = _alone(settings, Path(folder))
        prepare_database(alone)
        try:
            asyncio.run(_chat(alone, base, tier))
        except EOFError:
            say()
    return 0


def _alone(settings: Settings, folder: Path) -> Settings:
    """No door but the terminal, and a database that nobody keeps."""
    url = Secret(f"sqlite+aiosqlite:///{folder / 'chat.db'}")
    return replace(settings, database_url=url, slack=None, zendesk=None)


async def _chat(settings: Settings, knowledge: KnowledgeBase, tier: Tier) -> None:
    is_community = tier is Tier.COMMUNITY
    room = Room(
        door=DOOR,
        workspace="local",
        room=ROOM,
        kind=RoomKind.COMMUNITY if is_community else RoomKind.CUSTOMER,
        organisation=None if is_community else OrganisationId("you"),
        tier=tier,
        mode=AnswerMode.EVERY,
    )
    extra = Extra(door=ConsoleDoor(), rooms=ConsoleRooms(sys.stdout), room=room)
    async with build(
        settings,
        time=SystemTime(),
        rng=system_rng(),
        knowledge=knowledge,
        new_installation=new_installation_id,
        extras=[extra],
    ) as program:
        say(WELCOME)
        await _talk(program)


async def _talk(program: Program) -> None:
    ids, thread = map(str, count(1)), ""
    while True:
        line = (await asyncio.to_thread(input, "> ")).strip()
        if line == "/new":
            thread = ""
        elif line:
            number = next(ids)
            thread = thread or number
            delivery = _delivery(line, number, thread, program)
            if delivery is not None:
                await program.ledger.accept(delivery)
                await program.worker.settle()


def _delivery(line: str, id: str, thread: str, program: Program) -> Delivery | None:
    now = program.time.now()
    if not line.startswith("/"):
        return console_message(line, id=id, thread=thread, now=now)
    name, _, value = line[1:].partition(" ")
    try:
        button = Button(name)
    except ValueError:
        complain(f"there is no /{name}; the commands are {', '.join(_commands())}")
        return None
    return console_press(button, value.strip(), id=id, thread=thread, now=now)


def _commands() -> Iterator[str]:
    yield "/new"
    for button in Button:
        yield f"/{button.value}"
