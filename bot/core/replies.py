"""Every sentence that people read, in one place. Markdown; a door renders it in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.core.alerts import SendAlert
from bot.core.auditing import FOR_PEOPLE, Fault, Flaw
from bot.core.model import Citation, Clock, Correction, Metric, Text, Ticket

AUDITED = 10  #: flaws that are told one by one
SUBJECT_LENGTH = 120  #: characters; Zendesk truncates at 150

_ADDRESS = re.compile(r"((?:[a-z][a-z0-9+.-]*://|www\.|mailto:)[^\s<>]+)", re.IGNORECASE)
_MARKUP = re.compile(r"[\\*_~\[\]<>|#]")

METRICS = {
    Metric.FIRST_REPLY_TIME: "First reply",
    Metric.NEXT_REPLY_TIME: "Next reply",
    Metric.RESOLUTION_TIME: "Resolution",
}


_MENDED = " It is mended."
_FLAWS = {
    Fault.NO_TIMER: "a promise had no timer." + _MENDED,
    Fault.OLD_TIMER: "a timer was for a promise as it was before." + _MENDED,
    Fault.LATE_TIMER: "a timer was set too late." + _MENDED,
    Fault.STUCK_TIMER: "a timer came due and was not done. It is set again.",
    Fault.WRONG_DUE: "a due time was not what its history comes to." + _MENDED,
    Fault.BROKEN_CHAIN: "a clock's history has a gap. Somebody has to look at it.",
    Fault.SKIPPED_MARK: "an escalation was due and not told. It is told now.",
    Fault.UNSENT_MARK: "an escalation was marked as told and never sent. It is told now.",
    Fault.STUCK_ALERT: "an alert has been on its way for too long. It is looked at.",
    Fault.TOLD_EARLY: "an escalation was marked as told before its time." + _MENDED,
    Fault.WRONG_STATE: "a clock stood still, or ran, and its ticket did not." + _MENDED,
    Fault.ENDED_EARLY: "a promise is over though the ticket is open. Somebody has to look at it.",
    Fault.NO_CLOCK: "a promise has no clock. Somebody has to look at it.",
    Fault.UNREADABLE: "what is stored of a promise makes no sense. Somebody has to look at it.",
    Fault.WRONG_STEPS: "a clock is not what its policy says: sla.toml was changed and its version was not.",
    Fault.OUTLIVED: "a clock runs though the ticket is solved. Somebody has to look at it.",
}


def ticket_label(ticket: int) -> str:
    """The number people say: DB-12."""
    return f"DB-{ticket}"


def answered(text: str, citations: Sequence[Citation]) -> str:
    """An answer with what it rests on."""
    sources = "\n".join(
        f"{number}. [{_citation(citation.heading, citation.path)}]({citation.url})"
        if citation.url
        else f"{number}. {_citation(citation.heading, citation.path)}"
        for number, citation in enumerate(citations, start=1)
    )
    return f"{text}\n\n**Sources**\n{sources}"


def _citation(heading: str, path: str) -> str:
    return heading or path


def not_known(ticket: int | None = None, *, is_offered: bool = True) -> str:
    """The bot was asked and has nothing it could cite; under it is a button, or a ticket stands already."""
    admitted = "I could not find this in our documentation, so I will not guess."
    if ticket is not None:
        return f"{admitted} The people who work on {ticket_label(ticket)} will see your question."
    return f"{admitted} Shall I open a ticket, so that a person looks at it?" if is_offered else admitted


def helped(original: str) -> str:
    """Under an answer that was accepted."""
    return f"{original}\n\n_Marked as helpful — thank you._"


def not_helped(original: str, *, is_offered: bool) -> str:
    """Under an answer that was not accepted; under it is a button where a ticket is offered."""
    offer = " Shall I open a ticket, so that a person looks at it?" if is_offered else ""
    return f"{original}\n\n_Marked as not helpful — sorry._{offer}"


def taken_back() -> str:
    """In the place of an answer that one of our own people found wrong."""
    return "_We have taken this answer back: it was not right._"


def nothing_to_take_back() -> str:
    """Somebody of ours takes an answer back where there is none."""
    return "There is no answer of mine in this thread that could be taken back."


def corrected(answer: str, at: datetime) -> str:
    """An answer in the place of an older one, whose article has changed."""
    return f"{answer}\n\n_Corrected on {at:%Y-%m-%d}: the article this rested on has changed._"


def withdrawn() -> str:
    """In the place of an answer whose article is gone or says something else now."""
    return (
        "_I have withdrawn this answer: the article it rested on has changed, "
        "and I no longer find an answer that I could cite._"
    )


def ticket_opened(original: str, ticket: int) -> str:
    """Under an answer or a question after which a ticket was opened."""
    return f"{original}\n\n_{ticket_label(ticket)} was opened for this thread._"


def ticket_stands(ticket: int) -> str:
    """Somebody asked for a ticket that exists."""
    return f"{ticket_label(ticket)} is already open for this thread; what you write here reaches the team."


def ticket_closed(ticket: int) -> str:
    """Somebody wrote under a ticket that nothing can be added to any more."""
    return (
        f"{ticket_label(ticket)} is closed, and nothing can be added to it any more. "
        "Please write a new message in this channel, and we will look at it afresh."
    )


def ticket_corrected(ticket: int, said: Correction) -> str:
    """An agent said what a ticket is."""
    what = said.product_area.value if said.product_area else said.priority.value if said.priority else ""
    return f"{ticket_label(ticket)} is {what} now. I will remember it for messages like this one."


def no_ticket_to_correct() -> str:
    """An agent said what a ticket is where there is none."""
    return "There is no ticket for this thread yet."


def plain(text: str) -> str:
    """A stranger's words under our name: no link, no picture and no emphasis, whatever they typed.

    An address becomes code, which no channel turns into a link.
    """
    parts = _ADDRESS.split(text.replace("`", "'"))
    return "".join(
        f"`{part}`" if place % 2 else _MARKUP.sub(r"\\\g<0>", part) for place, part in enumerate(parts)
    )


def with_files(text: str, files: Sequence[str]) -> str:
    """Words and the names of what was attached to them, for readers who do not see the files."""
    named = f"Files: {', '.join(files)}" if files else ""
    return "\n\n".join(part for part in (text, named) if part.strip())


def relayed(author: str, text: str, *, is_ours: bool) -> str:
    """A person's public comment from the ticket desk; only our own people's words may carry links."""
    return f"**{plain(author)}**: {text if is_ours else plain(text)}"


def escalated(
    ticket: Ticket,
    clock: Clock,
    *,
    now: datetime,
    is_internal: bool,
    round_: int = 0,
    notes: Iterable[str] = (),
) -> str:
    """Time is running out, or has. `is_internal`: our own people read it, so it may name the customer."""
    what, head = METRICS[clock.metric].lower(), _headline(ticket, is_internal=is_internal)
    left = clock.due_at - now
    when = f"{clock.due_at:%Y-%m-%d %H:%M} UTC"
    again = f" (Reminder {round_}.)" if round_ else ""
    if left <= timedelta(0):
        taken = f"{plain(clock.acknowledged_by)} has it." if clock.acknowledged_by else "Please take it now."
        said = f"The {what} was due at {when}, {spoken(-left)} ago. {taken}{again}"
    else:
        said = f"The {what} is due at {when}, in {spoken(left)}. Please take it.{again}"
    return "\n".join((head, said, *(notes if is_internal else ())))


def stood_in(ticket: Ticket, words: str) -> str:
    """Among our own people: an escalation did not arrive where it was sent."""
    return f"{_headline(ticket, is_internal=True)}\n{words}"


def _headline(ticket: Ticket, *, is_internal: bool) -> str:
    who = f" · {plain(ticket.organisation)}" if is_internal and ticket.organisation else ""
    return f"**{ticket_label(ticket.id)}**{who} · {ticket.priority.value} · {plain(ticket.subject)}"


def acknowledged(original: str, who: str) -> str:
    """Under an escalation that somebody took."""
    return f"{original}\n\n_Acknowledged by {plain(who)}._"


def snoozed(original: str, who: str, until: datetime) -> str:
    """Under an escalation that somebody wants to hear of later."""
    return f"{original}\n\n_Snoozed by {plain(who)} until {until:%H:%M} UTC._"


def called_too(labels: Sequence[str]) -> str:
    """Who hears of it besides the readers of this room."""
    return f"_Told, too: {', '.join(plain(label) for label in labels)}._"


def without_csm(organisation: str | None) -> str:
    """A step calls the customer's CSM, and there is none."""
    return f"_{plain(organisation or 'This customer')} has no CSM; the manager is called instead._"


def gone(target: str) -> str:
    """A step calls somebody who was taken out of the policies since it was taken down."""
    return f"_{plain(target)} is not configured any more; the fallback is called._"


def alert_failed(label: str, reason: str) -> str:
    """A destination refused to be told."""
    return f"_{plain(label)} could not be told: {plain(reason)}._"


def alert_late(label: str, after: timedelta) -> str:
    """A destination has not taken an alert; it goes on being tried."""
    return f"_{plain(label)} has not answered for {spoken(after)}; it is tried again._"


def alert_summary(alert: SendAlert) -> str:
    """One line of plain text for whoever is told outside the rooms."""
    is_over = alert.due_at <= alert.at
    due = f"{METRICS[alert.metric]} {'was due' if is_over else 'due'} {alert.due_at:%Y-%m-%d %H:%M} UTC"
    parts = (
        ticket_label(alert.ticket),
        alert.organisation,
        alert.priority.value,
        due,
        " ".join(alert.subject.split()),
    )
    return " · ".join(part for part in parts if part)


def with_link(text: str, link: str | None) -> str:
    """A pointer for people who read this somewhere else."""
    return f"{text}\n[Open the thread]({link})" if link else text


def subject_of(text: str) -> str:
    """A ticket's subject: the first line that says something."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "(no text)")
    return line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1].rstrip() + "…"


def spoken(span: timedelta) -> str:
    """A span as people say it: "3 d 4 h", "2 h 5 min", "40 s"."""
    seconds = max(int(span.total_seconds()), 0)
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    largest = next((place for place, (value, _) in enumerate(parts) if value), len(parts) - 1)
    shown = [f"{value} {unit}" for value, unit in parts[largest : largest + 2] if value]
    return " ".join(shown) or "0 s"


def in_hours(span: timedelta) -> str:
    """A span in hours and minutes, however long: "3 h 20 min", "26 h"."""
    hours, minutes = divmod(max(int(span.total_seconds()), 0) // 60, 60)
    words = [f"{hours} h"] if hours else []
    return " ".join([*words, f"{minutes} min"] if minutes or not hours else words)


def restated(text: Text, body: str) -> Text:
    """Other words for the same readers."""
    return Text(body=body, audience=text.audience)


def audited(flaws: Sequence[Flaw]) -> str:
    """What an audit of the promises found, for our own people."""
    first = sorted(flaws, key=lambda flaw: flaw.fault not in FOR_PEOPLE)  # what waits for somebody
    found = list(dict.fromkeys(f"- {ticket_label(flaw.ticket)}: {_FLAWS[flaw.fault]}" for flaw in first))
    lines = found[:AUDITED]
    if len(found) > AUDITED:
        lines.append(f"- and {len(found) - AUDITED} more")
    return "**The audit of promises found something wrong**\n" + "\n".join(lines)


def audit_silent(passed_at: datetime | None) -> str:
    """No audit has passed for a while."""
    since = f"since {passed_at:%Y-%m-%d %H:%M} UTC" if passed_at else "since the start"
    return (
        f"**No audit of the promises has passed {since}.** Escalations may be late or missing: "
        "look at the log for `audit_flaw` and `audit_failed`."
    )
