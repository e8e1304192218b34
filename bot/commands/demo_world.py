"""The sandbox as its page sees it: twins, records and ledger as plain values, gestures as calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bot.commands.sandboxing import Sandbox
from bot.core import replies, sla
from bot.core.explanations import ExplainedSegment, explain
from bot.core.model import Clock, ClockState, Conversation, Ticket, TicketId
from bot.core.ports import Records
from bot.sandbox import household
from bot.sandbox.faults import FaultKind
from bot.sandbox.page.rendering import buttons_of, message_html
from bot.sandbox.page.server import Changes
from bot.sandbox.page.views import (
    ChannelView,
    ClockView,
    CommentView,
    MessageView,
    Persona,
    SwitchView,
    TicketView,
    WorkView,
)
from bot.sandbox.slack.gestures import NotPossible
from bot.sandbox.slack.things import Channel, TwinMessage
from bot.sandbox.zendesk.refusals import Refused

ROWS = 40  #: of the ledger
PATIENCE = 10.0  #: seconds to let work finish before the clock moves
SWITCHES = {
    "zendesk": "Zendesk is down",
    "slow": "Slack times out after posting, once",
    "limited": "Slack says 429, once",
    "twice": "Slack delivers everything twice",
}


class DemoWorld:
    """Implements `bot.sandbox.page.views.World`."""

    def __init__(self, sandbox: Sandbox, changes: Changes) -> None:
        self._sandbox = sandbox
        self._slack = sandbox.slack
        self._zendesk = sandbox.zendesk
        self._on: set[str] = set()
        channel = sandbox.slack.world.channel
        support, community, triage = (channel(name).id for name in household.CHANNELS)
        self.personas: Sequence[Persona] = (
            Persona(key="customer", name="Carol", words="Customer at Acme, Enterprise", home=support),
            Persona(key="community", name="Mia", words="Community member", home=community),
            Persona(key="agent", name="Ada", words="Support agent", home=support),
            Persona(key="oncall", name="Otto", words="On-call engineer", home=triage),
        )
        self._users = dict(zip((one.key for one in self.personas), household.PEOPLE, strict=True))
        sandbox.slack.on_change(lambda _: changes.ring())
        sandbox.zendesk.on_change(lambda _: changes.ring())

    def now(self) -> datetime:
        return self._sandbox.time.now()

    # -- Slack --

    def channels(self, persona: Persona) -> Sequence[ChannelView]:
        seen = self._slack.channels_of(self._users[persona.key])
        return [ChannelView(id=one.id, name=one.name, hint=self._hint(one)) for one in seen]

    def _hint(self, channel: Channel) -> str:
        teams = [self._slack.world.teams[team].name for team in channel.connected_team_ids]
        if teams:
            return f"Slack Connect with {', '.join(teams)}"
        return "our own people" if channel.name == household.TRIAGE else "public, best effort"

    def messages(self, channel: str) -> Sequence[MessageView]:
        return [self._message(one, channel) for one in self._slack.history(channel)]

    def thread(self, channel: str, ts: str) -> Sequence[MessageView]:
        return [self._message(one, channel) for one in self._slack.thread(channel, ts)]

    def _message(self, message: TwinMessage, channel: str) -> MessageView:
        world = self._slack.world
        author = world.users[message.user]
        away = world.teams[author.team_id].name if world.is_external(author) else ""
        return MessageView(
            ts=message.ts,
            author=author.real_name,
            initials="".join(part[0] for part in author.real_name.split()[:2]),
            badge="APP" if message.bot_id else away,
            at=datetime.fromtimestamp(float(message.ts), tz=UTC),
            html=message_html(message.text, message.blocks, self._name),
            buttons=buttons_of(message.blocks),
            replies=len(self._slack.thread(channel, message.ts)) - 1,
            is_edited=message.edited is not None and not message.bot_id,
            is_bot=bool(message.bot_id),
        )

    def _name(self, id: str) -> str:
        world = self._slack.world
        if id in world.users:
            return world.users[id].real_name
        return world.channels[id].name if id in world.channels else id

    async def say(self, persona: Persona, channel: str, text: str, thread: str | None) -> str:
        try:
            ts = await self._slack.say(self._users[persona.key], channel, text, thread)
        except NotPossible:
            return thread or ""
        return thread or ts

    async def press(self, persona: Persona, channel: str, ts: str, action: str) -> str:
        try:
            await self._slack.press(self._users[persona.key], channel, ts, action)
        except NotPossible as error:
            return f"Slack: {error}."
        return ""

    # -- tickets --

    async def tickets(self) -> Sequence[TicketView]:
        async with self._sandbox.program.ledger.reading() as records:
            listed = await self._sandbox.program.ledger.tickets(ROWS)
            return [await self._ticket(one, records) for one in listed]

    async def ticket(self, id: int) -> TicketView | None:
        async with self._sandbox.program.ledger.reading() as records:
            try:
                found = await records.ticket(TicketId(id))
            except KeyError:
                return None
            return await self._ticket(found, records, is_whole=True)

    async def _ticket(self, ticket: Ticket, records: Records, *, is_whole: bool = False) -> TicketView:
        conversation = await records.conversation(ticket.conversation)
        clocks = await records.clocks(ticket.id) if is_whole else ()
        replica = int(ticket.replica) if ticket.replica else None
        return TicketView(
            id=ticket.id,
            label=replies.ticket_label(ticket.id),
            subject=ticket.subject,
            status=ticket.status.value,
            priority=ticket.priority.value,
            tier=ticket.tier.value,
            customer=str(ticket.organisation or "community"),
            replica=ticket.replica,
            replica_status=self._zendesk.ticket(replica).status if replica else "",
            channel=conversation.address.room,
            thread=_thread_of(conversation),
            clocks=[self._clock(one) for one in clocks],
            comments=self._comments(replica) if is_whole and replica else (),
        )

    def _clock(self, clock: Clock) -> ClockView:
        calendar = self._sandbox.program.policies.calendars[clock.calendar]
        now = self.now()
        used = sla.elapsed(clock, calendar, now)
        return ClockView(
            label=replies.METRICS[clock.metric],
            state=clock.state.value,
            due_at=clock.due_at,
            left=_left(clock, now),
            percent=min(round(100 * (used / clock.target)), 100),
            explained=[_line(one) for one in explain(clock, calendar, now)],
        )

    def _comments(self, replica: int) -> Sequence[CommentView]:
        return [
            CommentView(
                author=self._zendesk.user(one.author_id).name,
                at=one.created_at,
                text=one.body,
                is_public=one.public,
            )
            for one in self._zendesk.comments(replica)
        ]

    async def reply_in_desk(self, ticket: int, text: str, *, is_public: bool) -> str:
        replica = await self._replica(ticket)
        if replica is None:
            return "This ticket is not in Zendesk yet: it will get there when Zendesk answers."
        try:
            self._zendesk.agent_reply(replica, self._sandbox.agent, text, public=is_public)
        except Refused as refusal:
            return f"Zendesk refused ({refusal.status})."
        return ""

    async def set_status(self, ticket: int, status: str) -> str:
        replica = await self._replica(ticket)
        if replica is None:
            return "This ticket is not in Zendesk yet: it will get there when Zendesk answers."
        try:
            self._zendesk.set_status(replica, status, self._sandbox.agent)
        except Refused as refusal:
            return f"Zendesk refused ({refusal.status})."
        return ""

    async def _replica(self, ticket: int) -> int | None:
        async with self._sandbox.program.ledger.reading() as records:
            try:
                replica = (await records.ticket(TicketId(ticket))).replica
            except KeyError:
                return None
        return int(replica) if replica else None

    # -- time, work and faults --

    async def move(self, by: timedelta) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._sandbox.settle()
        except TimeoutError:
            pass  # something is being retried: time passes for it too
        await self._sandbox.move(by)

    async def work(self) -> Sequence[WorkView]:
        return [
            WorkView(
                queue=row.queue,
                id=row.id,
                kind=row.kind,
                lane=row.lane,
                state=row.state,
                attempts=row.attempts,
                note=row.error or (f"due {row.due_at:%d %b %H:%M}" if row.queue == "timers" else ""),
            )
            for row in await self._sandbox.program.ledger.recent(ROWS)
        ]

    def switches(self) -> Sequence[SwitchView]:
        return [SwitchView(key=key, label=label, is_on=key in self._on) for key, label in SWITCHES.items()]

    def switch(self, key: str) -> None:
        if key not in SWITCHES:
            return
        self._on ^= {key}
        self._zendesk.faults.outage("zendesk" in self._on)
        self._slack.faults.clear()
        if "slow" in self._on:
            self._slack.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER)
        if "limited" in self._on:
            self._slack.faults.fail_next(
                "chat.postMessage", FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=5)
            )
        if "twice" in self._on:
            self._slack.faults.fail_next("deliver:*", FaultKind.DUPLICATE, times=None)
        self._on -= {"slow", "limited"}  # these happen once


def _thread_of(conversation: Conversation) -> str:
    return conversation.address.thread


def _left(clock: Clock, now: datetime) -> str:
    match clock.state:
        case ClockState.MET:
            return "kept"
        case ClockState.BREACHED:
            return "broken"
        case ClockState.CANCELLED:
            return "no longer owed"
        case ClockState.PAUSED:
            return "paused"
        case ClockState.RUNNING:
            left = clock.due_at - now
            return f"in {replies.spoken(left)}" if left > timedelta(0) else f"{replies.spoken(-left)} late"


def _line(part: ExplainedSegment) -> str:
    why = f" ({part.reason})" if part.reason else ""
    return (
        f"{part.local_started_at:%a %H:%M} to {part.local_ended_at:%a %H:%M}: {part.kind.value}{why}, "
        f"counts {replies.spoken(part.counted)}"
    )
