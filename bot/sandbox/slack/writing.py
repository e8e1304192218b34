"""Text as Slack's client turns it into wire text and rich text."""

# https://docs.slack.dev/messaging/formatting-message-text

from __future__ import annotations

import re

from bot.sandbox.slack.things import Json
from bot.sandbox.slack.world import World

MARKUP = re.compile(r"<(?:[@#!][^<>]*|(?:https?|mailto):[^<>]*)>")
BARE_URL = re.compile(r"https?://[^\s<>]+[^\s<>.,;:!?)]")
ENTITY = re.compile(r"&(?:amp|lt|gt);")


def escape(text: str) -> str:
    """The three characters that are markup, escaped; what is escaped already stays."""
    text = re.sub(r"&(?!(?:amp|lt|gt);)", "&amp;", text)
    return text.replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Back to what a reader sees."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_typed(world: World, text: str) -> str:
    """What a person typed, as it travels: mentions and links as markup, the rest escaped.

    `@Name` of somebody the world knows becomes a mention, as it does when one is picked from the list.
    """
    for user in world.users.values():
        names = "|".join(re.escape(name) for name in {user.name, user.real_name})
        text = re.sub(rf"(?<![\w<@])@(?:{names})(?!\w)", f"<@{user.id}>", text, flags=re.IGNORECASE)
    pieces, end = [], 0
    for match in MARKUP.finditer(text):
        pieces += [_linked(text[end : match.start()]), match.group()]
        end = match.end()
    return "".join([*pieces, _linked(text[end:])])


def _linked(text: str) -> str:
    pieces, end = [], 0
    for match in BARE_URL.finditer(text):
        pieces += [escape(text[end : match.start()]), f"<{match.group()}>"]
        end = match.end()
    return "".join([*pieces, escape(text[end:])])


def mentions(text: str, user: str) -> bool:
    """Whether wire text mentions this user id."""
    return re.search(rf"<@{re.escape(user)}(?:\|[^>]*)?>", text) is not None


def rich_text(world: World, text: str) -> Json:
    """The one block that Slack makes of plain wire text."""
    elements: list[Json] = []
    end = 0
    for match in MARKUP.finditer(text):
        if plain := text[end : match.start()]:
            elements.append({"type": "text", "text": unescape(plain)})
        elements.append(_markup(match.group()[1:-1]))
        end = match.end()
    if plain := text[end:]:
        elements.append({"type": "text", "text": unescape(plain)})
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "block_id": world.code(5), "elements": [section]}


def _markup(inner: str) -> Json:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target in {"!here", "!channel", "!everyone"}:
        return {"type": "broadcast", "range": target[1:]}
    if target.startswith("!"):
        return {"type": "text", "text": label or target}
    link: Json = {"type": "link", "url": target}
    return {**link, "text": label} if label else link
