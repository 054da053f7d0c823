"""Preparing an application: the handlers of errors, and the headers that any response of a request carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medianest_models.errors import ConfigurationError, MedianestError
from medianest_models.models import SessionToken
from medianest_models.web.problems import ProblemResponse, show_error, show_http_error

COOKIE: Final = "__Host-medianest"
"""The name of the session's cookie. Browsers accept this prefix only with `Secure`, `Path=/` and no `Domain`, so that
no other host of the domain can set it."""

_KEY: Final = "medianest_models.web"


@dataclass
class Exchange:
    """A request and what its response has to carry, whoever makes that: a handler, or the handler of an error.

    Attributes:
        cookie: The name of the session's cookie.
        set_cookie: The `Set-Cookie` of the session, when it has to change.
        headers: More headers, each a name and a value.
        session: The session, once it was verified.
    """

    cookie: str
    set_cookie: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    session: SessionToken | None = None

    @classmethod
    def of(cls, request: Request) -> Exchange:
        """Return that of a request.

        Raises:
            ConfigurationError: The application was not prepared with `install`.
        """
        found = request.scope.get(_KEY)
        if not isinstance(found, cls):
            raise ConfigurationError("the application was not prepared: call medianest_models.web.install(app)")
        return found

    def write(self, headers: MutableHeaders) -> None:
        """Add the headers to a response."""
        for name, value in self.headers:
            headers.append(name, value)
        if self.set_cookie is not None:
            headers.append("Set-Cookie", self.set_cookie)
            headers["Cache-Control"] = "no-store"  # whatever the page is: no cache may hand out a session


class _Exchanges:
    """The middleware that makes an `Exchange` for each request, and writes its headers into the response."""

    def __init__(self, app: ASGIApp, *, cookie: str) -> None:
        self._app, self._cookie = app, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope[_KEY] = Exchange(self._cookie)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])  # optional in ASGI
                exchange.write(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def install(app: Starlette, *, cookie: str = COOKIE) -> None:
    """Prepare an application: errors become problems, and the functions of this package can be called in it.

    Call it once, before the application starts, and for FastAPI `medianest_models.web.fastapi.install` instead.

    Args:
        app: The application.
        cookie: The name of the session's cookie. With `__Host-` or without, it is `Secure`.
    """
    app.add_middleware(_Exchanges, cookie=cookie)
    app.add_exception_handler(MedianestError, show_error)
    app.add_exception_handler(HTTPException, show_http_error)
    app.add_exception_handler(Exception, _show_defect)


async def _show_defect(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the server logs it
    """Answer a request that ended with an unexpected error. It is outside of the middleware, and adds the headers."""
    response = ProblemResponse(500)
    if isinstance(exchange := request.scope.get(_KEY), Exchange):
        exchange.write(response.headers)  # a session's new token would be lost otherwise
    return response
