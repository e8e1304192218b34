"""Only this machine's own pages may act here, and what a message contains can do nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
# No inline script, no inline style, nothing from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # "no-referrer" would turn the Origin of our own forms into "null":
    # https://fetch.spec.whatwg.org/#append-a-request-origin-header
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
REFUSAL = "The sandbox answers its own page only."

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No other site may press buttons here, no other name may point here; every answer carries HEADERS."""
    if not _is_ours(request):
        return web.Response(status=403, text=REFUSAL, headers=HEADERS)
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        refusal.headers.update(HEADERS)
        raise
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def _is_ours(request: web.Request) -> bool:
    """A foreign name in Host is DNS rebinding; a foreign Origin is another site's form or script."""
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return False
    named = f"[{host}]" if ":" in host else host
    origin = request.headers.get("Origin")
    if named not in LOCAL or (origin is not None and urlsplit(origin).netloc != request.host):
        return False
    # Browsers say where a request comes from even where they send no Origin.
    site = request.headers.get("Sec-Fetch-Site", "none")
    return request.method in ("GET", "HEAD") or site in ("same-origin", "none")
