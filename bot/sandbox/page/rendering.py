"""Slack's blocks as HTML: the sandbox's own eye, so it escapes everything and trusts nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from bot.sandbox.page.views import ButtonView

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
# https://docs.slack.dev/messaging/formatting-message-text/ - what Slack parses between angle brackets.
ANGLE = re.compile(r"&lt;(?P<sign>[@#!]?)(?P<target>[^&|]+?)(?:\|(?P<label>[^&]*?))?&gt;")
STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"`([^`\n]+)`"), r"<code>\1</code>"),
)
OPEN, CLOSE = "\ue000", "\ue001"  #: stand for written angle brackets while markup is found
Names = Callable[[str], str]


def message_html(text: str, blocks: Sequence[Mapping[str, Any]], names: Names) -> Markup:
    """The visible part of a message; buttons are listed by `buttons_of`."""
    if all(block.get("type") == "rich_text" for block in blocks):
        return mrkdwn(text, names)  # what a person typed: the blocks say the same in more words
    return Markup("").join(_block(block, names) for block in blocks)


def buttons_of(blocks: Sequence[Mapping[str, Any]]) -> list[ButtonView]:
    """Every button a person could press."""
    return [
        ButtonView(
            action=str(element.get("action_id", "")),
            label=str(element.get("text", {}).get("text", "")),
            style=str(element.get("style", "")),
        )
        for block in blocks
        if block.get("type") == "actions"
        for element in block.get("elements", [])
        if element.get("type") == "button"
    ]


def _block(block: Mapping[str, Any], names: Names) -> Markup:
    match block.get("type"):
        case "markdown":
            return markdown(str(block.get("text", "")), names)
        case "header":
            return Markup("<h4>{}</h4>").format(block.get("text", {}).get("text", ""))
        case "section":
            head = Markup("<p>{}</p>").format(_text(block["text"], names)) if "text" in block else Markup("")
            return head + _fields(block.get("fields", []), names)
        case "context":
            parts = [part for part in block.get("elements", []) if "text" in part]
            return Markup('<div class="context">{}</div>').format(
                Markup(" ").join(_text(part, names) for part in parts)
            )
        case "divider":
            return Markup("<hr>")
        case _:
            return Markup("")


def _fields(fields: Sequence[Mapping[str, Any]], names: Names) -> Markup:
    """Two columns, as Slack sets them."""
    cells = Markup("").join(Markup("<p>{}</p>").format(_text(field, names)) for field in fields)
    return Markup('<div class="fields">{}</div>').format(cells) if fields else Markup("")


def _text(part: Mapping[str, Any], names: Names) -> Markup:
    words = str(part.get("text", ""))
    return mrkdwn(words, names) if part.get("type") == "mrkdwn" else escape(words)


def markdown(text: str, names: Names) -> Markup:
    """A markdown block: Slack still parses its angle brackets inside."""
    rendered = MARKDOWN.render(text)
    return Markup(ANGLE.sub(lambda match: _angle(match, names), rendered))  # noqa: S704 - html is off


def mrkdwn(text: str, names: Names) -> Markup:
    """Slack's own markup: escaped first, so that only what is written here becomes an element."""
    # Slack's clients send &amp; &lt; &gt; already escaped: decode once, then escape everything.
    plain = text.replace("&lt;", OPEN).replace("&gt;", CLOSE).replace("&amp;", "&")
    escaped = str(escape(plain)).replace(OPEN, "&#60;").replace(CLOSE, "&#62;")
    html = ANGLE.sub(lambda match: _angle(match, names), escaped)
    for pattern, replacement in STYLES:
        html = pattern.sub(replacement, html)
    return Markup(html.replace("\n", "<br>"))  # noqa: S704 - escaped above, before any element was made


def _angle(match: re.Match[str], names: Names) -> str:
    sign, target, label = match["sign"], match["target"], match["label"]
    if sign == "@":
        return f'<span class="mention">@{escape(names(target))}</span>'
    if sign == "#":
        return f'<span class="mention">#{escape(label or names(target))}</span>'
    if sign == "!":
        return _date(target, label) if target.startswith("date^") else f"<b>@{escape(target)}</b>"
    if target.startswith(("http://", "https://", "mailto:")):
        return f'<a href="{target}" rel="noopener noreferrer">{label or target}</a>'
    return match[0]


def _date(target: str, label: str | None) -> str:
    """A date token, as a reader in UTC sees it: each reader of Slack has their own zone."""
    parts = target.split("^")
    if len(parts) < 3 or not parts[1].isdecimal():  # noqa: PLR2004 - date, instant, format
        return str(escape(label or target))
    at = datetime.fromtimestamp(int(parts[1]), tz=UTC)
    return f'<time datetime="{at.isoformat()}">{at:%a %d %b, %H:%M} UTC</time>'
