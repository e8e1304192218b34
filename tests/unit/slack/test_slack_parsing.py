from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from slack_signing import FORM, NOW, event_body, interaction_body, message, press

from bot.core.errors import MalformedDelivery
from bot.core.events import Button, ButtonPressed, Event, MessageReceived
from bot.core.model import Address, PersonRef
from handlers.slack.parsing import SlackDoor
from handlers.slack.wire import delivery_from_http


def parsed(event: Mapping[str, Any], door: SlackDoor | None = None, **outer: Any) -> list[Event]:
    delivery = delivery_from_http({}, event_body(dict(event), **outer), NOW)
    return list((door or SlackDoor()).parse(delivery))


def received(event: Mapping[str, Any], door: SlackDoor | None = None, **outer: Any) -> MessageReceived:
    (only,) = parsed(event, door, **outer)
    assert isinstance(only, MessageReceived)
    return only


def pressed(payload: Mapping[str, Any]) -> list[ButtonPressed]:
    body = interaction_body(dict(payload))
    events = SlackDoor().parse(delivery_from_http({"content-type": FORM}, body, NOW))
    return [event for event in events if isinstance(event, ButtonPressed)]


def test_a_message_is_heard() -> None:
    assert received(message("How do I &lt;deploy&gt;?")) == MessageReceived(
        address=Address(door="slack", workspace="T_HOME", room="C1", thread="1793707200.000100"),
        source="slack:1793707200.000100",
        author=PersonRef(door="slack", workspace="T_HOME", user="U1"),
        text="How do I <deploy>?",
        sent_at=datetime(2026, 11, 3, 12, 0, 0, 100, tzinfo=UTC),
        is_mention=False,
        is_bot=False,
        starts_thread=True,
        files=(),
    )


def test_a_mention_told_twice_is_the_same_message() -> None:
    as_message = received(message("<@UBOT> help <@U7>"))
    as_mention = received({**message("<@UBOT> help <@U7>"), "type": "app_mention", "channel_type": None})
    assert as_message == as_mention
    assert as_message.text == "help @U7"
    assert as_message.is_mention


def test_a_mention_without_a_known_bot_user_is_the_leading_one() -> None:
    heard = received({**message("<@U9> help <@U7>"), "type": "app_mention"}, authorizations=[])
    assert (heard.text, heard.is_mention) == ("help @U7", True)


def test_a_mention_of_somebody_else_is_none_of_us() -> None:
    assert not received(message("<@UBOTTOM> help")).is_mention


def test_bot_users_known_beforehand_are_mentions_too() -> None:
    door = SlackDoor(bot_users=frozenset({"UOTHERBOT"}))
    assert received(message("<@UOTHERBOT> help"), door, authorizations=[]).text == "help"


def test_a_users_authorization_is_no_bot() -> None:
    granted = [{"team_id": "T_HOME", "user_id": "U7", "is_bot": False}]
    assert not received(message("<@U7> help"), authorizations=granted).is_mention


def test_a_direct_message_is_addressed_to_us() -> None:
    assert received(message("help", channel_type="im")).is_mention


def test_a_reply_stays_in_its_thread() -> None:
    heard = received(message("and?", thread_ts="1793700000.000001"))
    assert heard.address.thread == "1793700000.000001"
    assert not heard.starts_thread


def test_a_parent_of_replies_still_starts_its_thread() -> None:
    assert received(message("hello", thread_ts="1793707200.000100")).starts_thread


@pytest.mark.parametrize(
    "home",
    [
        {"user_team": "T_CUSTOMER", "source_team": "T_CUSTOMER", "team": "T_HOME"},
        {"source_team": "T_CUSTOMER", "team": "T_HOME"},
        {"team": "T_CUSTOMER"},
    ],
)
def test_a_connect_user_has_their_own_workspace_and_the_room_has_ours(home: dict[str, str]) -> None:
    heard = received({**message("help"), **home}, is_ext_shared_channel=True, team_id="T_HOME")
    assert heard.author.workspace == "T_CUSTOMER"
    assert heard.address.workspace == "T_HOME"


def test_the_room_belongs_to_the_first_authorization() -> None:
    granted = [{"team_id": "T_HOME", "user_id": "UBOT", "is_bot": True}, {"team_id": "T_OTHER"}]
    heard = received(message("help"), team_id="T_OTHER", authorizations=granted)
    assert heard.address.workspace == "T_HOME"


def test_an_author_without_a_workspace_is_from_the_installing_one() -> None:
    event = message("help")
    del event["team"]
    assert received(event).author.workspace == "T_HOME"


def test_an_organisation_stands_in_for_a_missing_workspace() -> None:
    granted = [{"team_id": None, "enterprise_id": "E1", "user_id": "UBOT", "is_bot": True}]
    assert received(message("help"), team_id=None, authorizations=granted).address.workspace == "E1"


@pytest.mark.parametrize(
    "fields",
    [
        {"bot_id": "B1"},
        {"app_id": "A1"},
        {"user": "UBOT"},
        {"subtype": "bot_message", "bot_id": "B1", "user": None},
    ],
)
def test_programs_are_marked_as_programs(fields: dict[str, str]) -> None:
    assert received(message("beep", **fields)).is_bot


def test_a_classic_bot_is_known_by_its_bot_id() -> None:
    assert received(message("beep", subtype="bot_message", bot_id="B1", user=None)).author.user == "B1"


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast"])
def test_files_and_broadcast_replies_are_messages(subtype: str) -> None:
    assert received(message("look", subtype=subtype)).text == "look"


def test_files_are_named_and_connect_stubs_by_their_id() -> None:
    files = [
        {"id": "F1", "name": "log.txt"},
        {"id": "F2", "mode": "file_access", "file_access": "check_file_info"},
        "nonsense",
    ]
    assert received(message("look", subtype="file_share", files=files)).files == ("log.txt", "F2")


def test_a_forwarded_message_says_what_it_forwards() -> None:
    attachments = [{"is_share": True, "text": "it is down", "fallback": "it is down"}, {"fallback": "x"}]
    assert received(message("", attachments=attachments)).text == "it is down\nx"


@pytest.mark.parametrize(
    "event",
    [
        message("new", subtype="message_changed", message={"ts": "1.2", "text": "new"}),
        message("", subtype="message_deleted", deleted_ts="1.2"),
        message("", subtype="channel_join"),
        message("", subtype=["list"]),
        {"type": "reaction_added", "user": "U1", "item": {"channel": "C1", "ts": "1.2"}},
        {"type": "member_joined_channel", "user": "U1", "channel": "C1"},
        {"type": "message", "channel": "C1", "ts": "1.2", "text": "nobody said this"},
    ],
)
def test_what_nobody_said_is_no_event(event: dict[str, Any]) -> None:
    assert parsed(event) == []


@pytest.mark.parametrize("fields", [{"channel": None}, {"ts": None}, {"ts": "yesterday"}, {"ts": 5}])
def test_a_message_from_nowhere_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedDelivery):
        parsed(message("help", **fields))


def test_a_button_pressed_by_a_connect_user_names_both_workspaces() -> None:
    assert pressed(press()) == [
        ButtonPressed(
            button=Button.OPEN_TICKET,
            address=Address(door="slack", workspace="T_HOME", room="C1", thread="1793707200.000100"),
            presser=PersonRef(door="slack", workspace="T_CUSTOMER", user="U2"),
            value="12",
            message="1793707300.000200",
            pressed_at=datetime(2026, 11, 3, 12, 3, 20, 300, tzinfo=UTC),
        )
    ]


def test_a_button_says_who_pressed_it_as_slack_shows_them() -> None:
    (only,) = pressed(press(user={"id": "U2", "team_id": "T_CUSTOMER", "username": "carol"}))
    assert only.presser_name == "carol"
    (nameless,) = pressed(press(user={"id": "U2", "team_id": "T_CUSTOMER", "username": 7}))
    assert nameless.presser_name == ""


def test_a_button_under_a_top_level_message_is_in_that_messages_thread() -> None:
    (only,) = pressed(press(message={"ts": "1793707300.000200"}))
    assert only.address.thread == "1793707300.000200"


@pytest.mark.parametrize(
    "fields",
    [
        {"actions": [{"action_id": "somebody_elses", "value": "1"}]},
        {"actions": [{"action_id": "helped"}]},
        {"actions": None},
        {"user": None},
        {"container": {"type": "view", "view_id": "V1"}, "message": None, "channel": None},
    ],
)
def test_other_buttons_are_no_event(fields: dict[str, Any]) -> None:
    assert pressed(press(**fields)) == []


@pytest.mark.parametrize("kind", ["view_submission", "message_action", "app_rate_limited", None, 7])
def test_other_requests_are_no_event(kind: object) -> None:
    assert pressed(press(type=kind)) == []
