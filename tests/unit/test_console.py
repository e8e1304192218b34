from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from bot.core.effects import PostReply, Purpose, ReplyButton
from bot.core.errors import AudienceViolation, MalformedDelivery
from bot.core.events import Button, ButtonPressed, MessageReceived
from bot.core.model import INTERNAL, PUBLIC, ConversationId, Text
from bot.core.ports import Attempt, Delivery
from handlers.console import ConsoleDoor, ConsoleRooms, console_address, console_message, console_press

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
ONCE = Attempt(key="effect-1", number=1, now=NOW)


def reply(text: Text) -> PostReply:
    return PostReply(
        conversation=ConversationId(1),
        address=console_address("1"),
        room=PUBLIC,
        text=text,
        purpose=Purpose.ANSWER,
        buttons=(ReplyButton(button=Button.HELPED, value="7"),),
    )


def test_a_typed_line_is_a_message_to_the_bot() -> None:
    (event,) = ConsoleDoor().parse(console_message("hello", id="2", thread="1", now=NOW))
    assert isinstance(event, MessageReceived)
    assert (event.text, event.source, event.is_mention, event.starts_thread) == (
        "hello",
        "console:2",
        True,
        False,
    )
    assert event.address == console_address("1")


def test_a_chosen_button_is_a_press() -> None:
    delivery = console_press(Button.OPEN_TICKET, "7", id="3", thread="1", now=NOW)
    (event,) = ConsoleDoor().parse(delivery)
    assert isinstance(event, ButtonPressed)
    assert (event.button, event.value, event.pressed_at) == (Button.OPEN_TICKET, "7", NOW)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"kind":"message","id":1,"thread":"1","text":"x"}'])
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        ConsoleDoor().parse(
            Delivery(door="console", id="1", lane="1", headers={}, body=body, received_at=NOW)
        )


async def test_a_reply_is_printed_with_its_buttons_and_without_escape_sequences() -> None:
    stream = io.StringIO()
    text = Text(body="Restart it.\n\x1b[2JDone.", audience=PUBLIC)
    assert await ConsoleRooms(stream).post_reply(reply(text), ONCE) == "effect-1"
    assert stream.getvalue() == "Restart it.\n[2JDone.\n  [/helped 7]\n"


async def test_an_internal_text_is_not_printed_to_a_public_room() -> None:
    stream = io.StringIO()
    with pytest.raises(AudienceViolation):
        await ConsoleRooms(stream).post_reply(reply(Text(body="secret", audience=INTERNAL)), ONCE)
    assert stream.getvalue() == ""
