"""Edited policies and the promises that already run: what follows when the program starts, and what waits.

A calendar's new holiday and a customer's new tier reach every open ticket, from this moment on. An edited
promise (target, percentages, steps) reaches the clocks that start from now on; `sla apply` brings it to those
that run. Nothing is rewritten: the running segment ends, and another begins.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from bot.core import promising, retargeting
from bot.core.context import Context
from bot.core.errors import NONSENSE
from bot.core.model import Clock, OrganisationId, Ticket, Tier
from bot.core.policies import Calendar, Policies
from bot.core.ports import Ledger, Transaction

AT_ONCE = 50  #: tickets in one transaction


class PromiseBook(Protocol):
    """Many promises at once, in batches that hold no lock."""

    async def live_calendars(self) -> Sequence[Calendar]:
        """The calendars in which the clocks that run or are paused count by now, each once."""

    async def open_tiers(self) -> Sequence[tuple[OrganisationId, Tier]]:
        """Of the customers with open tickets."""

    def open_tickets(self) -> AsyncIterator[Sequence[tuple[Ticket, Sequence[Clock]]]]:
        """Batches of tickets that are not solved, with their clocks, by number."""

    def ended_clocks(self, *, since: datetime) -> AsyncIterator[Sequence[tuple[Ticket, Clock]]]:
        """Batches of promises that were kept or broken since then, with their tickets, by number."""

    async def count(self, *, since: datetime) -> int:
        """How many rows the two readings above will bring."""


async def follow_policies(ledger: Ledger, book: PromiseBook, policies: Policies, *, now: datetime) -> int:
    """Bring open tickets to the calendars and tiers of now; the number of tickets that changed."""
    if not await _is_behind(book, policies, now):
        return 0
    changed = 0
    async for batch in book.open_tickets():
        behind = [
            ticket
            for ticket, clocks in batch
            if tier_of(policies, ticket) is not ticket.tier or _are_behind(clocks, policies, now)
        ]
        changed += await _follow_all(ledger, policies, behind, now=now, anew=False)
    return changed


async def apply_policies(ledger: Ledger, book: PromiseBook, policies: Policies, *, now: datetime) -> int:
    """Bring every running promise under the policies of now; the number of tickets that changed."""
    changed = 0
    async for batch in book.open_tickets():
        changed += await _follow_all(ledger, policies, [ticket for ticket, _ in batch], now=now, anew=True)
    return changed


def tier_of(policies: Policies, ticket: Ticket) -> Tier:
    """The customer's tier as the files have it; the ticket's own where they know no such customer."""
    known = policies.organisations.get(ticket.organisation) if ticket.organisation else None
    return known.tier if known else ticket.tier


async def _is_behind(book: PromiseBook, policies: Policies, now: datetime) -> bool:
    tiers = await book.open_tiers()
    known = policies.organisations
    if any(organisation in known and known[organisation].tier is not tier for organisation, tier in tiers):
        return True
    return any(_is_edited(calendar, policies, now) for calendar in await book.live_calendars())


def _are_behind(clocks: Sequence[Clock], policies: Policies, now: datetime) -> bool:
    return any(
        clock.is_live and clock.segments and _is_edited(clock.counts_in, policies, now) for clock in clocks
    )


def _is_edited(calendar: Calendar, policies: Policies, now: datetime) -> bool:
    current = policies.calendars.get(calendar.name)
    return current is not None and not retargeting.has_same_hours(calendar, current, now)


async def _follow_all(
    ledger: Ledger, policies: Policies, found: Sequence[Ticket], *, now: datetime, anew: bool
) -> int:
    """A few tickets in each transaction: others write in between, and not every ticket waits for the disk."""
    changed = 0
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        try:
            changed += await _follow_some(ledger, policies, some, now=now, anew=anew)
        except NONSENSE:  # one of them cannot be read: the auditor tells which, and the others go on
            for ticket in some:
                with suppress(*NONSENSE):
                    changed += await _follow_some(ledger, policies, [ticket], now=now, anew=anew)
    return changed


async def _follow_some(
    ledger: Ledger, policies: Policies, some: Sequence[Ticket], *, now: datetime, anew: bool
) -> int:
    async with ledger.transaction(now=now, cause=f"policies/{now.isoformat()}/{some[0].id}") as tx:
        return sum([await _follow(tx, policies, ticket, now=now, anew=anew) for ticket in some])


async def _follow(tx: Transaction, policies: Policies, read: Ticket, *, now: datetime, anew: bool) -> bool:
    context = Context(tx=tx, policies=policies, now=now, has_desk=False, installation="")
    # The conversation first, as whoever handles a message takes them.
    conversation = await tx.conversation(read.conversation)
    ticket = await tx.ticket(read.id)
    tier = tier_of(policies, ticket)
    if tier is not ticket.tier:
        ticket = replace(ticket, tier=tier)
        await tx.save_ticket(ticket)
        anew = True
    is_changed = await _retargeted(context, ticket) if anew else await promising.recount(context, ticket)
    if is_changed:
        await promising.show(context, conversation)
    return is_changed


async def _retargeted(context: Context, ticket: Ticket) -> bool:
    before = list(await context.tx.clocks(ticket.id))
    await promising.retarget(context, ticket)
    return before != list(await context.tx.clocks(ticket.id))
