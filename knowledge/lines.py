"""Files of one JSON object a line: what is good is handed on, and what is not gets one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.core.errors import UserFacingError

Fault = Callable[[str], None]


def read_objects(path: Path, keys: Sequence[str], fault: Fault) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects that have these keys, each with the number of its line."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserFacingError(f"{path} cannot be read ({error.strerror}).") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            fault(f"{path}: line {number}: not JSON.")
            continue
        missing = [key for key in keys if key not in found] if isinstance(found, dict) else list(keys)
        if missing:
            fault(f"{path}: line {number}: {' and '.join(missing)} missing.")
        elif not isinstance(found.get("question", ""), str):
            fault(f"{path}: line {number}: question is no text.")
        else:
            yield number, found
