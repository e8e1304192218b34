"""Which articles answer most, and whether they help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.model import INTERNAL, AnswerState, Audience, GivenAnswer

LEAST = 3  #: conversations; of fewer, people outside could guess who asked what


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """An article that answers rested on."""

    path: str
    url: str
    conversations: int
    helped: int
    not_helped: int


def trending(
    answers: Iterable[GivenAnswer], *, reader: Audience = INTERNAL, least: int = LEAST
) -> list[Trend]:
    """Most asked for first. Outside of our own people only what many conversations rested on."""
    conversations: dict[str, set[int]] = {}
    addresses: dict[str, str] = {}
    votes: Counter[tuple[str, AnswerState]] = Counter()
    for given in answers:
        if given.source is None or not given.text.audience.may_reach(reader):
            continue  # never said, or not theirs to know of
        for citation in {citation.path: citation for citation in given.citations}.values():
            conversations.setdefault(citation.path, set()).add(given.conversation)
            addresses[citation.path] = citation.url.partition("#")[0]
            votes[citation.path, given.state] += 1
    found = [
        Trend(
            path=path,
            url=addresses[path],
            conversations=len(asked),
            helped=votes[path, AnswerState.HELPED],
            not_helped=votes[path, AnswerState.NOT_HELPED],
        )
        for path, asked in conversations.items()
        if reader == INTERNAL or len(asked) >= least
    ]
    return sorted(found, key=lambda trend: (-trend.conversations, trend.path))
