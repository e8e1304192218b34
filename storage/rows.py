"""Rows as the nouns of the core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.core.model import (
    Address,
    AnswerState,
    Audience,
    AudienceKind,
    Citation,
    Clock,
    ClockState,
    Conversation,
    Correction,
    Description,
    Floor,
    Gap,
    GivenAnswer,
    Message,
    Metric,
    Person,
    PersonRef,
    Priority,
    ProductArea,
    Role,
    Segment,
    SegmentKind,
    Terms,
    Text,
    Ticket,
    TicketStatus,
    Tier,
)
from bot.core.policies import Calendar
from storage.claiming import Row
from storage.codec import DESCRIPTION, SNOOZES, STEPS
from storage.columns import storable
from storage.pinned import fingerprint_of


def audience_of(row: Row) -> Audience:
    """The label a text or a room carries."""
    return Audience(AudienceKind(row["audience"]), row["audience_organisation"])


def audience_columns(audience: Audience) -> dict[str, Any]:
    """The same, to store."""
    return {"audience": audience.kind.value, "audience_organisation": audience.organisation}


def person_columns(prefix: str, ref: PersonRef) -> dict[str, str]:
    """Somebody who is mentioned in a row."""
    return {
        f"{prefix}_door": ref.door,
        f"{prefix}_workspace": ref.workspace,
        f"{prefix}_user": ref.user,
    }


def _ref(prefix: str, row: Row) -> PersonRef:
    return PersonRef(
        door=row[f"{prefix}_door"], workspace=row[f"{prefix}_workspace"], user=row[f"{prefix}_user"]
    )


def conversation_of(row: Row) -> Conversation:
    """A row of `conversations`."""
    return Conversation(
        id=row["id"],
        address=Address(door=row["door"], workspace=row["workspace"], room=row["room"], thread=row["thread"]),
        audience=audience_of(row),
        organisation=row["organisation"],
        tier=Tier(row["tier"]),
        opened_at=row["opened_at"],
        floor=Floor(row["floor"]),
        ticket=row["ticket"],
    )


def answer_columns(answer: GivenAnswer) -> dict[str, Any]:
    """What an answer is stored as, but for its id."""
    return {
        "conversation": answer.conversation,
        "question": answer.question,
        "body": answer.text.body,
        **audience_columns(answer.text.audience),
        "citations": citations_document(answer.citations),
        "confidence": answer.confidence,
        "state": answer.state.value,
        "given_at": answer.given_at,
        "source": answer.source,
    }


def citations_document(citations: Sequence[Citation]) -> list[dict[str, str]]:
    """Citations as plain JSON values."""
    return [{key: storable(value) for key, value in asdict(citation).items()} for citation in citations]


def answer_of(row: Row) -> GivenAnswer:
    """A row of `answers`."""
    return GivenAnswer(
        id=row["id"],
        conversation=row["conversation"],
        question=row["question"],
        text=Text(body=row["body"], audience=audience_of(row)),
        citations=tuple(Citation(**citation) for citation in row["citations"]),
        confidence=row["confidence"],
        state=AnswerState(row["state"]),
        given_at=row["given_at"],
        source=row["source"],
    )


def gap_of(row: Row) -> Gap:
    """A row of `gaps` with the question's words."""
    return Gap(
        conversation=row["conversation"],
        question=row["question"],
        text=row["body"],
        audience=audience_of(row),
        reason=row["reason"],
        nearest=tuple(Citation(**citation) for citation in row["nearest"]),
        asked_at=row["asked_at"],
    )


def message_of(row: Row) -> Message:
    """A row of `messages`."""
    return Message(
        id=row["id"],
        conversation=row["conversation"],
        source=row["source"],
        author=_ref("author", row),
        author_name=row["author_name"],
        role=Role(row["role"]),
        text=Text(body=row["body"], audience=audience_of(row)),
        sent_at=row["sent_at"],
        files=tuple(row["files"]),
    )


def person_of(row: Row) -> Person:
    """A row of `people`."""
    ref = PersonRef(door=row["door"], workspace=row["workspace"], user=row["user"])
    return Person(ref=ref, name=row["name"], email=row["email"])


def ticket_of(row: Row) -> Ticket:
    """A row of `tickets`."""
    return Ticket(
        id=row["id"],
        conversation=row["conversation"],
        subject=row["subject"],
        requester=_ref("requester", row),
        organisation=row["organisation"],
        tier=Tier(row["tier"]),
        priority=Priority(row["priority"]),
        status=TicketStatus(row["status"]),
        opened_at=row["opened_at"],
        replica=row["replica"],
        assignee=row["assignee"],
        solved_at=row["solved_at"],
        desk_status_at=row["desk_status_at"],
        last_replied_at=row["last_replied_at"],
        product_area=ProductArea(row["product_area"]) if row["product_area"] else None,
        description=DESCRIPTION.validate_python(row["description"]) if row["description"] else None,
        is_area_settled=row["is_area_settled"],
        is_priority_settled=row["is_priority_settled"],
    )


def description_document(description: Description | None) -> Any:
    """A description as plain JSON values."""
    return DESCRIPTION.dump_python(description, mode="json") if description else None


def correction_of(row: Row) -> Correction:
    """A row of `corrections`."""
    return Correction(
        text=row["body"],
        product_area=ProductArea(row["product_area"]) if row["product_area"] else None,
        priority=Priority(row["priority"]) if row["priority"] else None,
    )


def segment_of(row: Row, calendar: Calendar) -> Segment:
    """A row of `segments`, and the calendar that it names."""
    return Segment(
        kind=SegmentKind(row["kind"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        reason=row["reason"],
        change=row["change"],
        terms=Terms(
            policy=row["policy"],
            tier=Tier(row["tier"]),
            priority=Priority(row["priority"]),
            target=row["target"],
            calendar=calendar,
        ),
    )


def clock_of(row: Row, segments: Sequence[Segment]) -> Clock:
    """A row of `clocks` and its segments."""
    return Clock(
        id=row["id"],
        ticket=row["ticket"],
        metric=Metric(row["metric"]),
        policy=row["policy"],
        calendar=row["calendar"],
        target=row["target"],
        warn_percent=row["warn_percent"],
        steps=STEPS.validate_python(row["steps"]),
        started_at=row["started_at"],
        segments=tuple(segments),
        state=ClockState(row["state"]),
        due_at=row["due_at"],
        warning_at=row["warning_at"],
        ended_at=row["ended_at"],
        ended_because=row["ended_because"],
        told=tuple(row["told"]),
        acknowledged_by=row["acknowledged_by"],
        acknowledged_at=row["acknowledged_at"],
        snoozes=SNOOZES.validate_python(row["snoozes"] or []),
        version=row["version"],
    )


def clock_columns(clock: Clock) -> dict[str, Any]:
    """A clock to store, without its id and its segments."""
    return {
        "ticket": clock.ticket,
        "metric": clock.metric.value,
        "policy": clock.policy,
        "calendar": clock.calendar,
        "target": clock.target,
        "warn_percent": clock.warn_percent,
        "steps": STEPS.dump_python(clock.steps, mode="json"),
        "started_at": clock.started_at,
        "state": clock.state.value,
        "due_at": clock.due_at,
        "warning_at": clock.warning_at,
        "ended_at": clock.ended_at,
        "ended_because": clock.ended_because,
        "told": list(clock.told),
        "acknowledged_by": clock.acknowledged_by,
        "acknowledged_at": clock.acknowledged_at,
        "snoozes": SNOOZES.dump_python(clock.snoozes, mode="json") or None,
        "version": clock.version,
    }


def segment_columns(segment: Segment) -> dict[str, Any]:
    """A segment to store, without where it belongs."""
    return {
        "kind": segment.kind.value,
        "started_at": segment.started_at,
        "ended_at": segment.ended_at,
        "reason": segment.reason,
        "change": segment.change,
        "policy": segment.terms.policy,
        "tier": segment.terms.tier.value,
        "priority": segment.terms.priority.value,
        "target": segment.terms.target,
        "calendar": fingerprint_of(segment.terms.calendar),
    }
