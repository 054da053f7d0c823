"""The application: the JSON API, the pages and the events, with a problem as a page for whoever asks for one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medianest_models import MedianestError, web
from medianest_models.web.fastapi import install

from . import api, pages

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with no-referrer a form would be sent with `Origin: null`, and refused
    "X-Content-Type-Options": "nosniff",
}


class SecurityHeaders:
    """A middleware that lets pages load nothing from other hosts, run no inline script, and be in no frame."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the headers to its response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def show_as_pages(app: FastAPI) -> None:
    """Let the problems of a prepared application be pages in a browser, and lead to the sign-in without a session."""
    for kind in (MedianestError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _as_page(app.exception_handlers[kind]))


def _as_page(show_problem: Callable[[Request, Any], Any]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def show(request: Request, error: Exception) -> Response:
        response: Response = await show_problem(request, error)
        if "text/html" not in request.headers.get("accept", ""):
            return response
        if response.status_code == 401:  # noqa: PLR2004 - what `current_user` raises
            return pages.redirect("/sign-in")
        problem = json.loads(bytes(response.body))
        return pages.render(request, "problem.html", status=response.status_code, problem=problem)

    return show


app = FastAPI(
    title="MediaNest portal",
    lifespan=web.lifespan,
    openapi_url="/api/openapi.json",
    docs_url=None,  # its page takes its scripts from another host, like the next one
    redoc_url=None,
)
install(app)
show_as_pages(app)
app.include_router(api.router)
app.include_router(pages.router)
app.router.add_route("/events", web.change_events)
app.router.routes.extend(web.health_routes())
app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
app.add_middleware(SecurityHeaders)
