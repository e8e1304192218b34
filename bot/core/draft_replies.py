"""Every sentence about drafts of answers. Markdown for our own people; the last one is for who asked."""

from __future__ import annotations

from bot.core.model import GivenAnswer
from bot.core.replies import answered, plain


def drafted(question: str, given: GivenAnswer, organisation: str | None) -> str:
    """A draft for our own people: what was asked, what would be said, how sure we are."""
    who = f" · {plain(organisation)}" if organisation else ""
    asked = "\n".join(f"> {plain(line)}" for line in question.strip().splitlines())
    return f"**Draft answer**{who} · {given.confidence:.0%} sure\n{asked}\n\n" + answered(
        given.text.body, given.citations
    )


def draft_used(original: str, who: str) -> str:
    """Under a draft that was posted."""
    return f"{original}\n\n_Posted by {plain(who)}._"


def draft_ignored(original: str, who: str) -> str:
    """Under a draft that was not."""
    return f"{original}\n\n_Ignored by {plain(who)}._"


def draft_withdrawn(original: str) -> str:
    """Under a draft whose article has changed."""
    return f"{original}\n\n_Withdrawn: an article that this rested on has changed._"


def passed_on() -> str:
    """To somebody who called the bot where our own people look at every answer first."""
    return "I have passed this on to the team. Somebody will answer here."
