"""Worlds with boring defaults, for tests and for the demo."""

from __future__ import annotations

import random
import re

from bot.core.ports import Time
from bot.sandbox.slack.things import Channel, ChannelKind, Installation, Team, TwinFile, User
from bot.sandbox.slack.world import World

SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "files:read",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "reactions:read",
        "reactions:write",
        "users:read",
        "users:read.email",
    }
)
EVENTS = frozenset(
    {
        "app_mention",
        "message.channels",
        "message.groups",
        "message.im",
        "reaction_added",
        "reaction_removed",
        "member_joined_channel",
    }
)


def slack_id(prefix: str, name: str) -> str:
    """A readable id of Slack's form: ("C", "acme-support") is C0ACMESUPPO."""
    slug = re.sub(r"[^A-Z0-9]", "", name.upper())
    return f"{prefix}0{slug}".ljust(9, "0")[:11]


def add_team(world: World, name: str, *, id: str | None = None) -> Team:
    """A workspace."""
    domain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    team = Team(id=id or slack_id("T", name), name=name, domain=domain)
    world.teams[team.id] = team
    return team


def add_user(
    world: World,
    name: str,
    *,
    team: Team,
    real_name: str | None = None,
    email: str | None = None,
    id: str | None = None,
    tz: str = "America/New_York",
    tz_offset: int = -18000,
    is_bot: bool = False,
) -> User:
    """A person of `team`."""
    user = User(
        id=id or slack_id("U", name),
        team_id=team.id,
        name=name,
        real_name=real_name or name.replace(".", " ").title(),
        email=email or f"{name}@{team.domain}.example.com",
        tz=tz,
        tz_offset=tz_offset,
        is_bot=is_bot,
    )
    world.users[user.id] = user
    return user


def add_channel(
    world: World,
    name: str,
    *,
    members: list[User],
    kind: ChannelKind = ChannelKind.PUBLIC,
    connected: tuple[Team, ...] = (),
    with_bot: bool = True,
    id: str | None = None,
    topic: str = "",
) -> Channel:
    """A channel hosted by the home team; `connected` makes it a Slack Connect channel."""
    present = [user.id for user in members]
    if with_bot:
        present.append(world.installation.bot_user_id)
    channel = Channel(
        id=id or slack_id("C", name),
        name=name,
        team_id=world.installation.team_id,
        kind=kind,
        created_at=world.time.now(),
        members=present,
        connected_team_ids=tuple(team.id for team in connected),
        topic=topic,
    )
    world.channels[channel.id] = channel
    return channel


def add_file(
    world: World,
    name: str,
    content: bytes,
    *,
    user: User,
    mimetype: str = "text/plain",
    id: str | None = None,
) -> TwinFile:
    """A file that somebody uploaded; share it with `say(..., files=(file,))`."""
    file = TwinFile(
        id=id or "F0" + world.code(9),
        name=name,
        mimetype=mimetype,
        content=content,
        user=user.id,
        team_id=user.team_id,
        created_at=world.time.now(),
    )
    world.files[file.id] = file
    return file


def an_empty_world(
    *,
    time: Time,
    rng: random.Random,
    team: str = "OpenDataGov",
    app: str = "Deskbell",
    scopes: frozenset[str] = SCOPES,
    events: frozenset[str] = EVENTS,
    commands: frozenset[str] = frozenset(),
    signing_secret: str | None = None,
    bot_token: str | None = None,
    app_token: str | None = None,
    socket_mode: bool = False,
) -> World:
    """One team with the app installed, and nobody there."""
    world = World(time, rng)
    home = add_team(world, team)
    bot = add_user(world, app.lower(), team=home, real_name=app, is_bot=True)
    hexadecimal = "0123456789abcdef"
    world.installation = Installation(
        app_id=slack_id("A", app),
        name=app,
        team_id=home.id,
        bot_user_id=bot.id,
        bot_id=slack_id("B", app),
        bot_token=bot_token or f"xoxb-{world.code(12, '0123456789')}-{world.code(24)}",
        app_token=app_token or f"xapp-1-{slack_id('A', app)}-{world.code(13, '0123456789')}-{world.code(24)}",
        signing_secret=signing_secret or world.code(32, hexadecimal),
        verification_token=world.code(24),
        scopes=scopes,
        events=events,
        commands=commands,
        socket_mode=socket_mode,
    )
    return world


def a_workspace(
    *,
    time: Time,
    rng: random.Random,
    team: str = "OpenDataGov",
    app: str = "Deskbell",
    customer: str = "Acme",
    scopes: frozenset[str] = SCOPES,
    commands: frozenset[str] = frozenset(),
    socket_mode: bool = False,
) -> World:
    """A vendor and one customer.

    People: `ada` (agent) and `otto` (on call) at home, `mia` (a community member, at home too),
    `carol` (from the customer). Channels: #community (public), #acme-support (Slack Connect,
    private) and #triage (private, ours). Names are looked up with `world.user` and `world.channel`.
    """
    world = an_empty_world(
        time=time, rng=rng, team=team, app=app, scopes=scopes, commands=commands, socket_mode=socket_mode
    )
    guest = add_team(world, customer)
    ada = add_user(world, "ada", team=world.home, real_name="Ada Agent")
    otto = add_user(world, "otto", team=world.home, real_name="Otto Oncall")
    mia = add_user(world, "mia", team=world.home, real_name="Mia Member")
    carol = add_user(
        world, "carol", team=guest, real_name="Carol Customer", tz="Europe/Berlin", tz_offset=3600
    )
    add_channel(world, "community", members=[ada, mia], topic="Ask each other")
    add_channel(
        world,
        f"{guest.domain}-support",
        members=[ada, otto, carol],
        kind=ChannelKind.PRIVATE,
        connected=(guest,),
    )
    add_channel(world, "triage", members=[ada, otto], kind=ChannelKind.PRIVATE)
    return world
