"""The application: the JSON API, the pages, the events and the health routes, with headers for browsers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medianest_models import web
from medianest_models.web.fastapi import install

from . import api, pages
from .rendering import show_as_pages

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


app = FastAPI(
    title="MediaNest portal",
    lifespan=web.lifespan,
    openapi_url="/api/openapi.json",
    docs_url=None,  # its page takes its scripts from another host, and so does the next one
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
