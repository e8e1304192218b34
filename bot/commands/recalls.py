"""`kb recall`: answers whose articles have changed since, and setting them right in place."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.commands.printing import as_json, say
from bot.commands.starting import prepare_database, settings_from_environment
from bot.core import preparing, recalling
from bot.core.context import Context
from bot.core.effects import DraftAnswer
from bot.core.errors import UserFacingError
from bot.core.masking import mask
from bot.core.model import Citation, Finding, GivenAnswer
from bot.core.policies import Policies
from bot.core.ports import KnowledgeBase, Time
from bot.core.spelling import LARGEST_ID, render_instant
from bot.system import SystemTime
from bot.wiring import open_knowledge
from config.policies import load_policies
from config.settings import Settings
from storage.database import Database
from storage.ledger import SqlLedger

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """An answer that people can still read, and what has changed under it."""

    given: GivenAnswer
    outdated: tuple[Citation, ...]
    question: str


def recall(arguments: argparse.Namespace) -> int:
    """List them; with --correct or --all, correct them where they stand."""
    settings, wanted = settings_from_environment(), _wanted(arguments)
    prepare_database(settings)
    found = asyncio.run(_recalled(settings))
    if wanted is None:
        _show(found, as_data=arguments.json)
        return 0
    chosen = found if arguments.all else [one for one in found if one.given.id in wanted]
    missing = set() if arguments.all else wanted - {one.given.id for one in chosen}
    if missing:
        raise UserFacingError(f"{min(missing)} is no answer that rests on a changed article")
    with open_knowledge(
        settings.data_dir, chroma=settings.chroma, model=settings.model, embedder=settings.embedder
    ) as knowledge:
        asyncio.run(correct(settings, chosen, knowledge, SystemTime()))
    say(f"{len(chosen)} to be corrected; whoever drains the ledger does it.")
    return 0


def _wanted(arguments: argparse.Namespace) -> set[int] | None:
    wrong = [number for number in arguments.correct if not 0 < number <= LARGEST_ID]
    if wrong:
        raise UserFacingError(f"{wrong[0]} is not the number of an answer; `kb recall` names them")
    return set(arguments.correct) if arguments.correct or arguments.all else None


async def _recalled(settings: Settings) -> list[Recalled]:
    revisions = await asyncio.to_thread(_revisions, settings)
    async with Database.open(settings.database_url.reveal()) as database:
        return await recalled(SqlLedger(database), revisions)


def _revisions(settings: Settings) -> Mapping[str, Collection[str]]:
    from knowledge.versions import current_place  # noqa: PLC0415 - the index brings its libraries along

    place = current_place(settings.data_dir / "index")
    if place is None:
        raise UserFacingError("There is no index yet; run `python -m bot kb index DIR`.")
    with place.catalogue.reading() as reading:
        return reading.revisions()


async def recalled(ledger: SqlLedger, revisions: Mapping[str, Collection[str]]) -> list[Recalled]:
    """Every answer that stands and rests on an article as it is no longer."""
    found = []
    async with ledger.reading() as records:
        for given in await records.answers(since=_EVER):
            changed = recalling.outdated(given, revisions)
            if changed:
                messages = await records.messages(given.conversation)
                asked = next((one.text.body for one in messages if one.id == given.question), "")
                found.append(Recalled(given=given, outdated=changed, question=asked))
    return found


async def correct(
    settings: Settings, chosen: Sequence[Recalled], knowledge: KnowledgeBase, time: Time
) -> None:
    """Ask again, and plan what replaces the old words."""
    policies = load_policies(settings.config_dir, now=time.now())
    async with Database.open(settings.database_url.reveal()) as database:
        ledger = SqlLedger(database)
        for one in chosen:
            finding = await _ask_again(ledger, one, knowledge, policies, now=time.now())
            await _plan(ledger, one.given, finding, policies, now=time.now())


async def _ask_again(
    ledger: SqlLedger, one: Recalled, knowledge: KnowledgeBase, policies: Policies, *, now: datetime
) -> Finding:
    """With what was said before it in the thread, as the first time."""
    async with ledger.reading() as records:
        conversation = await records.conversation(one.given.conversation)
        asked = DraftAnswer(
            conversation=conversation.id,
            question=one.given.question,
            text=one.question,
            reader=conversation.audience,
            tier=conversation.tier,
            was_addressed=True,
        )
        prepared = await preparing.prepare(asked, records, policies, now=now)
    assert isinstance(prepared, DraftAnswer)  # somebody who called the bot is always answered
    return await knowledge.answer(prepared.inquiry)


async def _plan(
    ledger: SqlLedger, given: GivenAnswer, finding: Finding, policies: Policies, *, now: datetime
) -> None:
    # The instant belongs to the cause: an answer may be recalled again after the next change.
    cause = f"recall-{given.id}-{render_instant(now)}"
    async with ledger.transaction(now=now, cause=cause) as tx:
        context = Context(tx=tx, policies=policies, now=now, has_desk=False, installation="")
        await recalling.correct(context, await tx.answer(given.id), finding)


def _show(found: Sequence[Recalled], *, as_data: bool) -> None:
    if as_data:
        say(as_json([_data(one) for one in found]))
        return
    if not found:
        say("Every answer that stands rests on articles as they are now.")
    for one in found:
        changed = ", ".join(dict.fromkeys(citation.path for citation in one.outdated))
        say(f"{one.given.id}  {one.given.given_at:%Y-%m-%d}  {one.given.text.audience}  changed: {changed}")
        say(f"    {mask(' '.join(one.question.split()))[:100]}")
    if found:
        say(f"\nCorrect them where they stand: kb recall --correct {found[0].given.id} …, or --all")


def _data(one: Recalled) -> dict[str, object]:
    return {
        "answer": one.given.id,
        "given_at": render_instant(one.given.given_at),
        "audience": str(one.given.text.audience),
        "state": one.given.state.value,
        "question": mask(one.question),
        "changed": [
            {"path": citation.path, "heading": citation.heading, "revision": citation.revision}
            for citation in one.outdated
        ],
    }
