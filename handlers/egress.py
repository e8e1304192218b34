"""Where our requests may go: an address that somebody else chose must not lead into our own network."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from aiohttp import ClientResponse, ClientSession, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

# https://www.rfc-editor.org/rfc/rfc6052#section-2.1 - the last 32 bits are an IPv4 address
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Whether an IP address is one of the Internet at large, IPv4 within IPv6 included."""
    return _is_public(ipaddress.ip_address(address.partition("%")[0]))


def refusal(url: str) -> str | None:
    """Why an address may not be asked at all; None when its host is still to be looked up."""
    try:
        parts = URL(url)  # as the client reads it: to yarl ①②⑦ are digits, and 。 is a dot
        host = parts.host
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not host:
        return "is not an http or https address"
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if _is_public(literal) else "leads into a private network"


class PrivateHost(OSError):
    """A name leads into a private network."""


class PublicResolver(AbstractResolver):
    """Looks hosts up and refuses those that lie, or partly lie, in a private network.

    What is checked is what is connected to: a name that changes its answer in between gains nothing.
    """

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As aiohttp asks; OSError when it may not be connected to."""
        found = await self._resolver.resolve(host, port, family)
        if not all(is_public(one["host"]) for one in found):
            raise PrivateHost("the host leads into a private network")
        return found

    async def close(self) -> None:
        """Release what the system's resolver holds."""
        await self._resolver.close()


def open_session(*, is_private: bool = False, total: float = 20.0, **options: Any) -> ClientSession:
    """A client for addresses that others chose; `is_private` where an administrator vouches for one."""
    connector = TCPConnector(limit=4) if is_private else TCPConnector(limit=4, resolver=PublicResolver())
    timeout = ClientTimeout(total=total, sock_connect=min(total, 10.0))
    return ClientSession(connector=connector, timeout=timeout, trust_env=False, **options)


async def read_limited(response: ClientResponse, largest: int) -> bytes | None:
    """A body, unpacked, up to so many bytes; None when it is longer."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > largest:
            return None
    return bytes(body)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast
