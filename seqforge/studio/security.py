"""The guard in front of every request: who may ask, from which page, and how much a request may contain."""

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CONTENT_POLICY", "MAX_BODY", "Guard"]

MAX_BODY = 16_000_000
"""The largest body of a request, in bytes."""
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self';"
    " connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The content security policy: nothing is loaded from another host, and no inline script or style is applied."""
HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Guard:
    """ASGI middleware that answers only requests with the token, for this host, from this page, and of bounded size.

    The token is in the address that `seqforge studio` opens; a cookie then takes its place. Programs send it as
    `Authorization: Bearer TOKEN`. The Host header must name this machine, so that a page of another site whose name is
    bound to 127.0.0.1 (DNS rebinding) gets nothing; the Origin header, if there is one, must be this server.

    Source: the Jupyter server, "Security in the Jupyter Server".

    Args:
        app: The application.
        token: The token.
        port: The port; 0 accepts any.
        hosts: Further host names that are accepted.
    """

    def __init__(self, app: ASGIApp, token: str, port: int = 0, hosts: tuple[str, ...] = ()) -> None:
        self.app, self.token, self.port = app, token, port
        self.hosts = (*LOCAL_NAMES, *hosts)
        self.cookie = f"seqforge-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _with_headers(refusal)(scope, receive, send)
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["path"] == "/" and "token" in query:
            response = RedirectResponse("/", status_code=303)
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
            await _with_headers(response)(scope, receive, send)
            return
        await _with_headers(self.app)(scope, _bounded(receive), send)

    def _refusal(self, scope: Scope, headers: dict[bytes, str]) -> ASGIApp | None:
        """Return the answer to a request that is refused, None for one that is answered."""
        if not self._is_local(headers.get(b"host", "")):
            return PlainTextResponse("the Host header does not name this server", 403)
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != headers.get(b"host"):
            return PlainTextResponse("requests from other sites are refused", 403)
        if headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin") and scope["path"] != "/":
            return PlainTextResponse("requests from other sites are refused", 403)
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return PlainTextResponse(f"a request has at most {MAX_BODY:,} bytes", 413)
        if not self._has_token(scope, headers):
            text = "open the address that `seqforge studio` printed: it contains the token of this server"
            return PlainTextResponse(text, 403)
        return None

    def _is_local(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if not colon or (host.startswith("[") and host.endswith("]")):
            name, port = host, ""
        return name.lower() in self.hosts and (not self.port or port in ("", str(self.port)))

    def _has_token(self, scope: Scope, headers: dict[bytes, str]) -> bool:
        candidates = []
        if scope["path"] == "/":
            candidates += parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
        kind, _, value = headers.get(b"authorization", "").partition(" ")
        if kind.lower() == "bearer":
            candidates.append(value.strip())
        try:
            cookie = SimpleCookie(headers.get(b"cookie", "")).get(self.cookie)
        except CookieError:
            cookie = None
        if cookie is not None:
            candidates.append(cookie.value)
        return any(hmac.compare_digest(text.encode(), self.token.encode()) for text in candidates)


class TooLargeError(Exception):
    """The body of a request is larger than MAX_BODY."""


def _bounded(receive: Receive) -> Receive:
    """Return a `receive` that raises TooLargeError once a body is too large, whatever its header says."""
    total = 0

    async def bounded() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MAX_BODY:
            raise TooLargeError
        return message

    return bounded


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Return an application whose answers have the headers of security."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped
