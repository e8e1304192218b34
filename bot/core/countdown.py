"""Keeping the cards true: what is left of the edits that a workspace allows goes where a card is most wrong.

Edits for what happened (a reply, another status) are planned when it happens. Between them time passes: a
timer for each workspace looks which cards have become wrong, and has the worst of them edited, never more
than a few at once, so that news never waits behind a countdown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core import cards, promising
from bot.core.cards import Card
from bot.core.context import Context
from bot.core.effects import ShowStatus
from bot.core.events import CardPosted, TimerFired
from bot.core.policies import Calendar
from bot.core.ports import Timer

TIMER = "cards:"
ROUND = timedelta(seconds=4)  #: between two looks while cards are wrong
AT_ONCE = 3  #: edits of a workspace that may wait or be under way when more are planned
CANDIDATES = 200  #: cards that are compared in one round
Rank = Callable[[Card, Mapping[str, Calendar], datetime], float]
RANK: Rank = cards.wrongness  #: what decides who is edited first; a benchmark compares another


async def card_posted(context: Context, event: CardPosted) -> None:
    """From now on this card is edited in place, and it is known when it will be wrong."""
    conversation = await context.tx.conversation(event.conversation)
    clocks = await context.tx.clocks(conversation.ticket) if conversation.ticket else ()
    card = Card(
        conversation=event.conversation,
        is_internal=event.is_internal,
        address=event.address,
        card=event.card,
        shown_at=event.shown_at,
        staleness=cards.staleness(clocks, event.shown_at),
    )
    await context.tx.save_card(card)
    await _look_again(context, card.address.door, card.address.workspace, not_before=context.now)


async def edit_the_worst(context: Context, event: TimerFired) -> None:
    """Plan the edits that this round allows."""
    door, _, workspace = event.key.removeprefix(TIMER).partition("/")
    waiting = await context.tx.count_pending(ShowStatus.bucket_of(door, workspace), at_most=AT_ONCE)
    if waiting < AT_ONCE:
        stale = await context.tx.stale_cards(door, workspace, now=context.now, limit=CANDIDATES)
        calendars = context.policies.calendars
        worst = sorted(stale, key=lambda card: -RANK(card, calendars, context.now))
        for card in worst[: AT_ONCE - waiting]:
            await _edit(context, card)
    await _look_again(context, door, workspace, not_before=context.now + ROUND)


async def _edit(context: Context, card: Card) -> None:
    """Once: it is looked at again when that is done. One that is refused or dropped takes no slot for ever.

    The conversation is not read: whoever posts a card holds it, and waits for the timer that we hold.
    """
    await context.tx.save_card(replace(card, staleness=None))
    await context.tx.plan(promising.card_at(card.conversation, card.address, is_internal=card.is_internal))


async def _look_again(context: Context, door: str, workspace: str, *, not_before: datetime) -> None:
    """When the next card becomes wrong; never later than that was planned before."""
    key = f"{TIMER}{door}/{workspace}"
    stale_at = await context.tx.next_stale(door, workspace)
    if stale_at is not None:
        wanted = max(stale_at, not_before)
        await context.tx.bring_forward(Timer(key=key, due_at=wanted, version=1))
