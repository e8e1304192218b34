"""Effects as (kind, document) and back; the kind is the class's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from pydantic import TypeAdapter, ValidationError

from bot.core.effects import Effect
from bot.core.errors import DeskbellError
from bot.core.model import Description, EscalationStep, Snooze

DESCRIPTION: TypeAdapter[Description] = TypeAdapter(Description)
STEPS: TypeAdapter[tuple[EscalationStep, ...]] = TypeAdapter(tuple[EscalationStep, ...])
SNOOZES: TypeAdapter[tuple[Snooze, ...]] = TypeAdapter(tuple[Snooze, ...])


class UnreadableEffect(DeskbellError):
    """A stored effect this version of the program cannot read; it is parked, and the rest goes on."""


def _kinds(union: Any) -> Mapping[str, TypeAdapter[Any]]:
    return {kind.__name__: TypeAdapter(kind) for kind in get_args(union)}


_ADAPTERS = _kinds(Effect)


def encode(effect: Effect) -> tuple[str, dict[str, Any]]:
    """The kind and a document of plain JSON values."""
    kind = type(effect).__name__
    return kind, _ADAPTERS[kind].dump_python(effect, mode="json")


def decode(kind: str, payload: object) -> Effect:
    """The effect again; UnreadableEffect names the field, never its value."""
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        raise UnreadableEffect(f"unknown kind {kind}")
    try:
        return cast("Effect", adapter.validate_python(payload))
    except ValidationError as error:
        fields = ", ".join(
            ".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)
        )
        raise UnreadableEffect(f"{kind} does not fit: {fields}") from None
