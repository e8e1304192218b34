"""The vendor's own recordings, where they are at hand, go through the door."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.core.events import Event, MessageReceived
from handlers.slack.parsing import SlackDoor
from handlers.slack.wire import delivery_from_http

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
CONTRACTS = Path(__file__).resolve().parents[4] / "shared" / "contracts"
PAYLOADS = CONTRACTS / "slack-payloads"
SHAPES = CONTRACTS / "slack-shapes"

pytestmark = pytest.mark.skipif(not CONTRACTS.is_dir(), reason="../shared/contracts is not at hand")


def parsed(payload: dict[str, Any]) -> list[Event]:
    form = payload.get("_form")
    if isinstance(form, dict):
        content_type, body = "application/x-www-form-urlencoded", urlencode(form).encode()
    elif payload.get("type") == "event_callback":
        content_type, body = "application/json", json.dumps(payload).encode()
    else:
        content_type = "application/x-www-form-urlencoded"
        body = urlencode({"payload": json.dumps(payload)}).encode()
    delivery = delivery_from_http({"Content-Type": content_type}, body, NOW)
    return list(SlackDoor().parse(delivery))


def recorded(name: str) -> dict[str, Any]:
    payload = json.loads((PAYLOADS / f"{name}.json").read_text())
    assert isinstance(payload, dict)
    return payload


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json")) if folder.is_dir() else []


@pytest.mark.parametrize("path", files(PAYLOADS), ids=lambda path: path.stem)
def test_every_recording_is_understood(path: Path) -> None:
    payload = json.loads(path.read_text())
    for event in parsed(payload):
        assert isinstance(event, MessageReceived)
        assert event.address.workspace in {"T111", "T-auth"}


@pytest.mark.parametrize(
    ("name", "text", "is_mention", "is_bot"),
    [
        ("message.message_body", "Hello World!", False, False),
        ("events.app_mention_body", "Hi there!", True, False),
        ("message_bot.user_message_event_payload", "Hi there! Thanks for sharing the info!", False, True),
        (
            "message_bot.classic_bot_message_event_payload",
            "Hi there! Thanks for sharing the info!",
            False,
            True,
        ),
    ],
)
def test_recorded_messages_are_heard(name: str, text: str, is_mention: bool, is_bot: bool) -> None:  # noqa: FBT001 - a table of cases
    (event,) = parsed(recorded(name))
    assert isinstance(event, MessageReceived)
    assert (event.text, event.is_mention, event.is_bot) == (text, is_mention, is_bot)


@pytest.mark.parametrize(
    "name",
    [
        "message_changed.event_payload",
        "message_deleted.event_payload",
        "events.join_event_body",
        "block_actions.body",  # a button of somebody else's
        "slash_command.slash_command_body",
        "view_submission.body",
        "shortcut.message_shortcut_body",
    ],
)
def test_recordings_of_nothing_said_are_no_event(name: str) -> None:
    assert parsed(recorded(name)) == []


def filled(shape: Any, name: str = "") -> Any:
    """A shape with every blank id and timestamp filled in, so that it reaches the parser's end."""
    if isinstance(shape, dict):
        return {key: filled(value, key) for key, value in shape.items()}
    if isinstance(shape, list):
        return [filled(value, name) for value in shape]
    if shape == "" and name.endswith("ts"):
        return "1793707200.000100"
    if shape == "" and name in {"id", "user", "channel", "team_id", "user_id", "event_id", "bot_id"}:
        return "X111"
    return shape


@pytest.mark.parametrize(
    "path", [*files(SHAPES / "events"), *files(SHAPES / "app-backend")], ids=lambda path: path.stem
)
def test_every_shape_slack_may_send_passes_through(path: Path) -> None:
    shape = json.loads(path.read_text())
    payload = filled(shape)
    if path.parent.name == "events":
        payload |= {"type": "event_callback", "event_id": "Ev1", "team_id": "T1"}
    events = parsed(payload)
    spoken = {"MessagePayload", "MessageFileSharePayload", "MessageThreadBroadcastPayload"}
    expected = spoken | {"MessageBotPayload", "AppMentionPayload"}
    assert bool(events) == (path.stem in expected)
