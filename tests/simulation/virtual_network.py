"""Connections without sockets: bytes that arrive in order, later, or not at all."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from virtual_loop import VirtualLoop

FASTEST, SLOWEST = 0.0002, 0.02  #: seconds that a packet takes
_END = object()
_RESET = object()


@dataclass(slots=True, kw_only=True)
class Listener:
    """Somebody who accepts connections on a port."""

    factory: Callable[[], Any]
    context: contextvars.Context


@dataclass(slots=True, kw_only=True)
class _Socket:
    port: int

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)


class _Server(asyncio.AbstractServer):
    def __init__(self, network: Network, port: int, listener: Listener) -> None:
        self._network, self._port, self._listener = network, port, listener
        self.sockets = (_Socket(port=port),)

    def close(self) -> None:
        self._network.forget(self._port, self._listener)

    async def wait_closed(self) -> None:
        """Nothing lingers."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def start_serving(self) -> None:
        """It serves already."""

    async def serve_forever(self) -> None:
        """Nobody waits for that."""

    def is_serving(self) -> bool:
        return True


class Network:
    """Every port of every machine. Several listeners on one port share its connections."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._listeners: dict[int, list[Listener]] = {}
        self._next_port = 20_000
        self._cut: dict[int, asyncio.Event] = {}
        self.addresses: dict[int, int] = {}  #: ports by the number of a socket that stands for one
        self.connections: list[Transport] = []

    def listen(self, factory: Callable[[], Any], port: int) -> _Server:
        """From now on; port 0 finds a free one."""
        if port == 0:
            self._next_port += 1
            port = self._next_port
        listener = Listener(factory=factory, context=contextvars.copy_context())
        self._listeners.setdefault(port, []).append(listener)
        return _Server(self, port, listener)

    def forget(self, port: int, listener: Listener) -> None:
        """It accepts nothing more."""
        if listener in self._listeners.get(port, []):
            self._listeners[port].remove(listener)

    def forget_machine(self, is_its: Callable[[contextvars.Context], bool]) -> None:
        """Its listeners are gone, and whoever was connected to it learns so."""
        for listeners in self._listeners.values():
            listeners[:] = [one for one in listeners if not is_its(one.context)]
        for transport in tuple(self.connections):
            if is_its(transport.context):
                transport.abort()
                self.connections.remove(transport)

    def partition(self, port: int) -> None:
        """Nothing reaches it, and nothing says so."""
        self._cut.setdefault(port, asyncio.Event())

    def heal(self, port: int) -> None:
        """Whatever was held up arrives."""
        event = self._cut.pop(port, None)
        if event is not None:
            event.set()
        for transport in tuple(self.connections):
            if transport.port == port:
                transport.pump_soon()

    def is_cut(self, port: int) -> bool:
        """Whether it cannot be reached at the moment."""
        return port in self._cut

    async def reach(self, port: int) -> None:
        """A handshake: ConnectionRefusedError when nobody listens."""
        while event := self._cut.get(port):
            await event.wait()
        await asyncio.sleep(self.delay())
        if not self._listeners.get(port):
            raise ConnectionRefusedError(111, "nobody listens there")

    async def connect(self, factory: Callable[[], Any], port: int) -> tuple[Transport, Any]:
        """Both ends, each in the context of its own machine."""
        listeners = self._listeners.get(port)
        if not listeners:
            raise ConnectionResetError(104, "it was closed at once")
        listener = self._loop.rng.choice(listeners)
        near = Transport(self._loop, port, contextvars.copy_context())
        far = Transport(self._loop, port, listener.context)
        near.peer, far.peer = far, near
        self.connections += [near, far]
        protocol = factory()
        near.set_protocol(protocol)

        def accept() -> None:
            far.set_protocol(listener.factory())
            far.get_protocol().connection_made(far)
            far.pump_soon()

        protocol.connection_made(near)
        self._loop.call_soon(accept, context=listener.context)
        return near, protocol

    def delay(self) -> float:
        """Most packets are fast; some are not."""
        return FASTEST + (SLOWEST - FASTEST) * float(self._loop.rng.random()) ** 3


@dataclass(eq=False)
class Transport(asyncio.Transport):
    """One end of a connection."""

    loop: VirtualLoop
    port: int
    context: contextvars.Context
    peer: Transport = field(init=False, repr=False)
    _protocol: Any = None
    _inbox: deque[Any] = field(default_factory=deque)
    _is_pumping: bool = False
    _is_paused: bool = False
    _is_closing: bool = False
    _is_lost: bool = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", self.port)}.get(name, default)

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def is_closing(self) -> bool:
        return self._is_closing

    # -- out --

    def write(self, data: Any) -> None:
        if not self._is_closing:
            self.peer.arrive(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever buffered on this side."""

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self.peer.arrive(_END)
            self.loop.call_soon(self._lose, None, context=self.context)

    def abort(self) -> None:
        if not self._is_lost:
            self._is_closing = True
            self.peer.arrive(_RESET)
            self.loop.call_soon(self._lose, None, context=self.context)

    # -- in --

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self.pump_soon()

    def is_reading(self) -> bool:
        return not self._is_paused

    def arrive(self, what: Any) -> None:
        """Something is on its way here; it stays behind what was sent before."""
        self._inbox.append(what)
        self.pump_soon()

    def pump_soon(self) -> None:
        """After as long as the network takes; later, while it is cut."""
        if self._is_pumping or not self._inbox or self._is_lost or self.loop.network.is_cut(self.port):
            return
        self._is_pumping = True
        self.loop.call_later(self.loop.network.delay(), self._pump, context=self.context)

    def _pump(self) -> None:
        self._is_pumping = False
        if self._is_paused or self._is_lost or self._protocol is None or self.loop.network.is_cut(self.port):
            return
        data = b""
        while self._inbox and isinstance(self._inbox[0], bytes):
            data += self._inbox.popleft()
        if data and not self._is_closing:
            self._protocol.data_received(data)
        if self._inbox and not isinstance(self._inbox[0], bytes):
            self._end(self._inbox.popleft())

    def _end(self, how: object) -> None:
        if how is _RESET:
            self._is_closing = True
            self._lose(ConnectionResetError(104, "the other side is gone"))
        elif not self._protocol.eof_received():
            self.close()

    def _lose(self, error: Exception | None) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        if self in self.loop.network.connections:
            self.loop.network.connections.remove(self)
        if self._protocol is not None:
            self._protocol.connection_lost(error)


def sever(loop: VirtualLoop, machine: object, variable: contextvars.ContextVar[Any]) -> None:
    """A machine is gone from the network."""
    loop.network.forget_machine(lambda context: context.get(variable) is machine)
