"""Opens whatever people are told through outside the rooms, and finds what is missing for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from bot.core.errors import ConfigError
from bot.core.policies import Policies
from bot.core.ports import AlertDoor
from config.destinations import DestinationSettings, Kind, load_destinations
from config.settings import Settings
from config.tables import Layers

if TYPE_CHECKING:
    from handlers.mail.door import Mail
    from handlers.webhooks.door import Receiver


async def open_alert_doors(stack: AsyncExitStack, settings: Settings) -> dict[str, AlertDoor]:
    """By the kind of destination; one that nobody could use is not opened."""
    known = load_destinations(Layers(settings.config_dir)).values()
    doors: dict[str, AlertDoor] = {}
    if keys := _routing_keys(settings, known):
        from aiohttp import ClientSession, ClientTimeout  # noqa: PLC0415 - a door that is off costs nothing

        from handlers.pagerduty.door import PagerDuty  # noqa: PLC0415 - likewise

        session = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=20)))
        url = settings.pagerduty_url
        doors[Kind.PAGERDUTY.value] = PagerDuty(session, base_url=url, keys=keys)
    if any(each.kind is Kind.WEBHOOK for each in known):
        from handlers.webhooks.door import Webhooks  # noqa: PLC0415 - likewise

        receivers = {each.target: _receiver(settings, each) for each in known if each.kind is Kind.WEBHOOK}
        doors[Kind.WEBHOOK.value] = await stack.enter_async_context(Webhooks(receivers))
    if addresses := {each.target: each.address for each in known if each.kind is Kind.MAIL}:
        doors[Kind.MAIL.value] = _mail(settings, addresses)
    return doors


def alert_problems(settings: Settings, policies: Policies) -> list[str]:
    """Steps that call a destination for which something is missing; one sentence each."""
    called = {
        target for promise in policies.targets.values() for step in promise.steps for target in step.targets
    }
    problems = []
    for each in load_destinations(Layers(settings.config_dir)).values():
        if each.target not in called:
            continue
        try:
            _look_at(settings, each)
        except ConfigError as error:
            problems.append(f"escalations call {each.target}: {error}")
    return problems


def _look_at(settings: Settings, each: DestinationSettings) -> None:
    match each.kind:
        case Kind.PAGERDUTY:
            _routing_key(settings, each)
        case Kind.WEBHOOK:
            _receiver(settings, each)
        case Kind.MAIL:
            if settings.mail is None:
                raise ConfigError("SMTP_URL is not set")


def _routing_keys(settings: Settings, known: Iterable[DestinationSettings]) -> Mapping[str, str]:
    """The usual service may be left out; one that has a table needs its key."""
    wanted = (each for each in known if each.kind is Kind.PAGERDUTY and (each.name or settings.pagerduty))
    return {each.target: _routing_key(settings, each) for each in wanted}


def _routing_key(settings: Settings, each: DestinationSettings) -> str:
    if not each.name:
        if settings.pagerduty is None:
            raise ConfigError("PAGERDUTY_ROUTING_KEY is not set")
        return settings.pagerduty.routing_key.reveal()
    return each.secrets(settings.secrets)[0].reveal()


def _receiver(settings: Settings, each: DestinationSettings) -> Receiver:
    from handlers.webhooks.door import Receiver  # noqa: PLC0415 - a door that is off costs nothing
    from handlers.webhooks.signing import read_secret  # noqa: PLC0415

    where = each.variable or each.secret_file
    keys = tuple(read_secret(where, secret.reveal()) for secret in each.secrets(settings.secrets))
    return Receiver(url=each.url, keys=keys, allow_private=each.allow_private)


def _mail(settings: Settings, addresses: Mapping[str, str]) -> Mail:
    from handlers.mail.door import Mail, Relay  # noqa: PLC0415 - a door that is off costs nothing

    mail = settings.mail
    if mail is None:
        return Mail(None, addresses)
    relay = Relay(
        host=mail.host,
        port=mail.port,
        sender=mail.sender,
        username=mail.username,
        password=mail.password.reveal() if mail.password else None,
        is_tls=mail.is_tls,
        is_plain=mail.is_plain,
    )
    return Mail(relay, addresses)
