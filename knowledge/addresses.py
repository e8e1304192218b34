"""What looks like an address in a text, and which of them may leave."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

REMOVED = "(link removed)"
_BREAK = "\N{WORD JOINER}"  #: invisible, and keeps what it stands in from being read as markup
_SCHEMES = frozenset({"http", "https"})
_PORTS = {"http": 80, "https": 443}

# Ends of host names that are hardly ever a word or a file's; others count where a path follows.
_HOSTS = r"com|net|org|edu|gov|biz|io|dev|xyz|example|invalid"
_STOP = r"\s<>\"'`|\\\[\]{}*"
_LABEL = r"[a-z0-9\u0080-\uffff](?:[a-z0-9\u0080-\uffff-]{0,62})"
ADDRESS = re.compile(
    rf"""
    (?<![\w.+-]) (?:
        (?:https?:/{{1,3}}|[a-z][a-z0-9+.-]{{1,20}}://)[^{_STOP}]+
      | (?:(?:mailto|tel|sms|javascript|vbscript):|data:[\w/+.-]*[;,])[^{_STOP}]+
      | //{_LABEL}\.[^{_STOP}]+                                # with the scheme of the page
      | www\.[^{_STOP}]+
      | [\w.+-]{{1,64}}@(?:[\w-]+\.)+[a-z]{{2,24}}             # e-mail
      | (?:{_LABEL}\.)+(?:{_HOSTS})\.?(?![\w-]|\.\w)(?:[:/?#][^{_STOP}]*)?
      | (?:{_LABEL}\.)+[a-z]{{2,10}}(?::\d{{2,5}})?/[^{_STOP}]*
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PLAIN = re.compile(r"https?://[\w.:/~%+-]+", re.ASCII)  #: without query and anchor, which carry data
_SECTION = re.compile(r"[\w.~%:-]*")  #: of a page; anything else may carry words and addresses
END = ".,;:!?)*_~'\""
# https://docs.slack.dev/messaging/formatting-message-text
_SLACK_SPECIAL = re.compile(r"<[@#!]([^<>|\s]*)(?:\|([^<>]*))?>")
_SLACK_LINK = re.compile(r"<(?:[a-z][a-z0-9+.-]*:)[^<>|\n]*\|([^<>\n]*)>", re.IGNORECASE)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2061-\u206f\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
    # Behind these two it is ours, and keeps a mention from being one: taken out, it would have to come back.
    "|(?<![<@])\u2060"
)
_CONTROL = re.compile(r"[\s\\\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The addresses that may leave, in the spelling in which they leave."""

    links: Mapping[str, str] = field(default_factory=dict)  #: how it was written, by what it means
    words: frozenset[str] = frozenset()  #: addresses that are read and not followed: in code, without scheme
    prefixes: tuple[str, ...] = ()  #: of an administrator's list, such as "https://docs.example.com/"

    @classmethod
    def of(cls, urls: Iterable[str], texts: Iterable[str], prefixes: Sequence[str] = ()) -> Self:
        """What stands in these texts, and these addresses with or without their anchor."""
        words = {word for text in texts for found in addresses(text) for word in _spellings(found)}
        urls = [spelling for url in urls for spelling in (url.partition("#")[0], url)]
        links = {meaning(url): url for url in (*sorted(words), *urls) if meaning(url)}
        return cls(
            links=links, words=frozenset(word.lower() for word in (*words, *urls)), prefixes=tuple(prefixes)
        )

    def link(self, url: str) -> str | None:
        """The address to write for a link to `url`; None when it may not leave."""
        meant = meaning(url)
        if not meant:
            return None
        page, _, section = meant.partition("#")
        known = self.links.get(meant) or (self.links.get(page) if _SECTION.fullmatch(section) else None)
        return known or (url if self._is_listed(url, meant) else None)

    def word(self, address: str) -> bool:
        """Whether something that looks like an address may be read."""
        lower = address.lower()
        return any(word in self.words for word in _spellings(lower)) or self.link(address) is not None

    def _is_listed(self, url: str, meant: str) -> bool:
        parts = urlsplit(meant)
        is_plain = _PLAIN.fullmatch(url) is not None and ".." not in unquote(unquote(parts.path))
        listed = any(meant.startswith(meaning(prefix)) for prefix in self.prefixes if prefix.endswith("/"))
        return is_plain and listed


def meaning(url: str) -> str:
    """Equal for two spellings of one address; empty for what is no honest http address."""
    if _CONTROL.search(url) or not url.isascii():
        return ""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES or not host or "@" in parts.netloc or "%" in parts.netloc:
        return ""
    place = host.rstrip(".") + ("" if port in (None, _PORTS[scheme]) else f":{port}")
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{scheme}://{place}{_plainly(parts.path) or '/'}{query}{fragment}"


def _plainly(path: str) -> str:
    """Without escapes that stand for a letter, a digit or one of -._~."""
    return re.sub(
        r"%([0-9a-f]{2})",
        lambda found: (
            sign if (sign := chr(int(found[1], 16))).isalnum() or sign in "-._~" else found[0].upper()
        ),
        path,
        flags=re.IGNORECASE,
    )


def addresses(text: str) -> list[str]:
    """Everything in a text that looks like an address."""
    return [found[0] for found in ADDRESS.finditer(text)]


def visible(text: str) -> str:
    """Without signs that nobody sees, which hide one word in another."""
    return _INVISIBLE.sub("", text)


def scrub(text: str, allowed: Allowed) -> str:
    """Prose in which only allowed addresses are left and nobody is mentioned."""
    text, before = visible(text), ""
    while text != before:  # what was around a token may be one now
        before = text
        text = _SLACK_SPECIAL.sub(lambda found: found[2] or found[1], text)
        text = _SLACK_LINK.sub(lambda found: found[1], text)
    text = _without_foreign(text, allowed)
    return re.sub(r"(?<![\w.+-])@(?=\w)", f"@{_BREAK}", _quiet(text))


def scrub_code(text: str, allowed: Allowed) -> str:
    """Code likewise; what a channel still reads as a mention inside of code is broken."""
    return _quiet(_without_foreign(visible(text), allowed))


def _quiet(text: str) -> str:
    """Whom a channel notifies whatever stands around it."""
    text = re.sub(r"<(?=[@#!])", f"<{_BREAK}", text)
    return re.sub(r"@(?=everyone|here|channel)", f"@{_BREAK}", text, flags=re.IGNORECASE)


def _without_foreign(text: str, allowed: Allowed) -> str:
    """Folded to plain letters where that shows an address: full-width signs are read as the plain ones."""
    if not text.isascii():
        text = re.sub(r"\S+", lambda word: _folded(word[0]), text)
    return ADDRESS.sub(lambda found: _read(found[0], allowed), text)


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKC", word)
    return plain if plain != word and ADDRESS.search(plain) and not ADDRESS.search(word) else word


def _read(address: str, allowed: Allowed) -> str:
    for word in _spellings(address):
        if allowed.word(word):
            # What stands behind the address is the sentence's, and may be another one.
            return word + ADDRESS.sub(lambda found: _read(found[0], allowed), address[len(word) :])
    return REMOVED + address[len(address.rstrip(END)) :]


def _spellings(address: str) -> tuple[str, ...]:
    """With and without the signs that may belong to the sentence."""
    bare = address.rstrip(END)
    return (address,) if bare == address else (address, bare)
