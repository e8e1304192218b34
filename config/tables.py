"""TOML files as tables that know where they stand, laid over each other, and refuse what they do not know."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from bot.core.errors import ConfigError, UserFacingError
from bot.core.spelling import did_you_mean

FILES = (
    "organisations.toml",
    "channels.toml",
    "people.toml",
    "oncall.toml",
    "calendars.toml",
    "sla.toml",
    "escalation.toml",
    "destinations.toml",
    "sources.toml",
)
REMOVE = "remove"  #: `remove = true`, alone in a table, takes the packaged table away

_PLACED = re.compile(r"(.*) \(at line (\d+), column \d+\)", re.DOTALL)
_TEXT_TYPES = {str: "a text", bool: "true or false", int: "a whole number", list: "a list", dict: "a table"}

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of one file. Every reading method raises a ConfigError that says where."""

    where: str  #: "sla.toml: [enterprise.P1]"
    values: Mapping[str, Any]

    def only(self, *known: str) -> None:
        """Refuse every key but these."""
        for key in self.values:
            if key not in known:
                raise ConfigError(f"{self.where}: unexpected key {key!r}{did_you_mean(key, known)}")

    def wrong(self, key: str, problem: str) -> ConfigError:
        """What to raise about a key."""
        return ConfigError(f"{self.where}: {key}: {problem}")

    def text(self, key: str) -> str:
        """A text that is there and not empty."""
        value = self._typed(key, str)
        if not value.strip():
            raise self.wrong(key, "is empty")
        return value

    def number(self, key: str, default: int | None = None) -> int:
        """A whole number above zero."""
        if default is not None and key not in self.values:
            return default
        value = self._typed(key, int)
        if value <= 0:
            raise self.wrong(key, f"{value} is not above zero")
        return value

    def flag(self, key: str) -> bool:
        """True or false; false when left out."""
        return self._typed(key, bool) if key in self.values else False

    def choice(self, key: str, options: type[Choice], default: Choice | None = None) -> Choice:
        """One of an enumeration's values."""
        if default is not None and key not in self.values:
            return default
        known = [option.value for option in options]
        value = self.text(key)
        if value not in known:
            hint = did_you_mean(value, known) or f"; write {', '.join(known[:-1])} or {known[-1]}"
            raise self.wrong(key, f"{value!r} is not known{hint}")
        return options(value)

    def read(self, key: str, parse: Callable[[str], Value]) -> Value:
        """A text in some spelling."""
        value = self.text(key)
        try:
            return parse(value)
        except UserFacingError as error:
            raise self.wrong(key, str(error)) from error

    def known(self, key: str, known: Mapping[str, Value], file: str) -> Value:
        """Whatever another file calls by this name."""
        return self.look_up(key, self.text(key), known, file)

    def look_up(self, key: str, name: str, known: Mapping[str, Value], file: str) -> Value:
        """Likewise, for one name of several under a key."""
        if name not in known:
            raise self.wrong(key, f"{name!r} is not in {file}{did_you_mean(name, known)}")
        return known[name]

    def texts(self, key: str) -> Sequence[str]:
        """A list of texts; empty when left out."""
        values = self._typed(key, list) if key in self.values else []
        if not all(isinstance(value, str) and value.strip() for value in values):
            raise self.wrong(key, "is not a list of texts")
        return values

    def tables(self, key: str) -> Iterator[Table]:
        """A list of tables; empty when left out."""
        values = self._typed(key, list) if key in self.values else []
        for number, value in enumerate(values, start=1):
            if not isinstance(value, dict):
                raise self.wrong(key, f"entry {number} is not a table like {{ … }}")
            yield Table(f"{self.where}: {key}, entry {number}", value)

    def table(self, key: str) -> Table:
        """A table within this one; empty when left out."""
        return Table(f"{self.where[:-1]}.{key}]", self._typed(key, dict) if key in self.values else {})

    def instant(self, key: str) -> datetime:
        """A TOML date and time with its offset."""
        value = self.values.get(key)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.wrong(key, "is not an instant with its offset, like 2026-11-02T09:00:00Z")
        return value

    def _typed(self, key: str, kind: type[Value]) -> Value:
        if key not in self.values:
            raise ConfigError(f"{self.where}: {key!r} is missing")
        value = self.values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(key, f"{value!r} is not {_TEXT_TYPES[kind]}")
        return value


@dataclass(frozen=True, slots=True)
class Layers:
    """The packaged files with an administrator's directory laid over them, table by table."""

    overlay: Path | None

    def __post_init__(self) -> None:
        if self.overlay is None:
            return
        if not self.overlay.is_dir():
            raise ConfigError(f"{self.overlay} is not a directory")
        for path in sorted(self.overlay.glob("*.toml")):
            if path.name not in FILES:
                raise ConfigError(f"{path.name}: not a policy file{did_you_mean(path.name, FILES)}")

    def tables(self, file: str) -> dict[str, Table]:
        """The file's tables by name, the administrator's in place of the packaged ones."""
        return _tables(file, self._laid(file))

    def nested(self, file: str, rename: Callable[[str, str], str], *, flat: str) -> dict[str, Table]:
        """Likewise for [outer.inner] tables, named by `rename(outer, inner)`; only `flat` has none inside."""
        return _tables(file, self._laid(file, lambda values: _flattened(file, values, rename, flat)))

    def _laid(
        self, file: str, shape: Callable[[dict[str, Any]], dict[str, Any]] = lambda values: values
    ) -> dict[str, Any]:
        packaged = files("config").joinpath("defaults", file).read_bytes()
        laid = shape(_parsed(file, packaged))
        if self.overlay is not None and (path := self.overlay / file).exists():
            for name, table in shape(_parsed(file, _read(path))).items():
                if table == {REMOVE: True}:
                    laid.pop(name, None)
                else:
                    laid[name] = table
        return laid


def _tables(file: str, values: Mapping[str, Any]) -> dict[str, Table]:
    for name, value in values.items():
        if not isinstance(value, dict):
            raise ConfigError(f"{file}: {name!r} stands outside any table")
    return {name: Table(f"{file}: [{name}]", value) for name, value in values.items()}


def _flattened(
    file: str, values: Mapping[str, Any], rename: Callable[[str, str], str], flat: str
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for outer, inner in values.items():
        if outer == flat or not isinstance(inner, dict):
            found[outer] = inner
            continue
        for name, table in inner.items():
            try:
                key = rename(outer, name)
            except UserFacingError as error:
                raise ConfigError(f"{file}: [{outer}.{name}]: {error}") from error
            if key in found:
                raise ConfigError(f"{file}: [{outer}.{name}]: {key} is there twice")
            found[key] = table
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path.name}: cannot be read: {error.strerror}") from error


def _parsed(file: str, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode().replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}: line {line}: not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        placed = _PLACED.fullmatch(str(error))
        raise ConfigError(
            f"{file}: line {placed[2]}: {placed[1]}" if placed else f"{file}: {error}"
        ) from error
