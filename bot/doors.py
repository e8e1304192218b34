"""The doors: opens whatever is switched on, and asks the vendors whether our tokens are any good."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from bot.core.errors import DeskbellError
from bot.core.policies import Policies
from bot.core.ports import Door, Rooms, TicketDesk, Time
from config.policies import load_policies
from config.settings import Settings, SlackSettings, ZendeskSettings
from storage.ledger import SqlLedger

if TYPE_CHECKING:
    from handlers.slack.front import SlackFront
    from handlers.zendesk.desk import ZendeskDesk


@dataclass(slots=True, kw_only=True)
class Doors:
    """What is switched on, both ways."""

    inward: dict[str, Door] = field(default_factory=dict)
    rooms: dict[str, Rooms] = field(default_factory=dict)
    routes: list[web.RouteDef] = field(default_factory=list)
    desk: TicketDesk | None = None
    slack: SlackFront | None = None


async def open_slack(
    stack: AsyncExitStack, doors: Doors, settings: SlackSettings, ledger: SqlLedger, time: Time
) -> None:
    """Slack: what receives, what reads and what speaks."""
    from handlers.slack.client import open_client  # noqa: PLC0415 - a door that is off costs nothing
    from handlers.slack.front import SlackFront  # noqa: PLC0415
    from handlers.slack.parsing import SlackDoor  # noqa: PLC0415
    from handlers.slack.rooms import SlackRooms  # noqa: PLC0415

    client = await stack.enter_async_context(
        open_client(settings.bot_token.reveal(), base_url=settings.api_url)
    )
    secrets = [secret.reveal() for secret in settings.signing_secrets]
    front = SlackFront(accept=ledger.accept, secrets=secrets, client=client, time=time)
    doors.slack = front
    doors.inward["slack"] = SlackDoor()
    doors.rooms["slack"] = SlackRooms(client)
    if secrets:
        doors.routes += front.routes()


async def open_zendesk(
    stack: AsyncExitStack,
    doors: Doors,
    settings: ZendeskSettings,
    ledger: SqlLedger,
    time: Time,
    *,
    policies: Policies,
) -> None:
    """Zendesk: the desk itself, and its webhook where there is a secret for it."""
    from handlers.zendesk.front import ZendeskFront  # noqa: PLC0415 - a door that is off costs nothing
    from handlers.zendesk.parsing import ZendeskDoor  # noqa: PLC0415

    doors.desk = await stack.enter_async_context(_zendesk_desk(settings, policies, time))
    doors.inward["zendesk"] = ZendeskDoor()
    if settings.webhook_secrets:
        secrets = [secret.reveal() for secret in settings.webhook_secrets]
        doors.routes += ZendeskFront(ledger.accept, secrets, time).routes()


def _zendesk_desk(settings: ZendeskSettings, policies: Policies, time: Time) -> ZendeskDesk:
    from handlers.zendesk.desk import ZendeskDesk  # noqa: PLC0415 - a door that is off costs nothing

    return ZendeskDesk(
        subdomain=settings.subdomain,
        client_id=settings.client_id,
        client_secret=settings.client_secret.reveal(),
        time=time,
        base_url=settings.url,
        organisations={
            organisation.id: organisation.desk_id
            for organisation in policies.organisations.values()
            if organisation.desk_id
        },
    )


async def live_problems(settings: Settings, *, time: Time) -> list[str]:
    """What the vendors say about our tokens and scopes; one sentence each."""
    problems: list[str] = []
    policies = load_policies(settings.config_dir, now=time.now())
    if settings.slack:
        from handlers.slack.checking import check  # noqa: PLC0415 - a door that is off costs nothing
        from handlers.slack.client import open_client  # noqa: PLC0415

        token = settings.slack.bot_token.reveal()
        async with open_client(token, base_url=settings.slack.api_url) as client:
            problems += await check(client)
    if settings.zendesk:
        async with _zendesk_desk(settings.zendesk, policies, time) as desk:
            try:
                problems += await desk.check()
            except DeskbellError as error:
                problems.append(f"Zendesk: {error}")
    return problems
