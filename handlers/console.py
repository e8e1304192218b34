"""The terminal as a channel, for `python -m bot chat`, and the smallest example of a door.

A door is three things: something that makes deliveries, a `Door` that parses them, and `Rooms` that speak.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

from bot.core.effects import EditReply, IdentifyPerson, PostReply, ShowStatus
from bot.core.errors import AudienceViolation, MalformedDelivery
from bot.core.events import Button, ButtonPressed, Event, MessageReceived
from bot.core.model import Address, Audience, Person, PersonRef
from bot.core.ports import Attempt, Delivery
from bot.core.replies import ticket_label

DOOR = "console"
ROOM = "terminal"
USER = "you"


def console_address(thread: str) -> Address:
    """Where a conversation in the terminal lives; `thread` is the number of its first message."""
    return Address(door=DOOR, workspace="local", room=ROOM, thread=thread)


def console_message(text: str, *, id: str, thread: str, now: datetime) -> Delivery:
    """One line that was typed."""
    return _delivery({"kind": "message", "id": id, "thread": thread, "text": text}, now)


def console_press(button: Button, value: str, *, id: str, thread: str, now: datetime) -> Delivery:
    """A button that was chosen; `id` is of the press."""
    return _delivery({"kind": "press", "id": id, "thread": thread, "button": button, "value": value}, now)


class ConsoleDoor:
    """Bytes in, events out."""

    @property
    def name(self) -> str:
        """`Delivery.door` of ours."""
        return DOOR

    def parse(self, delivery: Delivery) -> Sequence[Event]:
        """One event for each delivery."""
        try:
            frame = json.loads(delivery.body)
            return [_event(frame, delivery.received_at)]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise MalformedDelivery("not a frame of the console") from None


class ConsoleRooms:
    """Effects in, lines out. The reader is whoever sits at the terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    async def post_reply(self, effect: PostReply, attempt: Attempt) -> str:
        """Print it, with its buttons as commands."""
        _check(effect.text.audience, effect.room)
        called = "".join(f"@{person.user} " for person in effect.mentions)
        self._print(f"{called}{effect.text.body}")
        for offered in effect.buttons:
            self._print(f"  [/{offered.button.value} {offered.value}]")
        return attempt.key

    async def edit_reply(self, effect: EditReply, attempt: Attempt) -> None:  # noqa: ARG002 - the port's signature
        """A terminal cannot take words back: the new ones follow."""
        _check(effect.text.audience, effect.room)
        self._print(effect.text.body)
        for offered in effect.buttons:
            self._print(f"  [/{offered.button.value} {offered.value}]")

    async def show_status(self, effect: ShowStatus, attempt: Attempt) -> str:
        """One line about the ticket."""
        if effect.view is not None:
            view = effect.view
            self._print(
                f"[{ticket_label(view.ticket)} {view.status.value} {view.priority.value}] {view.subject}"
            )
        return effect.card or attempt.key

    async def identify(self, effect: IdentifyPerson, attempt: Attempt) -> Person:  # noqa: ARG002 - the port's signature
        """There is one person."""
        return Person(ref=effect.ref, name=effect.ref.user)

    async def permalink(self, address: Address) -> str | None:  # noqa: ARG002 - the port's signature
        """A terminal has no links."""
        return None

    def _print(self, text: str) -> None:
        # Escape sequences in somebody's words would reach the terminal.
        shown = "".join(each for each in text if each.isprintable() or each in "\n\t")
        print(shown, file=self._stream, flush=True)


def _event(frame: Any, received_at: datetime) -> Event:
    address = console_address(_text(frame["thread"]))
    author = PersonRef(door=DOOR, workspace="local", user=USER)
    if frame["kind"] == "press":
        return ButtonPressed(
            button=Button(frame["button"]),
            address=address,
            presser=author,
            value=_text(frame["value"]),
            message=_text(frame["id"]),
            pressed_at=received_at,
        )
    return MessageReceived(
        address=address,
        source=f"{DOOR}:{_text(frame['id'])}",
        author=author,
        text=_text(frame["text"]),
        sent_at=received_at,
        is_mention=True,
        is_bot=False,
        starts_thread=frame["id"] == frame["thread"],
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _delivery(frame: dict[str, str], now: datetime) -> Delivery:
    return Delivery(
        door=DOOR,
        id=f"{frame['kind']}:{frame['id']}",
        lane=frame["thread"],
        headers={},
        body=json.dumps(frame).encode(),
        received_at=now,
    )


def _check(text: Audience, room: Audience) -> None:
    if not text.may_reach(room):
        raise AudienceViolation(f"{text} may not be said to {room}")
