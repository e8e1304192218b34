"""Watching the rotas: gaps are told days before, once each, and whoever asks is told who is on call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core import rota_replies, saying
from bot.core.calling import CSM, MANAGER
from bot.core.context import Context
from bot.core.effects import PostReply, Purpose
from bot.core.model import INTERNAL, Address, Conversation, Room, Text
from bot.core.policies import Policies
from bot.core.ports import Timer, Transaction
from bot.core.rotas import HORIZON, ToldGap, Turn

TIMER = "rota"
AGAIN = timedelta(days=1)  #: at the latest: the horizon moves
FEW = 3  #: more gaps of one role than this are a habit, and told all at once

Gaps = Mapping[str, Sequence[Turn]]  #: by role

# "oncall", "on-call manager", "who is on call?", "quem está de plantão?": the whole message is the order.
_ORDER = re.compile(
    r"\s*(?:(?:who\s+is|who['\u2019]?s)\s+|quem\s+est[áa]\s+de\s+)?(?:on[-\s]?call|plant[ãa]o)"
    r"(?:\s+(?:for\s+|role\s+)?(?P<role>[\w-]{1,60}))?\s*[?.!]*\s*",
    re.IGNORECASE,
)
_NOW = ("now", "today", "agora", "hoje")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a look ahead comes to."""

    due: Gaps  #: to be told now
    told: tuple[ToldGap, ...]  #: these included
    look_at: datetime  #: when to look again


def roles_called(policies: Policies) -> tuple[str, ...]:
    """The roles that some escalation step calls, in the order of oncall.toml."""
    steps = (step for promise in policies.targets.values() for step in promise.steps)
    called = {target for step in steps for target in step.targets}
    if CSM in called:
        called.add(MANAGER)  # who is called for an organisation without one
    return tuple(role for role in policies.on_call.standing if role in called)


def gaps_ahead(policies: Policies, now: datetime) -> Gaps:
    """Each called role with what it lacks within the horizon."""
    on_call = policies.on_call
    return {role: on_call.gaps(role, now, now + HORIZON) for role in roles_called(policies)}


def news_of(gaps: Gaps, told: Iterable[ToldGap], *, now: datetime, warn_before: timedelta) -> News:
    """What comes near and has not been told. A gap that was told stays told for as long as it is one."""
    due: dict[str, Sequence[Turn]] = {}
    kept: list[ToldGap] = []
    looks = [now + AGAIN]
    known = tuple(told)
    for role, missing in gaps.items():
        old = [gap for gap in missing if any(one.is_part_of(gap) for one in known)]
        new = [gap for gap in missing if gap not in old]
        near = [gap for gap in new if gap.starts_at - warn_before <= now]
        if near and len(new) > FEW:
            near = new
        if near:
            due[role] = near
        kept += (ToldGap(role=role, starts_at=gap.starts_at, ends_at=gap.ends_at) for gap in (*old, *near))
        looks += (gap.starts_at - warn_before for gap in new if gap not in near)
    return News(due=due, told=tuple(kept), look_at=min(looks))


async def arm(tx: Transaction, *, at: datetime) -> None:
    """Look for gaps then: the rotas may have changed."""
    await tx.set_timer(Timer(key=TIMER, due_at=at, version=0))


async def look_ahead(context: Context) -> None:
    """Tell new gaps where people are called; without such a room `check` and the metrics do."""
    policies, now = context.policies, context.now
    news = news_of(
        gaps_ahead(policies, now),
        await context.tx.told_gaps(),
        now=now,
        warn_before=policies.on_call.warn_before,
    )
    if policies.escalation_room is not None:
        if news.due:
            await _tell(context, policies.escalation_room, news.due)
        await context.tx.keep_told_gaps(news.told)
    await arm(context.tx, at=news.look_at if policies.escalation_room else now + AGAIN)


async def _tell(context: Context, room: Room, due: Gaps) -> None:
    conversation = await of_the_room(context, room)
    body = rota_replies.gaps_ahead(due, context.policies.on_call, context.now)
    await context.tx.plan(
        PostReply(
            conversation=conversation.id,
            address=conversation.address,
            room=room.audience,
            text=Text(body=body, audience=INTERNAL),
            purpose=Purpose.NOTICE,
        )
    )


async def of_the_room(context: Context, room: Room) -> Conversation:
    """What we say in the room itself, outside every thread."""
    address = Address(door=room.door, workspace=room.workspace, room=room.room, thread="")
    return await context.tx.find_conversation(address) or await context.tx.open_conversation(
        address=address, audience=room.audience, organisation=None, tier=room.tier, opened_at=context.now
    )


def is_order(text: str) -> bool:
    """Whether one of ours asks who is on call."""
    return _ORDER.fullmatch(text) is not None


async def answer(context: Context, conversation: Conversation, text: str) -> None:
    """Who is on call, where everybody is one of ours."""
    body = rota_replies.only_among_ourselves()
    if conversation.audience == INTERNAL:
        order = _ORDER.fullmatch(text)
        body = _answer(context, order["role"] if order else None)
    said = Text(body=body, audience=conversation.audience)
    await saying.say(context, conversation, said, Purpose.NOTICE)


def _answer(context: Context, role: str | None) -> str:
    on_call, now = context.policies.on_call, context.now
    roles = tuple(on_call.standing)
    if role is not None and role.casefold() not in _NOW:
        roles = tuple(one for one in roles if one.casefold() == role.casefold())
        if not roles:
            return rota_replies.unknown_role(role, on_call.standing)
    turns = {one: on_call.turns(one, now, now + HORIZON) for one in roles}
    return rota_replies.who_is_on_call(turns, on_call)
