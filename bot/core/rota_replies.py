"""Every sentence about who is on call: Markdown for our own people; a name here notifies nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bot.core.model import PersonRef
from bot.core.replies import plain, spoken
from bot.core.rotas import Called, OnCall, Turn, Why

LISTED = 5  #: gaps of a role that a message spells out


def named(people: Iterable[PersonRef], names: Mapping[PersonRef, str]) -> str:
    """Such as "Ada Agent and Otto Ops", or "nobody"."""
    known = [plain(names.get(person, person.user)) for person in people]
    return " and ".join(filter(None, (", ".join(known[:-1]), known[-1]))) if known else "nobody"


def fallback_note(called: Mapping[str, Called]) -> str:
    """Behind an escalation: for which roles it went to the fallback, and why; empty when to none."""
    missed = [plain(role) for role, one in called.items() if one.is_gap]
    if not missed:
        return ""
    went = any(one.why is Why.FALLBACK for one in called.values())
    then = "so this went to the fallback" if went else "and there is no fallback"
    return f"_Nobody is on call for {', '.join(missed)}, {then}._"


def gaps_ahead(gaps: Mapping[str, Sequence[Turn]], on_call: OnCall, now: datetime) -> str:
    """A warning, once for each gap."""
    blocks = []
    for role, missing in gaps.items():
        lines = [f"- {_when(gap, now)}" for gap in missing[:LISTED]]
        if more := len(missing) - LISTED:
            lines += [f"- and {more} more until {missing[-1].ends_at:%Y-%m-%d}"] if more > 0 else []
        blocks.append("\n".join((f"**{plain(role)}**: nobody is on call", *lines, *_unknown(role, on_call))))
    fallback = named(on_call.fallback, on_call.names)
    then = (
        f"Escalations would go to the fallback: {fallback}." if on_call.fallback else "There is no fallback."
    )
    return "\n\n".join((*blocks, then))


def who_is_on_call(turns: Mapping[str, Sequence[Turn]], on_call: OnCall) -> str:
    """The answer to "@bot oncall": each role's present turn and the next."""
    return "\n".join(_role(role, found, on_call) for role, found in turns.items()) or "There are no roles."


def only_among_ourselves() -> str:
    """Who is on call is not told where customers read."""
    return "Please ask me that in a room where everybody is one of ours."


def unknown_role(role: str, known: Iterable[str]) -> str:
    """There is no such role."""
    return f"There is no role {plain(role)}. I know {', '.join(map(plain, known))}."


def _role(role: str, turns: Sequence[Turn], on_call: OnCall) -> str:
    first, *later = turns
    words = f"**{plain(role)}**: {_who(first, on_call)}"
    if later:
        words += f" until {_moment(first.ends_at)}, then {_who(later[0], on_call)}"
    return words


def _who(turn: Turn, on_call: OnCall) -> str:
    people = named(turn.called.people, on_call.names)
    match turn.called.why:
        case Why.FALLBACK:
            return f"nobody, so the fallback: {people}"
        case Why.OVERRIDE:
            return f"{people} (standing in)"
        case _:
            return people


def _when(gap: Turn, now: datetime) -> str:
    until = f"{_moment(gap.starts_at)} to {_moment(gap.ends_at)}"
    if gap.starts_at <= now:
        return f"now, until {_moment(gap.ends_at)} or later"
    return f"{until}, in {spoken(gap.starts_at - now)}"


def _unknown(role: str, on_call: OnCall) -> tuple[str, ...]:
    names = on_call.unknown.get(role, ())
    listed = ", ".join(plain(name) for name in names[:LISTED])
    return (f"The rota names people whom people.toml does not know: {listed}.",) if names else ()


def _moment(at: datetime) -> str:
    return f"{at:%a %Y-%m-%d %H:%M} UTC"
