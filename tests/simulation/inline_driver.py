"""The same SQLite and the same driver, without its threads: statements run here, one after the other."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from sqlalchemy.util.concurrency import await_
from virtual_http import exchange
from virtual_loop import MACHINE, VirtualLoop

from storage import one_trip, opening

FASTEST, SLOWEST = 0.00005, 0.002  #: seconds that a statement takes
LOCKED_PAUSE = 0.003
BUSY_TIMEOUT = 10.0  #: as `storage.opening` has it


class _NoThread:
    daemon = True

    def start(self) -> None:
        """There is none."""


class _Queue:
    """In the place of the queue to a connection's thread."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[asyncio.Future[Any] | None, Callable[[], Any]]] = deque()
        self._since = 0.0

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        self._waiting.append(item)
        if len(self._waiting) == 1:
            self._next()

    def _next(self) -> None:
        loop = cast("VirtualLoop", asyncio.get_running_loop())
        self._since = loop.time()
        loop.call_later(loop.rng.uniform(FASTEST, SLOWEST), self._run, loop)

    def _run(self, loop: VirtualLoop) -> None:
        future, function = self._waiting[0]
        try:
            result = function()
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if is_busy and loop.time() - self._since < BUSY_TIMEOUT:  # SQLite itself would wait in the thread
                loop.call_later(LOCKED_PAUSE * loop.rng.uniform(0.5, 1.5), self._run, loop)
                return
            self._done(future, None, error)
        except BaseException as error:  # noqa: BLE001 - as the driver's thread does
            self._done(future, None, error)
        else:
            if _is_commit(function):
                loop.committed()
            self._done(future, result, None)

    def _done(self, future: asyncio.Future[Any] | None, result: Any, error: BaseException | None) -> None:
        self._waiting.popleft()
        if future is not None and not future.done():
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        if self._waiting:
            self._next()


def _is_commit(function: Callable[[], Any]) -> bool:
    return isinstance(function, partial) and getattr(function.func, "__name__", "") == "commit"


class _Connection(one_trip.OneTripConnection):
    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        self._tx = _Queue()  # type: ignore[assignment]  # as much of a queue as is used
        self._thread = _NoThread()  # type: ignore[assignment]  # likewise
        machine = MACHINE.get()
        if machine is not None:
            machine.last_words.append(self._killed)

    def _killed(self) -> None:
        """Whatever was not committed is undone by whoever opens the file next."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def connect(database: str, **options: Any) -> _Connection:
    """In the place of `storage.one_trip.connect`."""
    options["timeout"] = 0  # waiting is done on the virtual clock
    options["check_same_thread"] = False

    def open_() -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(database, **options)
        connection.set_authorizer(_unsynced)
        return connection

    return _Connection(open_, iter_chunk_size=64)


def _unsynced(action: int, first: str | None, second: str | None, *_more: Any) -> int:
    """Power cuts are tested elsewhere: here a sync would only cost time, so that pragma does nothing."""
    if action == sqlite3.SQLITE_PRAGMA and first == "synchronous" and second is not None:
        return sqlite3.SQLITE_IGNORE
    return sqlite3.SQLITE_OK


class _VirtualMonotonic:
    @staticmethod
    def monotonic() -> float:
        return asyncio.get_running_loop().time()


def send(
    self: HTTPAdapter,
    request: requests.PreparedRequest,
    stream: bool = False,  # noqa: FBT001, FBT002 - requests' own signature
    timeout: Any = None,
    *_more: Any,
    **_options: Any,
) -> requests.Response:
    """In the place of urllib3: blocks its greenlet and nobody else."""
    del stream
    answer = cast("Any", await_(exchange(request, timeout)))
    return self.build_response(request, answer)


def _no_trial(url: object, busy_timeout: object) -> None:
    """It would wait for a lock in the one thread there is."""


def install() -> None:
    """For the whole process: the threads, the real sockets and the machine's clock are not used any more."""
    from handlers.zendesk import transport  # noqa: PLC0415 - it brings requests along

    one_trip.connect = connect
    opening.try_sqlite = _no_trial
    HTTPAdapter.send = send  # type: ignore[method-assign]  # planted here, for the whole process
    setattr(transport, "time", _VirtualMonotonic)  # noqa: B010 - it is not meant to be replaced
