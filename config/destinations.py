"""destinations.toml: where escalations are sent besides rooms, and in which variables the secrets are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import ConfigError, UserFacingError
from bot.core.policies import Destination
from bot.core.spelling import did_you_mean
from config.secrets import NamedSecrets, Secret, rotating
from config.tables import Layers, Table

FILE = "destinations.toml"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)


class Kind(StrEnum):
    """The kinds of destinations that exist; each has a door of its own."""

    PAGERDUTY = "pagerduty"
    WEBHOOK = "webhook"
    MAIL = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSettings:
    """One table; what a kind does not use is empty."""

    kind: Kind
    name: str  #: empty for PagerDuty's usual service
    url: str = ""
    address: str = ""
    allow_private: bool = False  #: a webhook in our own network
    variable: str = ""  #: that holds the secret
    secret_file: str = ""  #: or the file that does

    @property
    def target(self) -> str:
        """As escalation.toml names it."""
        return f"{self.kind.value}:{self.name}" if self.name else self.kind.value

    @property
    def destination(self) -> Destination:
        """As the core knows it; a mail about what somebody else has already is noise."""
        words = {Kind.PAGERDUTY: "PagerDuty", Kind.WEBHOOK: "webhook", Kind.MAIL: "mail to"}[self.kind]
        return Destination(label=f"{words} {self.name}".strip(), hears_the_rest=self.kind is not Kind.MAIL)

    def secrets(self, named: NamedSecrets) -> tuple[Secret, ...]:
        """One, or two while one replaces the other; ConfigError says which variable or file lacks it."""
        where = f"{FILE}: [{self.kind.value}.{self.name}]"
        if self.secret_file:
            try:
                value = Path(self.secret_file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{where}: secret_file: {self.secret_file} cannot be read") from error
            return rotating(f"{where}: secret_file", value)
        if (found := named.find(self.variable)) is None:
            raise ConfigError(f"{where}: secret: the environment variable {self.variable} is not set")
        return rotating(self.variable, found)


def load_destinations(layers: Layers) -> dict[str, DestinationSettings]:
    """Every destination as escalation.toml names it; PagerDuty's usual service needs no table."""
    usual = DestinationSettings(kind=Kind.PAGERDUTY, name="", variable="PAGERDUTY_ROUTING_KEY")
    tables = layers.nested(FILE, _named, flat="")
    found = [_destination(name, table) for name, table in tables.items()]
    return {each.target: each for each in (usual, *found)}


def _named(kind: str, name: str) -> str:
    kinds = [each.value for each in Kind]
    if kind not in kinds:
        raise UserFacingError(f"{kind!r} is no kind of destination{did_you_mean(kind, kinds)}")
    if not _NAME.fullmatch(name):
        raise UserFacingError("a name is small letters, digits, hyphens and underscores")
    return f"{kind}.{name}"


def _destination(named: str, table: Table) -> DestinationSettings:
    kind, _, name = named.partition(".")
    match Kind(kind):
        case Kind.WEBHOOK:
            table.only("url", "secret", "secret_file", "allow_private")
            allow_private = table.flag("allow_private")
            url = _url(table, allow_private=allow_private)
            variable, file = _secret(table)
            return DestinationSettings(
                kind=Kind.WEBHOOK,
                name=name,
                url=url,
                allow_private=allow_private,
                variable=variable,
                secret_file=file,
            )
        case Kind.PAGERDUTY:
            table.only("secret", "secret_file")
            variable, file = _secret(table)
            return DestinationSettings(kind=Kind.PAGERDUTY, name=name, variable=variable, secret_file=file)
        case Kind.MAIL:
            table.only("address")
            address = table.text("address")
            if not _ADDRESS.fullmatch(address):
                raise table.wrong("address", f"{address!r} is not one mail address")
            return DestinationSettings(kind=Kind.MAIL, name=name, address=address)


def _secret(table: Table) -> tuple[str, str]:
    """The name of a variable, or of a file; the other is empty."""
    if ("secret" in table.values) == ("secret_file" in table.values):
        raise table.wrong("secret", "write either secret or secret_file")
    if "secret_file" in table.values:
        return "", table.text("secret_file")
    variable = table.text("secret")
    if not _VARIABLE.fullmatch(variable):  # not repeated: it may be the secret itself
        raise table.wrong("secret", "is not the name of an environment variable, like OPS_WEBHOOK_SECRET")
    return variable, ""


def _url(table: Table, *, allow_private: bool) -> str:
    value = table.text("url")
    try:
        parts = urlsplit(value)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or parts.fragment or "@" in parts.netloc or not value.isprintable() or " " in value:
        raise table.wrong("url", "is not an address like https://host/path, without user and password")
    if parts.scheme == "http" and not (allow_private and parts.hostname in LOOPBACK):
        raise table.wrong("url", "write https; http is for this machine alone, with allow_private = true")
    return value
