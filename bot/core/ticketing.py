"""Tickets: local first, mirrored to the desk, kept in step with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.core import asking, promising, replies, triage
from bot.core.context import Context
from bot.core.effects import (
    ClassifyTicket,
    CommentOnReplica,
    CreateReplica,
    PostReply,
    Purpose,
    TranscriptLine,
    UpdateReplica,
)
from bot.core.errors import NotYet
from bot.core.events import CommentReceived, ReplicaCommented, ReplicaCreated, StatusReceived
from bot.core.model import (
    INTERNAL,
    Conversation,
    Floor,
    Message,
    Metric,
    Person,
    PersonRef,
    Priority,
    Role,
    Text,
    Ticket,
    TicketId,
    TicketStatus,
)
from bot.core.ports import NewMessage, NewTicket
from bot.core.spelling import parse_id

EXTERNAL_ID = "deskbell-"
REOPENED = (TicketStatus.PENDING, TicketStatus.SOLVED)  #: by what the customer says
DESK = "desk"  #: where comments of the replica come from, in message sources and addresses of people


async def open_ticket(
    context: Context, conversation: Conversation, requester: PersonRef
) -> tuple[Conversation, Ticket]:
    """One ticket per conversation, with its clocks, its card and its replica."""
    messages = await context.tx.messages(conversation.id)
    asked = [message.text.body for message in messages if message.role is Role.REQUESTER]
    ticket = await context.tx.open_ticket(
        NewTicket(
            conversation=conversation.id,
            subject=replies.subject_of(asked[0] if asked else ""),
            requester=requester,
            organisation=conversation.organisation,
            tier=conversation.tier,
            priority=_priority(asked),
            opened_at=context.now,
        )
    )
    conversation = replace(conversation, ticket=ticket.id)
    await context.tx.save_conversation(conversation)
    await promising.start_clocks(context, ticket)
    await promising.show(context, conversation)
    await context.tx.plan(ClassifyTicket(ticket=ticket.id, text="\n".join(asked)))
    if context.has_desk:
        await context.tx.plan(await _replica_of(context, conversation, ticket))
    return conversation, ticket


def _priority(asked: Sequence[str]) -> Priority:
    """By all that was said; but an emergency stays one, whatever was said before it."""
    if any(triage.is_emergency(text) for text in asked):
        return Priority.P1
    return triage.triage("\n".join(asked)).priority


async def _replica_of(context: Context, conversation: Conversation, ticket: Ticket) -> CreateReplica:
    messages = await context.tx.messages(conversation.id)
    return CreateReplica(
        ticket=ticket.id,
        external_id=f"{_prefix(context)}{ticket.id}",
        subject=ticket.subject,
        transcript=tuple(
            _line(message) for message in messages if message.text.audience.may_reach(conversation.audience)
        ),
        audience=conversation.audience,
        requester=await person_of(context, ticket.requester),
        organisation=ticket.organisation,
        tier=ticket.tier,
        priority=ticket.priority,
    )


def _line(message: Message) -> TranscriptLine:
    return TranscriptLine(
        author=message.author_name,
        role=message.role.value,
        sent_at=message.sent_at,
        text=message.text.body,
        files=message.files,
        ref=message.author,
    )


async def person_of(context: Context, ref: PersonRef) -> Person:
    """Somebody by what we know; by their id as long as we know nothing."""
    return await context.tx.find_person(ref) or Person(ref=ref, name=ref.user)


async def mirror(context: Context, ticket: Ticket, message: Message, *, wants_reply: bool = True) -> None:
    """What was said in the thread is said in the desk too; a thank-you opens nothing there either."""
    body = replies.with_files(message.text.body, message.files)
    if not context.has_desk or not body or ticket.status is TicketStatus.CLOSED:
        return  # a closed ticket takes no comment, and an empty comment is none
    await context.tx.plan(
        CommentOnReplica(
            ticket=ticket.id,
            text=replies.restated(message.text, body),
            author=await person_of(context, message.author),
            author_role=message.role.value,
            said_at=message.sent_at,
            status=None if wants_reply or ticket.status not in REOPENED else ticket.status,
        )
    )


async def agent_replied(
    context: Context, ticket: Ticket, at: datetime, *, was_in_desk: bool = False
) -> Ticket:
    """A person's public reply keeps what was promised about replies, and opens a new ticket."""
    for metric in promising.REPLIES:
        await promising.keep(context, ticket, metric, at)
    last = ticket.last_replied_at
    ticket = replace(ticket, last_replied_at=at if last is None else max(at, last))
    if ticket.status is not TicketStatus.NEW:
        await context.tx.save_ticket(ticket)
        return ticket
    return await _set_open(context, ticket, was_in_desk=was_in_desk)


async def requester_replied(
    context: Context, ticket: Ticket, at: datetime, *, was_in_desk: bool = False
) -> bool:
    """The ball is ours again: a waiting ticket runs, a solved one reopens, and a reply is owed.

    Whether anything changed by it.
    """
    is_waiting = ticket.status in REOPENED
    if is_waiting:
        await promising.resume(context, ticket, at)
        ticket = await _set_open(context, ticket, was_in_desk=was_in_desk)
    is_owed = await promising.owe_reply(context, ticket, at)
    return is_waiting or is_owed


async def _set_open(context: Context, ticket: Ticket, *, was_in_desk: bool) -> Ticket:
    """The desk follows what happens in it by itself; telling it back could undo the agent's own choice."""
    ticket = replace(ticket, status=TicketStatus.OPEN, solved_at=None)
    await context.tx.save_ticket(ticket)
    if context.has_desk and not was_in_desk:
        await context.tx.plan(UpdateReplica(ticket=ticket.id, status=ticket.status, priority=ticket.priority))
    return ticket


async def replica_created(context: Context, event: ReplicaCreated) -> None:
    """The desk has it now."""
    ticket = await context.tx.ticket(event.ticket)
    await context.tx.save_ticket(replace(ticket, replica=event.replica))


async def replica_commented(context: Context, event: ReplicaCommented) -> None:
    """Our own words over there: their echo will be recognised by id."""
    await context.tx.remember_comment(event.ticket, event.comment)


def _prefix(context: Context) -> str:
    return f"{EXTERNAL_ID}{context.installation}-"


async def find_ticket(context: Context, replica: str, external_id: str | None) -> Ticket | None:
    """By the replica's id; by ours only as long as the replica's was never heard back."""
    known = await context.tx.find_replicated(replica)
    prefix, given = _prefix(context), external_id or ""
    number = parse_id(given.removeprefix(prefix)) if given.startswith(prefix) else None
    if known or number is None:
        return known
    try:
        ticket = await context.tx.ticket(TicketId(number))
    except KeyError:
        return None
    return ticket if ticket.replica is None else None


async def take_over_comment(context: Context, event: CommentReceived) -> None:
    """A comment on the replica: an agent's public one answers the customer in the thread."""
    ticket = await find_ticket(context, event.replica, event.external_id)
    if ticket is None or await context.tx.knows_comment(ticket.id, event.comment):
        return
    for kind in ("CreateReplica", "CommentOnReplica"):
        if await context.tx.has_pending(f"desk/{ticket.id}", kind):
            # It may be the echo of what we are just sending; its id will be known in a moment.
            raise NotYet("a comment of ours is still under way")
    await context.tx.remember_comment(ticket.id, event.comment)
    conversation = await context.tx.conversation(ticket.conversation)
    message = await context.tx.record_message(_message_of(event, conversation))
    if message is None or not event.is_public:
        return
    await _heard(context, event, ticket, conversation)
    words = replies.relayed(event.author_name, event.text, is_ours=event.is_agent)
    await context.tx.plan(
        PostReply(
            conversation=conversation.id,
            address=conversation.address,
            room=conversation.audience,
            text=replies.restated(message.text, words),
            purpose=Purpose.RELAY,
        )
    )
    await promising.show(context, conversation)


async def _heard(
    context: Context, event: CommentReceived, ticket: Ticket, conversation: Conversation
) -> None:
    """What a public comment does to promises; what a program sends while its owner is away does nothing."""
    at = context.at(event.written_at)
    if asking.is_auto_reply(event.text):
        return
    if event.is_agent:
        await context.tx.save_conversation(replace(conversation, floor=Floor.HUMAN))
        await agent_replied(context, ticket, at, was_in_desk=True)
    elif asking.wants_reply(event.text):
        await requester_replied(context, ticket, at, was_in_desk=True)


def _message_of(event: CommentReceived, conversation: Conversation) -> NewMessage:
    audience = conversation.audience if event.is_public else INTERNAL
    return NewMessage(
        conversation=conversation.id,
        source=f"{DESK}:{event.comment}",
        author=PersonRef(door=DESK, workspace="", user=event.author_name),
        author_name=event.author_name,
        role=Role.AGENT if event.is_agent else Role.REQUESTER,
        text=Text(body=event.text, audience=audience),
        sent_at=event.written_at,
    )


async def follow_status(context: Context, event: StatusReceived) -> None:
    """The desk's status decides what runs: pending and hold pause, solved ends."""
    ticket = await find_ticket(context, event.replica, event.external_id)
    if ticket is None or ticket.status is TicketStatus.CLOSED:
        return
    if ticket.desk_status_at and event.changed_at < ticket.desk_status_at:
        return  # repeated late: something newer was heard already
    is_news = ticket.status is not event.status
    ticket = replace(ticket, status=event.status, desk_status_at=event.changed_at)
    if not is_news:
        await context.tx.save_ticket(ticket)
        return
    at = context.at(event.changed_at)
    solved_at = ticket.solved_at or at
    ticket = replace(ticket, solved_at=None if ticket.is_open else solved_at)
    await context.tx.save_ticket(ticket)
    await _run_clocks(context, ticket, at)
    await promising.show(context, await context.tx.conversation(ticket.conversation))


async def _run_clocks(context: Context, ticket: Ticket, at: datetime) -> None:
    match ticket.status:
        case TicketStatus.PENDING | TicketStatus.HOLD:
            await promising.pause(context, ticket, at, promising.WAITING[ticket.status])
        case TicketStatus.NEW | TicketStatus.OPEN:
            await promising.resume(context, ticket, at)
        case TicketStatus.SOLVED | TicketStatus.CLOSED:
            await promising.keep(context, ticket, Metric.RESOLUTION_TIME, at)
            for metric in promising.REPLIES:
                await promising.cancel(context, ticket, metric, at, "solved without a reply")
