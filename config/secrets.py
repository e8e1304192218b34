"""A secret that does not show itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn

from bot.core.errors import ConfigError

HIDDEN = "•••"


class Secret:
    """Shows dots wherever it is printed, formatted or logged, and cannot be pickled or copied away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")


class NamedSecrets:
    """Variables that policy files name; looked up one at a time, and never shown."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, str] = MappingProxyType({})) -> None:
        self._environ = dict(environ)

    def find(self, variable: str) -> str | None:
        """Its value; one that is set to nothing counts as missing."""
        return self._environ.get(variable, "").strip() or None

    def __repr__(self) -> str:
        return f"NamedSecrets({HIDDEN})"


def one_line(name: str, value: str) -> Secret:
    """A token; ConfigError when it was pasted with something that breaks a header."""
    if not value.isprintable() or " " in value:
        raise ConfigError(f"{name}: contains a space, a line break or a control character")
    return Secret(value)


def rotating(name: str, value: str) -> tuple[Secret, ...]:
    """A signing secret, or two separated by a comma while one replaces the other."""
    parts = [part.strip() for part in value.split(",")]
    if len(parts) > 2 or not all(parts):  # noqa: PLR2004  # the old one and the new one
        raise ConfigError(f"{name}: one secret, or two separated by a comma")
    return tuple(one_line(name, part) for part in parts)
