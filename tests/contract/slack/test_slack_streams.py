"""Answers that are seen growing in Slack, by our rooms: begun, completed, found again, taken away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from test_slack_door_and_twin import ACME, ROOM, Desk, asked, desk

from bot.core.effects import ReplyButton, Stage, WithdrawShown
from bot.core.errors import AudienceViolation, RateLimited, Rejected, Unavailable
from bot.core.events import Button
from bot.core.model import INTERNAL, ConversationId, OrganisationId, PersonRef, Shown, Text, customer
from bot.core.ports import LiveRooms
from bot.sandbox.faults import FaultKind
from bot.sandbox.slack.calls import Call, Refused
from bot.sandbox.slack.things import Json

__all__ = ["desk"]

OFFER = ReplyButton(button=Button.HELPED, value="1")


def a_stage(desk: Desk, thread: str, **changes: Any) -> Stage:
    carol = desk.twin.world.user("carol")
    values: dict[str, Any] = {
        "address": desk.address(thread),
        "room": ACME,
        "asker": PersonRef(door="slack", workspace=carol.team_id, user=carol.id),
        "sure": 0.0,
        "since": desk.time.now(),
        "is_live": True,
        **changes,
    }
    return Stage(**values)


def words(body: str) -> Text:
    return Text(body=body, audience=ACME)


async def begun(desk: Desk) -> tuple[str, str]:
    thread = await asked(desk)
    message = await desk.rooms.begin_showing(a_stage(desk, thread), words("Restart"))
    assert message is not None
    return thread, message


def test_slack_is_a_channel_that_can_show_it(desk: Desk) -> None:
    assert isinstance(desk.rooms, LiveRooms)


@pytest.mark.parametrize("is_known", [True, False])
async def test_the_reply_takes_the_place_of_what_was_shown(desk: Desk, is_known: bool) -> None:  # noqa: FBT001 - both
    thread, message = await begun(desk)
    await desk.rooms.show_more(a_stage(desk, thread), message, words(" it <!channel>."))
    shown = Shown(message=message if is_known else None, since=desk.time.now())
    reply = desk.reply(thread, buttons=(OFFER,), shown=shown)
    for number in (1, 2):  # the second time it is found to be done
        assert await desk.rooms.post_reply(reply, desk.attempt(number)) == message

    (said,) = desk.said_by_bot(thread)
    assert (said.ts, said.is_streaming) == (message, False)
    assert [block["type"] for block in said.blocks] == ["markdown", "actions"]
    assert said.blocks[0]["text"] == "Restart it."
    assert said.metadata is not None
    assert said.edited is None


async def test_what_is_shown_mentions_nobody(desk: Desk) -> None:
    thread = await asked(desk)
    message = await desk.rooms.begin_showing(
        a_stage(desk, thread), words("Hello <!channel> and <@U0ADA0000>")
    )
    assert message is not None
    assert "<!channel>" not in desk.said_by_bot(thread)[0].text
    assert "<@" not in desk.said_by_bot(thread)[0].text


async def test_a_shown_message_that_somebody_deleted_is_posted_anew(desk: Desk) -> None:
    thread, message = await begun(desk)
    desk.twin.world.delete(desk.said_by_bot(thread)[0], user="U0ADMIN00")
    reply = desk.reply(thread, shown=Shown(message=message, since=desk.time.now()))
    ts = await desk.rooms.post_reply(reply, desk.attempt())

    assert ts != message
    assert [said.ts for said in desk.said_by_bot(thread)] == [ts]


async def test_only_what_was_begun_and_never_completed_is_found(desk: Desk) -> None:
    """Replies and older beginnings are not; where there is nothing the reply is posted."""
    thread, _ = await begun(desk)
    desk.time.at += timedelta(minutes=1)
    posted = await desk.rooms.post_reply(desk.reply(thread, "Earlier."), desk.attempt(key="effect-1"))
    shown = Shown(message=None, since=desk.time.now())
    ts = await desk.rooms.post_reply(desk.reply(thread, shown=shown), desk.attempt(key="effect-2"))
    assert len({posted, ts}) == 2
    assert [said.blocks[0]["text"] for said in desk.said_by_bot(thread)] == [
        "Restart",
        "Earlier.",
        "Restart it.",
    ]


@pytest.mark.parametrize("is_known", [True, False])
async def test_what_was_shown_is_taken_away(desk: Desk, is_known: bool) -> None:  # noqa: FBT001 - both
    thread, message = await begun(desk)
    shown = Shown(message=message if is_known else None, since=desk.time.now())
    effect = WithdrawShown(conversation=ConversationId(1), address=desk.address(thread), shown=shown)
    for number in (1, 2):
        await desk.rooms.withdraw_shown(effect, desk.attempt(number))

    assert desk.said_by_bot(thread) == []


async def test_a_room_that_was_given_away_keeps_nothing(desk: Desk) -> None:
    thread, message = await begun(desk)
    reply = desk.reply(thread, shown=Shown(message=message, since=desk.time.now()))
    given_away = replace(reply, room=customer(OrganisationId("zeta")))
    with pytest.raises(AudienceViolation):
        await desk.rooms.post_reply(given_away, desk.attempt())

    assert desk.said_by_bot(thread) == []


async def test_nobody_is_shown_what_they_may_not_read(desk: Desk) -> None:
    thread = await asked(desk)
    secret = Text(body="secret", audience=INTERNAL)
    with pytest.raises(AudienceViolation):
        await desk.rooms.begin_showing(a_stage(desk, thread), secret)
    message = await desk.rooms.begin_showing(a_stage(desk, thread), words("Restart"))
    assert message is not None
    with pytest.raises(AudienceViolation):
        await desk.rooms.show_more(a_stage(desk, thread), message, secret)
    assert "secret" not in str(desk.said_by_bot(thread))


@pytest.mark.parametrize(
    ("kind", "error", "stands"),
    [
        (FaultKind.RATE_LIMITED, RateLimited, 0),
        (FaultKind.TIMEOUT_BEFORE, Unavailable, 0),
        (FaultKind.TIMEOUT_AFTER, Unavailable, 1),
    ],
)
async def test_a_beginning_that_fails_says_whether_it_may_stand_there(
    desk: Desk, kind: FaultKind, error: type[Exception], stands: int
) -> None:
    thread = await asked(desk)
    desk.twin.faults.fail_next("chat.startStream", kind)
    with pytest.raises(error):
        await desk.rooms.begin_showing(a_stage(desk, thread), words("Restart"))

    assert len(desk.said_by_bot(thread)) == stands


async def test_a_stranger_whom_slack_does_not_know_is_refused(desk: Desk) -> None:
    thread = await asked(desk)
    stranger = PersonRef(door="slack", workspace="T0NOWHERE0", user="U0NOBODY00")
    with pytest.raises(Rejected):
        await desk.rooms.begin_showing(a_stage(desk, thread, asker=stranger), words("Restart"))
    assert desk.said_by_bot(thread) == []


async def test_a_workspace_that_forbids_edits_gets_a_new_message(desk: Desk) -> None:
    thread, message = await begun(desk)
    methods = desk.twin.web_api.methods
    methods["chat.update"] = replace(methods["chat.update"], run=_edits_are_closed)
    reply = desk.reply(thread, shown=Shown(message=message, since=desk.time.now()))
    ts = await desk.rooms.post_reply(reply, desk.attempt())

    assert ts != message
    assert [said.ts for said in desk.said_by_bot(thread)] == [ts]


def _edits_are_closed(_: Call) -> Json:
    raise Refused("edit_window_closed")


def test_the_room_of_these_stories(desk: Desk) -> None:
    assert desk.twin.world.channel(ROOM).is_ext_shared
