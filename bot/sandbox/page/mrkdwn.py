"""Slack's own markup as HTML: every character is escaped, and only what is made here becomes an element."""

# https://docs.slack.dev/messaging/formatting-message-text

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape

# What stands between angle brackets, and code, in which nothing else is markup.
TOKEN = re.compile(
    r"```\n?(?P<block>.+?)\n?```"
    r"|`(?P<code>[^`\n]+)`"
    r"|<(?P<sign>[@#!]?)(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>",
    re.DOTALL,
)
STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)"), "em"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), "s"),
)
QUOTE = re.compile(r"(?:^&gt; ?[^\n]*(?:\n|$))+", re.MULTILINE)
OPEN, CLOSE = "\ue000", "\ue001"  #: around the number of an element that was put aside
PUT_ASIDE = re.compile(f"{OPEN}(\\d+){CLOSE}")
WEB = ("http://", "https://", "mailto:")
DATE_PARTS = 3  #: "date", the instant, the format


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """What a text refers to."""

    name: Callable[[str], str]  #: of a person or a channel, by id
    page: Callable[[str], str]  #: where the sandbox shows this address; "" when it does not


def mrkdwn(text: str, lookups: Lookups) -> Markup:
    """A text as Slack sends it, with &amp; &lt; &gt; escaped and markup in angle brackets."""
    aside: list[str] = []

    def put_aside(html: str) -> str:
        aside.append(html)
        return f"{OPEN}{len(aside) - 1}{CLOSE}"

    plain = text.replace(OPEN, "").replace(CLOSE, "")
    marked = TOKEN.sub(lambda token: put_aside(_token(token, lookups)), plain)
    html = str(escape(_decoded(marked)))
    for pattern, element in STYLES:
        html = pattern.sub(rf"<{element}>\1</{element}>", html)
    html = QUOTE.sub(_quote, html).replace("\n", "<br>")
    return Markup(PUT_ASIDE.sub(lambda found: aside[int(found[1])], html))  # noqa: S704 - escaped piece by piece


def angle(sign: str, target: str, label: str | None, lookups: Lookups) -> Markup | None:
    """A mention, a date or a link; None for what Slack would show as it is."""
    if sign == "@":
        return Markup('<span class="mention">@{}</span>').format(lookups.name(target))
    if sign == "#":
        return Markup('<span class="mention">#{}</span>').format(label or lookups.name(target))
    if sign == "!":
        return _date(target, label) or Markup('<span class="mention">@{}</span>').format(label or target)
    return link(target, label or target, lookups) if target.startswith(WEB) else None


def link(target: str, words: str, lookups: Lookups) -> Markup:
    """See `link_attributes`."""
    attributes = link_attributes(target, lookups)
    written = Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in attributes.items())
    return Markup("<a{}>{}</a>").format(written, words)


def link_attributes(target: str, lookups: Lookups) -> dict[str, str]:
    """The sandbox's own page where it has one; what is not the page itself opens in a tab of its own."""
    page = lookups.page(target)
    if page.startswith("/?"):
        return {"href": page, "title": target}
    return {"href": page or target, "title": target, "target": "_blank", "rel": "noopener noreferrer"}


def _decoded(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _token(token: re.Match[str], lookups: Lookups) -> str:
    if token["block"] is not None:
        return str(Markup("<pre><code>{}</code></pre>").format(_shown(token["block"])))
    if token["code"] is not None:
        return str(Markup("<code>{}</code>").format(_shown(token["code"])))
    label = _decoded(token["label"]) if token["label"] else None
    made = angle(token["sign"], _decoded(token["target"]), label, lookups)
    return str(escape(_decoded(token[0])) if made is None else made)


def _shown(code: str) -> str:
    """Code shows what was typed: a link in it is its address again."""
    without = re.sub(r"<([^<>|]+)(?:\|([^<>]*))?>", lambda found: found[2] or found[1], code)
    return _decoded(without)


def _quote(lines: re.Match[str]) -> str:
    inner = "\n".join(line.removeprefix("&gt;").removeprefix(" ") for line in lines[0].splitlines())
    return f"<blockquote>{inner}</blockquote>"


def _date(target: str, label: str | None) -> Markup | None:
    """A date token, as a reader in UTC sees it: each reader of Slack has their own zone."""
    parts = target.split("^")
    if parts[0] != "date":
        return None
    try:
        at = datetime.fromtimestamp(int(parts[1]), tz=UTC)
    except (IndexError, ValueError, OverflowError, OSError):
        return escape(label or target)
    if len(parts) < DATE_PARTS:
        return escape(label or target)
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), f"{at:%a %d %b, %H:%M}")
