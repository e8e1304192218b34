"""Slack's blocks as HTML: the sandbox's own eye, so it escapes everything and trusts nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from bot.sandbox.page.markdown import markdown
from bot.sandbox.page.mrkdwn import Lookups, mrkdwn
from bot.sandbox.page.views import ButtonView

EXCERPT = 90  #: characters
TAG = re.compile(r"<[^<>]*>")

Blocks = Sequence[Mapping[str, Any]]


def message_html(text: str, blocks: Blocks, lookups: Lookups) -> Markup:
    """The visible part of a message; buttons are listed by `buttons_of`."""
    if all(block.get("type") == "rich_text" for block in blocks):
        return mrkdwn(text, lookups)  # what a person typed: the blocks say the same in more words
    return Markup("").join(_block(block, lookups) for block in blocks)


def excerpt_of(html: str) -> str:
    """The first words, without markup."""
    words = " ".join(Markup(TAG.sub(" ", html)).unescape().split())  # noqa: S704 - unescaped to plain text at once
    return words if len(words) <= EXCERPT else f"{words[: EXCERPT - 1].rstrip()}…"


def buttons_of(blocks: Blocks) -> list[ButtonView]:
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


def _block(block: Mapping[str, Any], lookups: Lookups) -> Markup:
    match block.get("type"):
        case "markdown":
            return Markup('<div class="markdown">{}</div>').format(
                markdown(str(block.get("text", "")), lookups)
            )
        case "header":
            return Markup("<h4>{}</h4>").format(block.get("text", {}).get("text", ""))
        case "section":
            head = _div(_text(block["text"], lookups)) if "text" in block else Markup("")
            return head + _fields(block.get("fields", []), lookups)
        case "context":
            parts = [part for part in block.get("elements", []) if "text" in part]
            return Markup('<div class="context">{}</div>').format(
                Markup(" ").join(_text(part, lookups) for part in parts)
            )
        case "divider":
            return Markup("<hr>")
        case _:
            return Markup("")


def _fields(fields: Blocks, lookups: Lookups) -> Markup:
    """Two columns, as Slack sets them."""
    cells = Markup("").join(_div(_text(field, lookups)) for field in fields)
    return Markup('<div class="fields">{}</div>').format(cells) if fields else Markup("")


def _div(inner: Markup) -> Markup:
    """No paragraph: a quotation or a listing inside would end it."""
    return Markup("<div>{}</div>").format(inner)


def _text(part: Mapping[str, Any], lookups: Lookups) -> Markup:
    words = str(part.get("text", ""))
    return mrkdwn(words, lookups) if part.get("type") == "mrkdwn" else escape(words)
