"""Web applications with a real database: in the test's own process, or served by uvicorn on the loopback interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import httpx
import pytest

from medianest_models.models import User
from medianest_models.repositories import sessions
from medianest_models.web import COOKIE

PORTAL: Final = "https://portal.test"
OURS: Final = {"Origin": PORTAL}


@asynccontextmanager
async def visiting(app: Any, *, client: str = "192.0.2.1", **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Make a browser that visits an application, from an address."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 1234))
    async with httpx.AsyncClient(transport=transport, base_url=PORTAL, **options) as visitor:
        yield visitor


async def somebody(name: str = "ann", **columns: Any) -> User:
    """Make a user."""
    return await User.create(plex_id=name, plex_username=name, **columns)


async def token_of(user: User) -> str:
    """Start a session of a user, and return its token."""
    return (await sessions.issue(user.id)).token.get_secret_value()


async def bearer(user: User) -> dict[str, str]:
    """Return the header of a new session."""
    return {"Authorization": f"Bearer {await token_of(user)}"}


async def cookie(user: User) -> dict[str, str]:
    """Return the cookie of a new session, for a browser's jar."""
    return {COOKIE: await token_of(user)}
