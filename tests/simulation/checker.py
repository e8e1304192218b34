"""What must hold, read from the vendors' side alone: what was said, what they delivered, what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from people import IN_SLACK, Kind, Notebook, Said, Thread
from universe import CUSTOMERS, Universe

from bot.sandbox.slack.things import TwinMessage
from bot.sandbox.zendesk.state import Ticket
from bot.sandbox.zendesk.webhooks import Invocation

STEPS = (timedelta(seconds=120), timedelta(seconds=192), timedelta(seconds=240))  #: of `SLA` in universe.py
EARLY = timedelta(seconds=1)
LATE = timedelta(seconds=75)  #: where nothing went wrong
LATE_IN_TROUBLE = timedelta(minutes=12)
HEARD = timedelta(minutes=2)  #: after a reply has arrived nobody is called about it any more


@dataclass(slots=True, kw_only=True)
class Checker:
    """One finished universe."""

    universe: Universe
    notebook: Notebook
    was_calm: bool

    def complaints(self) -> list[str]:
        """Everything that is wrong; empty when all is well."""
        return [
            *self.universe.failures,
            *self._tickets(),
            *self._into_zendesk(),
            *self._order(),
            *self._into_slack(),
            *self._answers(),
            *self._echoes(),
            *self._leaks(),
            *(one for thread in self.notebook.threads for one in self._escalation(thread)),
        ]

    # -- tickets and comments --

    def _tickets(self) -> Iterator[str]:
        for thread in self.notebook.threads:
            tickets = self._of(thread)
            if len(tickets) > 1:
                yield f"duplicate: {len(tickets)} tickets for {thread.mark}"
            root = next(one for one in self.notebook.said if one.ts == thread.ts)
            if not tickets and root.kind is Kind.EMERGENCY and self._arrived(root):
                yield f"lost: no ticket for {thread.mark}"

    def _into_zendesk(self) -> Iterator[str]:
        for said in self.notebook.said:
            thread = self._thread(said)
            tickets = self._of(thread)
            if said.kind not in IN_SLACK or not tickets:
                continue
            times = sum(comment.body.count(said.mark) for comment in tickets[0].comments)
            if times > 1:
                yield f"duplicate: {said.kind} {said.mark} is {times} times in Zendesk"
            if times == 0 and self._arrived(said) and tickets[0].status != "closed":
                yield f"lost: {said.kind} {said.mark} did not reach Zendesk"

    def _order(self) -> Iterator[str]:
        """Only of what reached us in order: nobody can tell otherwise."""
        for thread in self.notebook.threads:
            for ticket in self._of(thread):
                text = "\0".join(comment.body for comment in ticket.comments)
                mirrored = [
                    (text.find(said.mark), *self._arrival(said), said)
                    for said in self.notebook.said
                    if said.thread == thread.ts and said.ts and said.mark in text
                ]
                for place, first, _, said in mirrored:
                    for other_place, _, last, other in mirrored:
                        is_before = other.at < said.at and last is not None and last < first
                        if is_before and other_place > place:
                            yield f"out of order: {said.mark} stands before {other.mark} in Zendesk"

    def _into_slack(self) -> Iterator[str]:
        for said in self.notebook.said:
            if said.kind not in (Kind.AGENT_IN_ZENDESK, Kind.CUSTOMER_BY_MAIL):
                continue
            thread = self._thread(said)
            ours = [one for one in self._in_thread(thread) if one.bot_id and said.mark in _text(one)]
            if len(ours) > 1:
                yield f"duplicate: {said.kind} {said.mark} is {len(ours)} times in the thread"
            if not ours and self._webhook_arrived(said):
                yield f"lost: {said.kind} {said.mark} did not reach the thread"

    def _echoes(self) -> Iterator[str]:
        """What people said in the thread is not said there again by us."""
        for said in self.notebook.said:
            if said.kind in (Kind.FOLLOW_UP, Kind.AGENT_IN_SLACK):
                for message in self._in_thread(self._thread(said)):
                    if message.bot_id and said.mark in _text(message) and not _is_card(message):
                        yield f"echoed: {said.kind} {said.mark}"

    def _answers(self) -> Iterator[str]:
        for thread in self.notebook.threads:
            answers = [
                one for one in self._in_thread(thread) if one.bot_id and "DATAHUB_GMS_URL" in _text(one)
            ]
            root = next(one for one in self.notebook.said if one.ts == thread.ts)
            if len(answers) > 1:
                yield f"duplicate: {len(answers)} answers to {thread.mark}"
            is_alone = all(
                one.kind not in (Kind.AGENT_IN_SLACK, Kind.AGENT_IN_ZENDESK)
                for one in self.notebook.said
                if one.thread == thread.ts
            )
            if not answers and root.kind is Kind.QUESTION and is_alone and self._arrived(root):
                yield f"lost: no answer to {thread.mark}"
            cards = [one for one in self._in_thread(thread) if one.bot_id and _is_card(one)]
            if len(cards) > 1:
                yield f"duplicate: {len(cards)} cards for {thread.mark}"

    # -- who may read what --

    def _leaks(self) -> Iterator[str]:
        for said in self.notebook.said:
            for channel in self.universe.slack.world.channels.values():
                is_ours = channel.name == "triage"
                is_theirs = channel.name == CUSTOMERS[said.customer]
                for message in channel.messages.values():
                    if said.mark not in str(message):
                        continue
                    if said.kind is Kind.PRIVATE_NOTE:
                        yield f"leaked: private note {said.mark} in #{channel.name}"
                    elif not (is_ours or is_theirs):
                        yield f"leaked: {said.mark} in #{channel.name}"
                    elif is_theirs and said.thread not in (message.ts, message.thread_ts):
                        yield f"leaked: {said.mark} in another thread of #{channel.name}"
            requests = (one for one in self.universe.slack.journal.entries if said.kind is Kind.PRIVATE_NOTE)
            if any(said.mark in str(one.request) for one in requests):
                yield f"leaked: private note {said.mark} was sent to Slack"
        yield from self._foreign_comments()

    def _foreign_comments(self) -> Iterator[str]:
        for ticket in self.universe.zendesk.tickets():
            for said in self.notebook.said:
                foreign = ticket.id not in {one.id for one in self._of(self._thread(said))}
                for comment in ticket.comments:
                    if foreign and said.mark in comment.body:
                        yield f"leaked: {said.mark} in ticket {ticket.id}"
                    if said.mark in comment.body and comment.public is (said.kind is Kind.PRIVATE_NOTE):
                        yield f"leaked: {said.kind} {said.mark} has the wrong audience in Zendesk"

    # -- time --

    def _escalation(self, thread: Thread) -> Iterator[str]:
        root = next(one for one in self.notebook.said if one.ts == thread.ts)
        if root.kind is not Kind.EMERGENCY:
            return
        told = self._told(thread)
        if len(told) > len(STEPS):
            yield f"escalated too often: {len(told)} times for {thread.mark}"
        for at, step in zip(told, STEPS, strict=False):
            if at < root.at + step - EARLY:
                yield f"escalated early: {thread.mark} after {at - root.at}, due after {step}"
        heard = self._arrival(root)[1]
        if heard is not None:
            yield from self._silence(thread, told, heard)
            yield from self._punctuality(thread, told, heard)

    def _silence(self, thread: Thread, told: Sequence[datetime], heard: datetime) -> Iterator[str]:
        """Nobody is called about what was answered, unless the answer came before the question."""
        arrived = [at for at, _ in self._replies(thread) if at is not None]
        if arrived and min(arrived) > heard and any(at > min(arrived) + HEARD for at in told):
            yield f"escalated after a reply: {thread.mark}"

    def _punctuality(self, thread: Thread, told: Sequence[datetime], heard: datetime) -> Iterator[str]:
        """Spans count from when we heard: that is how it is, see docs/simulation.md.

        Where Slack was away a reply may have overtaken what could not be told.
        """
        replies = [at for _, at in self._replies(thread)]
        if thread.is_meddled_with or (replies and not self.was_calm):
            return
        due = [heard + step for step in STEPS if all(heard + step < at for at in replies)]
        if not due:
            return
        allowed = LATE if self.was_calm else LATE_IN_TROUBLE
        # It may have been heard before that was acknowledged.
        earliest = datetime_of(thread.ts) + STEPS[len(due) - 1] - EARLY
        if not any(earliest <= at <= due[-1] + allowed for at in told):
            after = [str(at - heard) for at in told]
            yield f"escalated never or late: {thread.mark}, due after {due[-1] - heard}, told after {after}"
        if self.was_calm and len(told) < len(due):
            yield f"escalated too seldom: {thread.mark}, {len(told)} of {len(due)}"

    def _told(self, thread: Thread) -> list[datetime]:
        return sorted(
            datetime_of(one.ts)
            for one in self.universe.slack.history("triage")
            if one.bot_id and thread.mark in _text(one)
        )

    def _replies(self, thread: Thread) -> list[tuple[datetime | None, datetime]]:
        """When a person's reply was heard of, and when it was given."""
        found = []
        for said in self.notebook.said:
            if said.thread == thread.ts and said.kind is Kind.AGENT_IN_SLACK:
                found.append((self._arrival(said)[1], said.at))
            if said.thread == thread.ts and said.kind is Kind.AGENT_IN_ZENDESK:
                found.append((self._webhook_arrived(said), said.at))
        return found

    # -- what was delivered --

    def _arrival(self, said: Said) -> tuple[datetime, datetime | None]:
        """The first attempt, and when one was acknowledged."""
        about = [
            one for one in self.universe.slack.journal.of("deliver:*") if one.request.get("ts") == said.ts
        ]
        acknowledged = [one.at for one in about if one.outcome == "ok"]
        first = min((one.at for one in about), default=said.at)
        return min(first, said.at if len(about) > 1 else first), min(acknowledged, default=None)

    def _arrived(self, said: Said) -> bool:
        """Whether Slack was told that we have it; and the root, without which nobody can understand it."""
        roots = [one for one in self.notebook.said if one.ts == said.thread]
        return all(self._arrival(one)[1] is not None for one in (*roots, said))

    def _webhook_arrived(self, said: Said) -> datetime | None:
        at = [
            attempt.at
            for invocation in self._invocations(said)
            for attempt in invocation.attempts
            if attempt.status == "success"
        ]
        return min(at, default=None)

    def _invocations(self, said: Said) -> list[Invocation]:
        return [
            one
            for one in self.universe.zendesk.sender.invocations
            if one.operation == "deliver:ticket.comment_added" and said.mark in str(json.loads(one.body))
        ]

    # -- what is there --

    def _thread(self, said: Said) -> Thread:
        return next(one for one in self.notebook.threads if one.ts == said.thread)

    def _of(self, thread: Thread) -> list[Ticket]:
        """Tickets that begin with anything said in it: the root itself may arrive last."""
        marks = [said.mark for said in self.notebook.said if said.thread == thread.ts]
        tickets = self.universe.zendesk.tickets()
        return [one for one in tickets if any(mark in one.comments[0].body for mark in marks)]

    def _in_thread(self, thread: Thread) -> list[TwinMessage]:
        return self.universe.slack.thread(thread.channel, thread.ts)[1:]


def datetime_of(ts: str) -> datetime:
    """When a message was written."""
    return datetime.fromtimestamp(float(ts), tz=UTC)


def _text(message: TwinMessage) -> str:
    return str(message.blocks) if message.blocks else message.text


def _is_card(message: TwinMessage) -> bool:
    return bool(message.blocks) and message.blocks[0]["type"] == "header"
