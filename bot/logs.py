"""Structured logs: facts for machines, colours for terminals, never a body and never a secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from bot.core import masking

# Bodies and credentials have no business in a log line, whoever puts them there.
SILENT = frozenset({"body", "text", "token", "secret", "password", "authorization", "payload", "email"})
# Slack tokens, bearer values, and anything that calls itself a secret in a URL or a message.
SECRET = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|(?i:bearer)\s+[\w.~+/-]+=*"
    r"|(?i:(?:client_secret|access_token|api_key|password)=)[^&\s]+"
)
MASK = "…"


def mask(_: object, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop what must not be logged and mask what looks like a secret in the rest."""
    return {key: _masked(value) for key, value in line.items() if key.lower() not in SILENT}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masking.mask(SECRET.sub(MASK, value))
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _masked(item) for key, item in value.items() if str(key).lower() not in SILENT}
    return value


class _StandardError:
    """Whatever `sys.stderr` is when something is said: it may be replaced, and the old one closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_STANDARD_ERROR: Any = _StandardError()


def set_up(*, level: int = logging.INFO) -> None:
    """Log to standard error: one JSON object a line, or readable lines on a terminal."""
    is_terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=True)
        if is_terminal
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=_STANDARD_ERROR),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard library: only what goes wrong, and masked like our own.
    logging.basicConfig(level=logging.WARNING, stream=_STANDARD_ERROR, format="%(message)s", force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_mask_record)


def _mask_record(record: logging.LogRecord) -> bool:
    record.msg, record.args = SECRET.sub(MASK, record.getMessage()), ()
    record.exc_info = None  # a stranger's traceback may quote a request
    return True
