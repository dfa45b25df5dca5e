"""Who may ask the server, and what it may touch.

The server changes files, so no other page that is open in the same browser may reach it: a request needs the cookie
that the secret in the address gives, a Host that is the server's own (which a rebound name is not), and, to change
anything, the server's own Origin. Pages run the scripts that ship with the package and no others.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE = ("GET", "HEAD")
"""Methods that change nothing."""
LARGEST = 4 << 20
"""Bytes of a request's body."""
LONGEST = 1000
"""Characters of an address."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
"""Of a written page, which has its styles and pictures in it: no script runs, and it has no origin."""
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": POLICY,
    "cache-control": "no-store",
}
"""Headers of every answer that does not say otherwise."""
CLOSED = "open the address that semipose ui printed: it has a secret that this address lacks"


class Guard:
    """Around an ASGI application: answers what may not be asked itself.

    Args:
        secret: in the first address, then in a cookie.
        hosts: names with ports by which the server may be called, such as "127.0.0.1:8765".
    """

    def __init__(self, app: App, secret: str, hosts: Iterable[str]) -> None:
        self.app, self.secret, self.hosts = app, secret, frozenset(host.lower() for host in hosts)
        port = min(self.hosts, default="").rpartition(":")[2]
        self.cookie = f"semipose_{port}"
        """Cookies are shared between the ports of a machine: each server has its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refused(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
        elif self._enters(scope):
            cookie = f"{self.cookie}={self.secret}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(send, 303, "", {"location": "/", "set-cookie": cookie})
        elif not self._knows(headers.get("cookie", "")):
            await _answer(send, 403, CLOSED)
        else:
            await self.app(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope, headers: MutableMapping[str, str]) -> tuple[int, str] | None:
        """Status and sentence, where Host, Origin or size are wrong."""
        if headers.get("host", "").lower() not in self.hosts:
            return 403, "this server answers to its own name alone; open the address that semipose ui printed"
        if len(scope["path"]) > LONGEST:
            return 414, f"an address can have {LONGEST} characters"
        origin, safe = headers.get("origin"), scope["method"] in SAFE
        own = origin is not None and self._is_own(origin)
        if not own and (origin is not None or not safe):
            return 403, "the request is from another page, and nothing was changed"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not self._enters(scope):
            return 403, "the request is from another page, and nothing was changed"
        if safe:
            return None
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return 415, "send JSON"
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            return 413, f"a request can have {LARGEST >> 20} MB and must say how many"
        return None

    def _is_own(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme == "http" and parts.netloc.lower() in self.hosts

    def _enters(self, scope: Scope) -> bool:
        """Whether this is the first address, with the secret."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = (query.get("secret") or [""])[0]
        return scope["path"] == "/" and scope["method"] == "GET" and _same(given, self.secret)

    def _knows(self, text: str) -> bool:
        try:
            cookie = SimpleCookie(text).get(self.cookie)
        except CookieError:
            return False
        return cookie is not None and _same(cookie.value, self.secret)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


async def _answer(send: Send, status: int, text: str, more: dict[str, str] | None = None) -> None:
    headers = {**ALWAYS, "content-type": "text/plain; charset=utf-8", **(more or {})}
    lines = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": text.encode()})


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            more = [(n.encode(), v.encode()) for n, v in ALWAYS.items() if n.encode() not in there]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sent


def is_inside(path: str | Path, root: str | Path) -> bool:
    """Whether a path, with its links followed, is in a folder."""
    there, base = os.path.realpath(path), os.path.realpath(root)
    return there == base or there.startswith(base.rstrip(os.sep) + os.sep)
