"""One thread, a clock that jumps, and machines whose work stops at any point as if the power had gone."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy.util.concurrency import greenlet_spawn
from virtual_network import Network

EPOCH = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # a Tuesday, 10:00 in New York

#: Whose work it is: None for the vendors and the people, else a machine's.
MACHINE: contextvars.ContextVar[Machine | None] = contextvars.ContextVar("machine", default=None)


def dice(seed: object) -> random.Random:
    """The same throws for the same seed."""
    return random.Random(str(seed))  # noqa: S311 - repeatable, not secret


class Deadlock(AssertionError):
    """Nobody has anything left to do, and somebody still waits."""


class Machine:
    """What is killed together. Once dead, nothing of it runs again: no `finally`, no `except`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.last_words: list[Callable[[], None]] = []  #: what the operating system does behind it

    def kill(self) -> None:
        """As SIGKILL does."""
        self.is_dead = True
        for word in self.last_words:
            word()
        self.last_words.clear()


class _Counted:
    """Sets of tasks are in the order of their hashes; by address that would differ from run to run."""

    _serial: int

    def __hash__(self) -> int:
        return self._serial


class _Task(_Counted, asyncio.Task[Any]):
    def __init__(self, coroutine: Any, *, serial: int, **options: Any) -> None:
        self._serial = serial
        super().__init__(coroutine, **options)


class _Future(_Counted, asyncio.Future[Any]):
    def __init__(self, *, serial: int, loop: asyncio.AbstractEventLoop) -> None:
        self._serial = serial
        super().__init__(loop=loop)


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs whatever is ready in asyncio's own order, and jumps to the next timer when nothing is.

    asyncio promises the order of `call_soon`, and libraries rely on it; shuffling it would find faults that
    cannot happen. What is undecided in life is when something from outside comes back, so that is what the
    dice decide: every packet, every statement and every thread takes a span of its own.
    """

    _ready: deque[Any]  #: handles; asyncio's own, as are the others that begin like this
    _scheduled: list[Any]

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.rng = rng
        self.network = Network(self)
        self.steps = 0
        self.machine_steps: Counter[str] = Counter()
        self.kill_at: dict[str, int] = {}  #: the step of a machine at which it dies
        self.kill_behind_commit: dict[str, int] = {}  #: after how many of its commits
        self.killed: Callable[[Machine], None] = lambda _machine: None
        self.graveyard: list[object] = []  #: what was killed is not collected, or it would clean up
        self._now = 0.0
        self._serial = count(1)
        self._turns: dict[int, asyncio.Lock] = {}
        self.set_task_factory(self._new_task)  # type: ignore[arg-type]  # newer Pythons pass more by name

    # -- the clock and the scheduler --

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready:
            self._jump()
        handle = self._ready.popleft()
        if handle._cancelled:
            return
        self.steps += 1
        machine = handle._context.get(MACHINE)
        if machine is not None and not self._is_alive(machine):
            self.graveyard.append(handle)
            return
        handle._run()

    def _jump(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False
        if not self._scheduled:
            raise Deadlock(f"everybody waits at {self._now:.1f} s")
        self._now = max(self._now, self._scheduled[0]._when)
        while self._scheduled and self._scheduled[0]._when <= self._now:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            self._ready.append(timer)

    def committed(self) -> None:
        """Whoever runs has just committed; some do not live to hear of it."""
        machine = MACHINE.get()
        if machine is None or machine.is_dead or machine.name not in self.kill_behind_commit:
            return
        self.kill_behind_commit[machine.name] -= 1
        if not self.kill_behind_commit[machine.name]:
            del self.kill_behind_commit[machine.name]
            machine.kill()
            self.killed(machine)

    def _is_alive(self, machine: Machine) -> bool:
        if machine.is_dead:
            return False
        self.machine_steps[machine.name] += 1
        if self.machine_steps[machine.name] == self.kill_at.get(machine.name):
            del self.kill_at[machine.name]
            machine.kill()
            self.killed(machine)
            return False
        return True

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when their time comes."""

    def _process_events(self, event_list: object) -> None:
        """There are no real sockets."""

    def _write_to_self(self) -> None:
        """There are no other threads."""

    # -- tasks and threads --

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(serial=next(self._serial), loop=self)

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        return _Task(coroutine, serial=next(self._serial), loop=loop, **options)

    def run_in_executor(  # type: ignore[override]  # the caller sees a future either way
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """A greenlet instead of a thread: whoever blocks in it waits in this loop. Abandoned work goes on."""
        future = self.create_future()
        self.create_task(self._work(executor, future, func, args))
        return future

    async def _work(
        self, executor: Any, future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        turn = self._turns.setdefault(id(executor), asyncio.Lock()) if executor else asyncio.Lock()
        if executor is not None:
            self.graveyard.append(executor)  # its id stays its own
        async with turn:
            await asyncio.sleep(self.rng.uniform(0, 0.001))
            try:
                result = await greenlet_spawn(func, *args)
            except Exception as error:  # noqa: BLE001 - a thread hands over whatever it met
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

    # -- the network --

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """aiohttp connects a socket of its own first; only the address matters here."""
        await self.network.reach(address[1])
        self.network.addresses[sock.fileno()] = address[1]

    async def create_connection(
        self,
        protocol_factory: Callable[[], Any],
        host: Any = None,  # noqa: ARG002 - there is one host
        port: Any = None,
        **options: Any,
    ) -> tuple[Any, Any]:
        sock = options.get("sock")
        if sock is not None:
            port = self.network.addresses.pop(sock.fileno())
            sock.close()
        else:
            await self.network.reach(port)
        return await self.network.connect(protocol_factory, port)

    async def create_server(
        self,
        protocol_factory: Callable[[], Any],
        host: Any = None,  # noqa: ARG002 - likewise
        port: Any = None,
        **_options: Any,
    ) -> Any:
        return self.network.listen(protocol_factory, port or 0)


class VirtualTime:
    """A machine's clock, which may be wrong by `skew`."""

    def __init__(self, loop: VirtualLoop, skew: timedelta = timedelta(0)) -> None:
        self._loop = loop
        self._skew = skew

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time()) + self._skew
