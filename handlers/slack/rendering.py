"""Replies as Slack's blocks. Pure: the same effect always gives the same JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.effects import EditReply, PostReply, ReplyButton
from bot.core.events import Button
from bot.core.model import PersonRef
from handlers.slack.mrkdwn import escaped, harmless

# A markdown block takes 12,000 characters, all blocks together about 13,200, which only the error tells:
# https://docs.slack.dev/reference/block-kit/blocks/markdown-block/
# https://github.com/slackapi/bolt-js/issues/2509
MARKDOWN_LIMIT = 11_500
FALLBACK_LIMIT = 1_000  # notifications and screen readers; Slack itself cuts a text at 4,000
MENTIONS_LIMIT = 20  # people in front of a message; a section takes 3,000 characters
SHORTENED = "\n\n_This message was too long for Slack and ends here._"
EVENT_TYPE = "deskbell_effect"

LABELS = {
    Button.OPEN_TICKET: "Open a ticket",
    Button.HELPED: "That helped",
    Button.NOT_HELPED: "Not helpful",
    Button.USE_DRAFT: "Use",
    Button.IGNORE_DRAFT: "Ignore",
    Button.ACKNOWLEDGE: "Acknowledge",
    Button.SNOOZE_SHORT: "Snooze 30 min",
    Button.SNOOZE_LONG: "Snooze 1 h",
}
_GROUP = re.compile(r"S[A-Z0-9]{1,20}", re.ASCII)
_USER = re.compile(r"[UW][A-Z0-9]{1,20}", re.ASCII)
_FENCE = "```"

Blocks = list[dict[str, Any]]


def render_reply(effect: PostReply, *, key: str) -> dict[str, Any]:
    """The arguments of chat.postMessage; `key` is found again after an attempt with an unknown end."""
    calls = _mentions(effect.mentions, effect.groups)
    spoken = [_section(calls)] if calls else []
    return {
        **posted(effect.address.room, effect.address.thread, key=key),
        "text": f"{calls} {fallback(effect.text.body)}".strip(),
        "blocks": [*spoken, _markdown(effect.text.body), *_actions(effect.buttons)],
    }


def render_edit(effect: EditReply) -> dict[str, Any]:
    """The arguments of chat.update. Buttons that are not given again go: what was asked has been answered."""
    return {
        "channel": effect.address.room,
        "ts": effect.message,
        "text": fallback(effect.text.body),
        "blocks": [_markdown(effect.text.body), *_actions(effect.buttons)],
        "link_names": False,
        "parse": "none",
    }


def render_completion(effect: PostReply, *, message: str, key: str) -> dict[str, Any]:
    """The arguments of chat.update for a reply that takes the place of what is shown already."""
    whole = render_reply(effect, key=key)
    kept = ("channel", "text", "blocks", "link_names", "parse", "metadata")
    return {"ts": message, **{name: whole[name] for name in kept}}


def posted(room: str, thread: str, *, key: str) -> dict[str, Any]:
    """What every message of ours is posted with: a place, a key, no previews, no names turned into links."""
    place = {"channel": room, "thread_ts": thread} if thread else {"channel": room}
    return {
        **place,
        "unfurl_links": False,
        "unfurl_media": False,
        "link_names": False,
        "parse": "none",
        "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": key}},
    }


def carries(message: Mapping[str, Any], key: str) -> bool:
    """Whether a message from the history was posted with this key."""
    if not is_keyed(message):
        return False
    payload = message["metadata"].get("event_payload")
    return isinstance(payload, dict) and payload.get("key") == key


def is_keyed(message: Mapping[str, Any]) -> bool:
    """Whether a message from the history was posted with any key of ours."""
    metadata = message.get("metadata")
    return isinstance(metadata, dict) and metadata.get("event_type") == EVENT_TYPE


def fallback(text: str) -> str:
    """The text where blocks are not shown: notifications, search, screen readers."""
    shown = harmless(text)
    shown = shown if len(shown) <= FALLBACK_LIMIT else f"{shown[: FALLBACK_LIMIT - 1]}…"
    return escaped(shown)


def _markdown(text: str) -> dict[str, Any]:
    # Slack translates standard Markdown itself, tables included, and so nothing here converts it.
    return {"type": "markdown", "text": _fitted(harmless(text)) or "…"}


def _fitted(text: str) -> str:
    """The text, or its beginning up to a line's end and a sentence that says so."""
    if len(text) <= MARKDOWN_LIMIT:
        return text
    room = MARKDOWN_LIMIT - len(SHORTENED) - len(_FENCE) - 1
    whole, newline, _ = text[:room].rpartition("\n")
    kept = whole if newline and len(whole) > room // 2 else text[:room]
    is_open = kept.count(_FENCE) % 2 == 1
    return f"{kept}\n{_FENCE}{SHORTENED}" if is_open else f"{kept}{SHORTENED}"


def _mentions(people: Sequence[PersonRef], groups: Sequence[str]) -> str:
    """The only mentions that ever leave: people and groups whom the core decided to notify."""
    users = dict.fromkeys(person.user for person in people if _USER.fullmatch(person.user))
    # https://docs.slack.dev/messaging/formatting-message-text#mentioning-groups
    asked = [f"<!subteam^{group}>" for group in dict.fromkeys(groups) if _GROUP.fullmatch(group)]
    return " ".join([*asked, *(f"<@{user}>" for user in users)][:MENTIONS_LIMIT])


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _actions(buttons: Sequence[ReplyButton]) -> Blocks:
    if not buttons:
        return []
    return [{"type": "actions", "elements": [_button(each) for each in buttons]}]


def _button(offered: ReplyButton) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "button",
        "action_id": offered.button.value,
        "text": {"type": "plain_text", "text": LABELS[offered.button]},
        "value": offered.value,
    }
    if offered.button in (Button.ACKNOWLEDGE, Button.USE_DRAFT):
        element["style"] = "primary"
    return element
