"""Slack's twin: a server that Slack's own client libraries take for Slack."""

from bot.sandbox.slack.building import a_workspace, add_channel, add_file, add_team, add_user, an_empty_world
from bot.sandbox.slack.gestures import NotPossible
from bot.sandbox.slack.personas import Change
from bot.sandbox.slack.things import Button, Channel, ChannelKind, TwinFile, TwinMessage, User
from bot.sandbox.slack.twin import SlackTwin
from bot.sandbox.slack.world import World

__all__ = [
    "Button",
    "Change",
    "Channel",
    "ChannelKind",
    "NotPossible",
    "SlackTwin",
    "TwinFile",
    "TwinMessage",
    "User",
    "World",
    "a_workspace",
    "add_channel",
    "add_file",
    "add_team",
    "add_user",
    "an_empty_world",
]
