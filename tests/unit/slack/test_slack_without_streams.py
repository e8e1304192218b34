"""Where Slack has no streams nothing is shown, and it is not asked again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from slack_listener import Answer, listening

from bot.core.effects import Stage
from bot.core.errors import Rejected
from bot.core.model import Address, OrganisationId, PersonRef, Text, customer
from handlers.slack.client import open_client
from handlers.slack.rooms import SlackRooms

ACME = customer(OrganisationId("acme"))
TEXT = Text(body="Restart it.", audience=ACME)
STAGE = Stage(
    address=Address(door="slack", workspace="T1", room="C1", thread="1793707200.000100"),
    room=ACME,
    asker=PersonRef(door="slack", workspace="T2", user="U2"),
    sure=0.0,
    since=datetime(2026, 11, 3, 12, 0, tzinfo=UTC),
    is_live=True,
)


@pytest.mark.parametrize("error", ["channel_type_not_supported", "unknown_method"])
async def test_a_room_that_has_none_is_remembered(error: str) -> None:
    async with listening() as listener, open_client("xoxb-1", base_url=listener.url) as client:
        listener.script("chat.startStream", Answer({"ok": False, "error": error}))
        rooms = SlackRooms(client)
        assert [await rooms.begin_showing(STAGE, TEXT) for _ in range(2)] == [None, None]
    assert len(listener.called("chat.startStream")) == 1


async def test_another_refusal_is_not() -> None:
    async with listening() as listener, open_client("xoxb-1", base_url=listener.url) as client:
        listener.script(
            "chat.startStream",
            Answer({"ok": False, "error": "restricted_action"}),
            Answer({"ok": True, "ts": "1793707300.000200"}),
        )
        rooms = SlackRooms(client)
        with pytest.raises(Rejected):
            await rooms.begin_showing(STAGE, TEXT)
        assert await rooms.begin_showing(STAGE, TEXT) == "1793707300.000200"

    (_, begun) = listener.called("chat.startStream")
    assert (begun["recipient_team_id"], begun["recipient_user_id"]) == ("T2", "U2")
    assert begun["thread_ts"] == "1793707200.000100"
    assert begun["unfurl_links"] is False
