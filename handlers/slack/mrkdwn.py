"""Slack's own text format: read to plain text, and written so that nobody's words can notify anybody."""

from __future__ import annotations

import re

# https://docs.slack.dev/messaging/formatting-message-text
_TOKEN = re.compile(r"<([^<>|\s][^<>|]*)(?:\|([^<>]*))?>")
_SPECIAL = re.compile(r"<([@#!][^<>|]*)(?:\|([^<>]*))?>")
_OPENING = re.compile(r"<(?=[@#!])")
_BROADCAST = re.compile(r"@(?=(?:here|channel|everyone)\b)", re.IGNORECASE)
BROADCASTS = ("here", "channel", "everyone")
_INVISIBLE = "\u200b"  # a zero-width space breaks a token and is not seen


def plain_text(text: str) -> str:
    """What a person would read, with mentions kept as @U… because names are not known here."""
    decoded = _TOKEN.sub(lambda token: _readable(token[1], token[2]), text)
    return storable(decoded.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def storable(text: str) -> str:
    """Without what a database refuses: lone surrogates, and NUL, which PostgreSQL has no room for."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def without_mention(text: str, user: str) -> str:
    """The raw text without the mention of `user`, and without the colon or comma after a leading one."""
    mention = rf"<@{re.escape(user)}(?:\|[^<>]*)?>"
    stripped = re.sub(rf"^\s*{mention}\s*[:,]?\s*", "", text)
    return re.sub(rf"{mention}[ \t]?", "", stripped).strip()


def mentions(text: str, user: str) -> bool:
    """Whether the raw text mentions `user`."""
    return f"<@{user}>" in text or f"<@{user}|" in text


def escaped(text: str) -> str:
    """For mrkdwn and fallback texts: the three characters that begin Slack's tokens."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def harmless(markdown: str) -> str:
    """Markdown in which nobody is notified: a `markdown` block still resolves <!here> and <@U…>.

    A readable form replaces each token. Whatever still begins like one, such as the outside of a nested
    token, is broken by an invisible space.
    """
    readable = _SPECIAL.sub(lambda token: _readable(token[1], token[2]), storable(markdown))
    return _BROADCAST.sub(f"@{_INVISIBLE}", _OPENING.sub(f"<{_INVISIBLE}", readable))


def _readable(target: str, label: str | None) -> str:
    match target[0]:
        case "@":
            return f"@{target[1:]}"
        case "#":
            return f"#{label or target[1:]}"
        case "!":
            return _special(target[1:], label)
        case _:
            return _link(target, label)


def _special(command: str, label: str | None) -> str:
    name, *rest = command.split("^")
    if name == "date":
        return label or ""
    if name == "subteam":
        return label or f"@{''.join(rest[:1])}"
    if name in BROADCASTS:
        return f"@{name}"
    return label or f"<!{command}>"


def _link(url: str, label: str | None) -> str:
    address = url.removeprefix("mailto:")
    # Slack links what looks like a link by itself; its label then repeats the address.
    if not label or label in address:
        return label or address
    return f"{label} ({address})"
