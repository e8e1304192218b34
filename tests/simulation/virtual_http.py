"""What urllib3 does for requests, over the virtual network: one request, one connection, one answer."""

from __future__ import annotations

import asyncio
import http.client
import io
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.response import HTTPResponse


async def exchange(request: requests.PreparedRequest, timeout: Any) -> HTTPResponse:
    """The errors are those of requests."""
    to_connect, to_read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    url = urlsplit(str(request.url))
    try:
        async with asyncio.timeout(to_connect):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
    except TimeoutError:
        raise requests.ConnectTimeout(request=request) from None
    except OSError:
        raise requests.ConnectionError(request=request) from None
    try:
        writer.write(_bytes_of(request, url.netloc))
        async with asyncio.timeout(to_read):
            return _answer(await reader.read())
    except TimeoutError:
        raise requests.ReadTimeout(request=request) from None
    except (OSError, http.client.HTTPException):
        raise requests.ConnectionError(request=request) from None
    finally:
        writer.close()


def _bytes_of(request: requests.PreparedRequest, host: str) -> bytes:
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    headers = {"Host": host, **request.headers, "Connection": "close", "Accept-Encoding": "identity"}
    lines = [f"{request.method} {request.path_url} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _answer(data: bytes) -> HTTPResponse:
    raw = http.client.HTTPResponse(_Bytes(data))  # type: ignore[arg-type]  # as much of a socket as it uses
    raw.begin()
    body = raw.read()
    return HTTPResponse(
        body=io.BytesIO(body),
        headers=dict(raw.getheaders()),
        status=raw.status,
        reason=raw.reason,
        preload_content=False,
        decode_content=False,
    )
