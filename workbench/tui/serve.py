"""The app in a browser, by textual-serve: an app process for each window, behind a token.

The token comes once in the address and then as a cookie that scripts cannot read; a web socket must
also come from a page of ours. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
import shlex
import socket
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from textual_serve.server import Server

from capture.errors import FalcowbError

_COOKIE = "falcowb"
_POLICY = (
    "default-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_WHO = "This workbench asks for its token: open the whole address that 'falcowb serve' printed.\n"


def run(command: Sequence[str], host: str, port: int, token: str | None) -> None:
    """Serve until interrupted. Port 0 takes a free one. Raises FalcowbError where the port is
    taken."""
    port = _free(host, port)
    TokenServer(command, host, port, token or secrets.token_urlsafe(24)).serve()


def _free(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
            return int(tried.getsockname()[1])
    except OSError as error:
        raise FalcowbError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            hint="--port 0 takes a free one.",
        ) from None


class TokenServer(Server):
    """A server that lets in who knows the token."""

    def __init__(self, command: Sequence[str], host: str, port: int, token: str) -> None:
        shown = f"[{host}]" if ":" in host else host
        super().__init__(
            shlex.join(command),
            host=host,
            port=port,
            title="falcowb",
            public_url=f"http://{shown}:{port}",
        )
        self._token = token

    def initialize_logging(self) -> None:
        """Nothing is logged: requests carry the token."""

    async def on_startup(self, app: web.Application) -> None:
        """Told when it listens."""

    def serve(self, debug: bool = False) -> None:
        def listening(*_: object) -> None:
            print(f"{self.public_url}/?token={self._token}", flush=True)
            print("Open this address in a browser; Ctrl-C ends.", file=sys.stderr, flush=True)

        web.run_app(self._make_app(), host=self.host, port=self.port, print=listening)

    async def _make_app(self) -> web.Application:
        app: web.Application = await super()._make_app()
        app.middlewares.append(self._guard())
        return app

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            given = request.query.get("token")
            if given is not None and request.path == "/":
                if not self._is_token(given):
                    return web.Response(status=403, text=_WHO)
                entered = web.HTTPSeeOther("/")
                entered.set_cookie(
                    f"{_COOKIE}-{self.port}", self._token, httponly=True, samesite="Strict"
                )
                return entered
            if not self._is_token(request.cookies.get(f"{_COOKIE}-{self.port}", "")):
                return web.Response(status=403, text=_WHO)
            origin = request.headers.get("Origin")
            if request.path == "/ws" and urlsplit(origin or "").netloc != request.host:
                return web.Response(status=403, text="Not from a page of ours.\n")
            response = await handler(request)
            if not response.prepared:
                response.headers["Content-Security-Policy"] = _POLICY
                response.headers["Referrer-Policy"] = "no-referrer"
            return response

        return guard

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())
