"""Deliveries from Slack, understood: messages and button presses become events, the rest becomes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.errors import MalformedDelivery
from bot.core.events import Button, ButtonPressed, Event, MessageReceived
from bot.core.model import Address, PersonRef
from bot.core.ports import Delivery
from handlers.slack import mrkdwn
from handlers.slack.wire import DOOR, identifier, payload_of, record

# Of about thirty subtypes these, besides none, are people or programs speaking. An edit (message_changed) is
# not followed: it also fires for unfurls and thread replies. https://docs.slack.dev/reference/events/message/
SPOKEN = frozenset({"file_share", "thread_broadcast", "bot_message"})
_TS = re.compile(r"([0-9]{1,11})\.([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackDoor:
    """Slack's inward side. `bot_users` are our own bot's user ids, where they are known beforehand."""

    bot_users: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """`Delivery.door` of ours."""
        return DOOR

    def parse(self, delivery: Delivery) -> Sequence[Event]:
        """Zero events for everything that nobody said or pressed."""
        payload = payload_of(delivery)
        match payload.get("type"):
            case "event_callback":
                return self._spoken(payload)
            case "block_actions":
                return list(_presses(payload, delivery.received_at))
            case _:
                return []

    def _spoken(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        event = record(payload.get("event"))
        author = identifier(event.get("user"), event.get("bot_id"))
        if not _is_spoken(event) or not author:
            return []
        room, ts = identifier(event.get("channel")), identifier(event.get("ts"))
        workspace = installing_workspace(payload)
        if not room or not ts or not workspace:
            raise MalformedDelivery("a message without a workspace, a channel or a timestamp")
        thread = identifier(event.get("thread_ts")) or ts
        ours = self._bot_users(payload)
        text, is_mention = _addressed(event, ours)
        return [
            MessageReceived(
                address=Address(door=DOOR, workspace=workspace, room=room, thread=thread),
                # Slack tells a mention twice, as `message` and as `app_mention`, under one timestamp.
                source=f"{DOOR}:{ts}",
                author=PersonRef(door=DOOR, workspace=_home(event) or workspace, user=author),
                text=text,
                sent_at=moment(ts),
                is_mention=is_mention,
                is_bot=_is_program(event) or author in ours,
                starts_thread=thread == ts,
                files=tuple(_file_names(event)),
            )
        ]

    def _bot_users(self, payload: Mapping[str, Any]) -> Sequence[str]:
        authorizations = payload.get("authorizations")
        listed = authorizations if isinstance(authorizations, list) else []
        bots = (record(each) for each in listed)
        told = {identifier(bot.get("user_id")) for bot in bots if bot.get("is_bot") is True}
        return sorted((told | self.bot_users) - {""})


def installing_workspace(payload: Mapping[str, Any]) -> str:
    """The workspace that installed the app, whoever speaks in a Slack Connect channel.

    Events name it in their first authorization, which the outer `team_id` mirrors. Interactions name it in
    `team`, while the presser's own stands in `user.team_id`. An installation for a whole organisation may
    leave the team out; the organisation's id then takes its place.
    """
    # https://docs.slack.dev/apis/slack-connect/ · https://github.com/slackapi/java-slack-sdk/issues/1041
    authorizations = payload.get("authorizations")
    first = record(authorizations[0]) if isinstance(authorizations, list) and authorizations else {}
    return identifier(
        first.get("team_id"),
        payload.get("team_id"),
        record(payload.get("team")).get("id"),
        first.get("enterprise_id"),
        record(payload.get("enterprise")).get("id"),
    )


def moment(ts: str) -> datetime:
    """The instant in a Slack timestamp, exact to the microsecond."""
    match = _TS.fullmatch(ts)
    if not match:
        raise MalformedDelivery("a timestamp that is none")
    fraction = int(match[2][:6].ljust(6, "0"))
    return datetime.fromtimestamp(int(match[1]), UTC) + timedelta(microseconds=fraction)


def _home(event: Mapping[str, Any]) -> str:
    """The author's own workspace; an organisation's id for members of Enterprise Grid."""
    return identifier(event.get("user_team"), event.get("source_team"), event.get("team"))


def _is_spoken(event: Mapping[str, Any]) -> bool:
    subtype = event.get("subtype")
    return event.get("type") in ("message", "app_mention") and (
        subtype in (None, "") or (isinstance(subtype, str) and subtype in SPOKEN)
    )


def _addressed(event: Mapping[str, Any], ours: Sequence[str]) -> tuple[str, bool]:
    """The plain text without our mention, and whether we were spoken to; a direct message always is to us."""
    raw = _raw_text(event)
    is_called = event.get("type") == "app_mention"
    called = [user for user in ours if mrkdwn.mentions(raw, user)]
    if is_called and not ours:  # an installation that names no bot user: the leading mention must be us
        leading = re.match(r"\s*<@([A-Za-z0-9]+)(?:\|[^<>]*)?>", raw)
        called = [leading[1]] if leading else []
    for user in called:
        raw = mrkdwn.without_mention(raw, user)
    return mrkdwn.plain_text(raw), bool(called) or is_called or event.get("channel_type") == "im"


def _is_program(event: Mapping[str, Any]) -> bool:
    return event.get("subtype") == "bot_message" or bool(event.get("bot_id")) or bool(event.get("app_id"))


def _raw_text(event: Mapping[str, Any]) -> str:
    """The text; of a forwarded message or an alert, which have none, what their attachments say."""
    text = event.get("text")
    if isinstance(text, str) and text:
        return text
    attachments = event.get("attachments")
    attached = [record(each) for each in attachments] if isinstance(attachments, list) else []
    said = (each.get("text") or each.get("fallback") for each in attached)
    return "\n".join(each for each in said if isinstance(each, str))


def _file_names(event: Mapping[str, Any]) -> Iterator[str]:
    files = event.get("files")
    for file in files if isinstance(files, list) else []:
        described = record(file)
        # In Slack Connect channels a file is a stub of its id until files.info is asked.
        names = (described.get(field) for field in ("name", "title", "id"))
        name = next((each for each in names if isinstance(each, str) and each), "")
        if name:
            yield mrkdwn.storable(name)


def _presses(payload: Mapping[str, Any], received_at: datetime) -> Iterator[ButtonPressed]:
    message, container = record(payload.get("message")), record(payload.get("container"))
    user = record(payload.get("user"))
    room = identifier(record(payload.get("channel")).get("id"), container.get("channel_id"))
    ts = identifier(message.get("ts"), container.get("message_ts"))
    presser = identifier(user.get("id"))
    if not room or not ts or not presser:
        return  # a button in a modal or on a home tab is none of ours
    workspace = installing_workspace(payload)
    thread = identifier(message.get("thread_ts"), container.get("thread_ts")) or ts
    actions = payload.get("actions")
    for action in actions if isinstance(actions, list) else []:
        pressed = record(action)
        button = next((each for each in Button if each.value == pressed.get("action_id")), None)
        value = pressed.get("value")
        if button is None or not isinstance(value, str):
            continue
        yield ButtonPressed(
            button=button,
            address=Address(door=DOOR, workspace=workspace, room=room, thread=thread),
            presser=PersonRef(
                door=DOOR, workspace=identifier(user.get("team_id")) or workspace, user=presser
            ),
            value=mrkdwn.storable(value),
            message=ts,
            pressed_at=_pressed_at(pressed.get("action_ts"), received_at),
            presser_name=_shown_name(user),
        )


def _shown_name(user: Mapping[str, Any]) -> str:
    names = (user.get(field) for field in ("username", "name"))
    return mrkdwn.storable(next((each for each in names if isinstance(each, str) and each), ""))


def _pressed_at(action_ts: object, received_at: datetime) -> datetime:
    return moment(action_ts) if isinstance(action_ts, str) and _TS.fullmatch(action_ts) else received_at
