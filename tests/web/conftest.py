"""Web applications with a real database: in the test's own process, or served by uvicorn on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from medianest_models import web
from medianest_models.models import User
from medianest_models.repositories import sessions
from medianest_models.web import COOKIE, fastapi

PORTAL: Final = "https://portal.test"
OURS: Final = {"Origin": PORTAL}

Endpoint = Callable[[Request], Awaitable[Response]]


def starlette_app(endpoints: Mapping[str, Endpoint], **options: Any) -> Starlette:
    """Make an application of Starlette that answers every method at some paths."""
    methods = ["GET", "POST", "DELETE"]
    app = Starlette(routes=[Route(path, endpoint, methods=methods) for path, endpoint in endpoints.items()])
    web.install(app, **options)
    return app


def fastapi_app(endpoints: Mapping[str, Endpoint], **options: Any) -> FastAPI:
    """Make an application of FastAPI that answers every method at some paths."""
    app = FastAPI()
    fastapi.install(app, **options)
    for path, endpoint in endpoints.items():
        app.add_api_route(path, endpoint, methods=["GET", "POST", "DELETE"], response_model=None)
    return app


@asynccontextmanager
async def visiting(app: Any, *, client: str | None = "192.0.2.1", **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Make a browser that visits an application, from an address; its application's defects are its responses."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 1234))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=PORTAL, **options) as visitor:
        yield visitor


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an application on a port of the loopback interface, and yield its URL."""
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=10)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await server.startup(sockets=[listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await server.shutdown(sockets=[listener])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what sends no event."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def somebody(name: str = "ann", **columns: Any) -> User:
    """Make a user."""
    return await User.create(plex_id=name, plex_username=name, **columns)


async def token_of(user: User) -> str:
    """Start a session of a user, and return its token."""
    return (await sessions.issue(user.id)).token.get_secret_value()


async def bearer(user: User) -> dict[str, str]:
    """Return the header of a new session."""
    return {"Authorization": f"Bearer {await token_of(user)}"}


@asynccontextmanager
async def browser(app: Any, user: User | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Make a browser, with the cookie of a new session of the user."""
    async with visiting(app) as visitor:
        if user is not None:
            visitor.cookies.set(COOKIE, await token_of(user), domain="portal.test")
        yield visitor
