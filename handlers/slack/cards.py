"""The status card: one message per ticket, edited in place, in each reader's own time zone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.core.effects import ClockView, InsideView, ShowStatus, StatusView
from bot.core.model import ClockState, TicketStatus
from bot.core.replies import METRICS, in_hours, ticket_label
from handlers.slack.mrkdwn import escaped, harmless
from handlers.slack.rendering import Blocks, fallback, posted

TITLE_LIMIT = 150  # of a header block
STATUSES = {
    TicketStatus.NEW: "New",
    TicketStatus.OPEN: "Open",
    TicketStatus.PENDING: "Waiting for your reply",
    TicketStatus.HOLD: "On hold",
    TicketStatus.SOLVED: "Solved",
    TicketStatus.CLOSED: "Closed",
}
INSIDE = {**STATUSES, TicketStatus.PENDING: "Waiting for the customer"}


def render_card(effect: ShowStatus, view: StatusView, *, key: str, now: datetime) -> dict[str, Any]:
    """The arguments of chat.postMessage for the first card."""
    return {
        **posted(effect.address.room, effect.address.thread, key=key),
        "text": _summary(view),
        "blocks": _blocks(view, now),
    }


def render_card_edit(effect: ShowStatus, view: StatusView, *, card: str, now: datetime) -> dict[str, Any]:
    """The arguments of chat.update for every later one."""
    return {
        "channel": effect.address.room,
        "ts": card,
        "text": _summary(view),
        "blocks": _blocks(view, now),
        "link_names": False,
        "parse": "none",
    }


def _summary(view: StatusView) -> str:
    return fallback(
        f"{ticket_label(view.ticket)} · {view.subject} · {STATUSES[view.status]} · {view.priority.value}"
    )


def _blocks(view: StatusView, now: datetime) -> Blocks:
    title = harmless(f"{ticket_label(view.ticket)} · {view.subject}")
    title = title if len(title) <= TITLE_LIMIT else f"{title[: TITLE_LIMIT - 1]}…"
    blocks: Blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}},
        {
            "type": "section",
            "fields": [{"type": "mrkdwn", "text": f"*{name}*\n{value}"} for name, value in _fields(view)],
        },
    ]
    promises = [line for clock in view.clocks for line in _promise(clock, now)]
    if promises:
        blocks.append(_section("\n".join(promises)))
    if view.inside:
        blocks += _inside(view.inside)
    return blocks


def _fields(view: StatusView) -> Iterator[tuple[str, str]]:
    if view.inside:
        yield "Customer", _words(view.inside.organisation) if view.inside.organisation else "Community"
        yield "Asked by", _words(view.inside.requester)
    yield "Status", INSIDE[view.status] if view.inside else STATUSES[view.status]
    yield "Priority", view.priority.value
    yield "Plan", view.tier.value
    yield "Assignee", _words(view.assignee) if view.assignee else "Not assigned yet"
    if view.inside and view.inside.product_area:
        yield "Area", _words(view.inside.product_area)


def _inside(inside: InsideView) -> Iterator[dict[str, Any]]:
    """Who is called next, who has it, and where it is talked about."""
    lines = [
        f"📣 {_words(', '.join(roles)).replace('_', ' ')} {local(at)}" for at, roles in inside.next_steps
    ]
    if inside.acknowledged_by:
        lines.append(f"🙋 Taken by {_words(inside.acknowledged_by)}")
    if inside.link:
        lines.append(f"<{inside.link}|Go to the thread>")
    if lines:
        yield {"type": "context", "elements": [{"type": "mrkdwn", "text": line} for line in lines]}


def _words(text: str) -> str:
    return escaped(harmless(text))


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _promise(clock: ClockView, now: datetime) -> Iterator[str]:
    """One line a clock; none for a target that no longer applies."""
    name = METRICS[clock.metric]
    match clock.state:
        case ClockState.RUNNING if clock.due_at > now:
            mark = "🟠" if clock.is_warned else "⏳"
            yield f"{mark} {name} within {_left(clock)}, due {local(clock.due_at)}{_resting(clock)}"
        case ClockState.RUNNING:
            yield f"🔴 {name} overdue since {local(clock.due_at)}"
        case ClockState.PAUSED:
            yield f"⏸️ {name}: paused, {_left(clock)} left"
        case ClockState.MET:
            yield f"✅ {name} in time{_at(clock.ended_at)}"
        case ClockState.BREACHED:
            yield f"⚠️ {name} late{_at(clock.ended_at)}, was due {local(clock.due_at)}"
        case ClockState.CANCELLED:
            return


def _left(clock: ClockView) -> str:
    """Business time is never told in days: one of eight hours would be taken for one of twenty-four."""
    hours = in_hours(clock.left)
    return hours if clock.is_always_open else f"{hours} of business time"


def _resting(clock: ClockView) -> str:
    return "" if clock.is_open else " · closed now, the time stands still"


def _at(moment: datetime | None) -> str:
    return f", {local(moment)}" if moment else ""


def local(moment: datetime) -> str:
    """An instant that each reader's Slack shows in the reader's own zone."""
    # https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    in_utc = moment.astimezone(UTC)
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{in_utc:%Y-%m-%d %H:%M} UTC>"
