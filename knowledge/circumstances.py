"""What is known of an asker besides the question: of two sections as good it tells which is about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.core.model import Environment, Tier

# Deviations of a score: enough between sections that are as good, and never against the question's words.
_THEIRS = 0.15  #: for a section that names the asker's version, environment or contract
_ANOTHERS = 0.15  #: against one that names another and not theirs

# A number is a version where it is said to be one: sections and steps are numbered too.
_VERSION = re.compile(
    r"(?<![\w.])(?:v|(?:version|release|vers[aã]o)\s+v?)(\d{1,4}(?:\.\d{1,4}){0,3})(?![\w.]*\d)",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,3}")
_ENVIRONMENTS = {
    Environment.PRODUCTION: re.compile(r"\b(?:production|prod|produ[cç][aã]o)\b", re.IGNORECASE),
    Environment.STAGING: re.compile(r"\b(?:staging|homologa[cç][aã]o)\b", re.IGNORECASE),
    Environment.DEVELOPMENT: re.compile(r"\b(?:development|dev|desenvolvimento)\b", re.IGNORECASE),
}
_TIERS = {tier: re.compile(rf"\b{tier.value}\b", re.IGNORECASE) for tier in Tier}


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Of one asker; None where nothing is known."""

    version: str | None = None
    environment: str | None = None
    tier: Tier | None = None

    def favour(self, question: str, names: str) -> float:
        """What a section gains or loses by the names that it stands under: its path, title and heading.

        What the question names itself is left to the words: people ask about other versions than theirs.
        """
        return sum(
            _favour(theirs, found(question), found(names))
            for theirs, found in self._known()
            if theirs is not None
        )

    def _known(self) -> Iterable[tuple[str | None, Callable[[str], set[str]]]]:
        version = _NUMBERS.search(self.version or "")
        yield version[0] if version else None, lambda text: set(_VERSION.findall(text))
        yield self.environment, lambda text: {one for one, sign in _ENVIRONMENTS.items() if sign.search(text)}
        yield self.tier, lambda text: {one for one, sign in _TIERS.items() if sign.search(text)}


NOTHING_KNOWN = Circumstances()


def _favour(theirs: str, asked: set[str], named: set[str]) -> float:
    if asked or not named:
        return 0.0
    return _THEIRS if any(_covers(one, theirs) for one in named) else -_ANOTHERS


def _covers(named: str, theirs: str) -> bool:
    """Section "v1.2" is about version 1.2.7 too."""
    return theirs == named or theirs.startswith(f"{named}.")
