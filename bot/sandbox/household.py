"""The sandbox's own customer, people and rooms, as the files and variables an administrator would write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.sandbox.slack.twin import SlackTwin
from bot.sandbox.slack.world import World
from bot.sandbox.zendesk.twin import ZendeskTwin

CUSTOMER, COMMUNITY, AGENT, ON_CALL = "carol", "mia", "ada", "otto"
PEOPLE = (CUSTOMER, COMMUNITY, AGENT, ON_CALL)
SUPPORT, OPEN, TRIAGE = "acme-support", "community", "triage"
CHANNELS = (SUPPORT, OPEN, TRIAGE)


PolicyFiles = dict[str, str]  #: text by file name


def write_policies(directory: Path, files: PolicyFiles) -> None:
    """An overlay directory like anybody's."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")


def with_cards(_: World, files: PolicyFiles) -> None:
    """The room for escalations shows a card of every ticket, too."""
    files["channels.toml"] = files["channels.toml"].replace(
        "escalations = true", "escalations = true\ncards = true"
    )


def policy_files(world: World, *, desk_id: str | None = None) -> PolicyFiles:
    """What an administrator would write about the people of this workspace."""
    team = world.home.id
    desk = f'desk_id = "{desk_id}"\n' if desk_id else ""
    return {
        "organisations.toml": f'[acme]\nname = "Acme"\ntier = "Enterprise"\n{desk}',
        "channels.toml": "\n".join(
            (
                _room("acme", team, world.channel(SUPPORT).id, 'kind = "customer"\norganisation = "acme"'),
                _room("community", team, world.channel(OPEN).id, 'kind = "community"\nanswers = "every"'),
                _room("triage", team, world.channel(TRIAGE).id, 'kind = "internal"\nescalations = true'),
            )
        ),
        "people.toml": "\n".join(_person(world, name) for name in (AGENT, ON_CALL)),
        "oncall.toml": "\n".join(
            f'[{role}]\npeople = ["{who}"]'
            for role, who in (
                ("manager", AGENT),
                ("director", ON_CALL),
                ("vp_engineering", ON_CALL),
                ("on_call", ON_CALL),
                ("fallback", ON_CALL),
            )
        ),
    }


def _room(name: str, workspace: str, room: str, rest: str) -> str:
    return f'[{name}]\ndoor = "slack"\nworkspace = "{workspace}"\nroom = "{room}"\n{rest}\n'


def _person(world: World, handle: str) -> str:
    user = world.user(handle)
    account = f'{{ door = "slack", workspace = "{user.team_id}", user = "{user.id}" }}'
    return f'[{handle}]\nname = "{user.real_name}"\naccounts = [{account}]\n'


def environment(
    slack: SlackTwin, zendesk: ZendeskTwin, *, data: Path, port: int, webhook_secret: str
) -> Mapping[str, str]:
    """What the program is told: real settings that point at the twins."""
    app = slack.world.installation
    return {
        "PORT": str(port),
        "DESKBELL_DATA": str(data),
        "DESKBELL_CONFIG": str(data / "config"),
        "SLACK_BOT_TOKEN": app.bot_token,
        "SLACK_SIGNING_SECRET": app.signing_secret,
        "SLACK_API_URL": slack.api_url,
        "ZENDESK_SUBDOMAIN": zendesk.state.subdomain,
        "ZENDESK_OAUTH_CLIENT_ID": zendesk.client_id,
        "ZENDESK_OAUTH_CLIENT_SECRET": zendesk.client_secret,
        "ZENDESK_WEBHOOK_SECRET": webhook_secret,
        "ZENDESK_URL": zendesk.url,
    }
