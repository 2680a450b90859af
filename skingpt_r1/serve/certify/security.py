"""What every request passes: size, host and origin are checked before a route sees it, headers are set on what leaves.

The pages load nothing from elsewhere and run no inline script, so the content policy can forbid both. A change (POST)
must come from our own page: browsers tell its origin, and each form or fetch carries the session's secret besides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skingpt_r1.records import SkinGPTError

BODY: Final = 128 * 2**10  # bytes of a request
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "X-Robots-Tag": "noindex, nofollow",
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where browsers find the pages: "http://127.0.0.1:8601", or the public https address in front of it."""

    url: str

    @property
    def secure(self) -> bool:
        """Whether cookies may ask for https."""
        return self.url.startswith("https://")

    @property
    def host(self) -> str:
        """Host and port as browsers send it."""
        return urlsplit(self.url).netloc.lower()

    @property
    def cookie(self) -> str:
        """The session's cookie; the prefix makes browsers refuse one set by a neighbouring host."""
        return "__Host-skingpt" if self.secure else "skingpt"


def site(url: str) -> Site:
    """A checked address. Raises SkinGPTError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise SkinGPTError(f"{url}: no address of a site; give https://name without a path.")
    default = {"http": 80, "https": 443}[parts.scheme]
    netloc = parts.netloc if parts.port != default else parts.netloc.rpartition(":")[0]
    return Site(f"{parts.scheme}://{netloc.lower()}")


class Guard:
    """The middleware. Refuses with one sentence: 413 too large, 421 another host, 403 another origin."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self.app = app
        self.site = site
        local = self.site.host.replace("127.0.0.1", "localhost")
        self.hosts = {self.site.host, local}
        scheme = "https" if site.secure else "http"
        self.origins = {f"{scheme}://{host}" for host in self.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        dressed = self._dressed(send, scope["path"])
        if refusal is not None:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, dressed)
            return
        body, fits = await _body(receive) if scope["method"] not in _SAFE else (b"", True)
        if not fits:
            await PlainTextResponse("The request is too large.", 413)(scope, receive, dressed)
            return
        await self.app(scope, _replayed(body, receive), dressed)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        if headers.get("host", "").lower() not in self.hosts:
            return 421, f"This is {self.site.url}; open it under that address."
        if method in _SAFE:
            return None
        if headers.get("origin", self.site.url).lower() not in self.origins:
            return 403, "This request comes from another site and is refused."
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "This request comes from another site and is refused."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY:
            return 413, "The request is too large."
        return None

    def _dressed(self, send: Send, path: str) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers["Cache-Control"] = "no-cache" if path.startswith("/static/") else "no-store"
                if self.site.secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        return dressed


async def _body(receive: Receive) -> tuple[bytes, bool]:
    """The whole body, and whether it is within the limit; no header is believed."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"", True
        parts.append(message.get("body", b""))
        if sum(map(len, parts)) > BODY:
            return b"", False
        if not message.get("more_body", False):
            return b"".join(parts), True


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting: Iterable[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replayed() -> Message:
        for message in waiting:
            return message
        return await receive()

    return replayed
