"""Connections without a pool, which bypass a pooler: for migrations, locks, LISTEN and health checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from medianest_models.db.driver_errors import driver_errors_around_caller
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.db.hosts import open_connection
from medianest_models.embedding import start_embedded
from medianest_models.settings import DatabaseUrl, load_settings, session_settings

_CLOSE_SECONDS: Final = 1.0
"""The time that a server has to close a connection. A server that does not respond never does."""


async def resolve_direct_url(url: DatabaseUrl | None = None) -> DatabaseUrl:
    """Return `url`, `DATABASE_DIRECT_URL`, `DATABASE_URL`, or the embedded server's URL after starting it."""
    settings = load_settings()
    return url or settings.direct_url() or await start_embedded(settings)


@asynccontextmanager
async def direct_connection(
    url: DatabaseUrl | None = None, *, seconds: float | None = None
) -> AsyncIterator[ForkSafeConnection]:
    """Be connected to `url`, or to the database that migrations use.

    It is a DatabaseUnavailableError if that takes longer than `seconds`; without them, longer than the connect timeout
    and than `DATABASE_FAILOVER_WAIT`.
    """
    url, settings = await resolve_direct_url(url), load_settings()
    connection = await open_connection(
        url,
        seconds=seconds or url.connect_timeout or settings.database_connect_timeout,
        wait=0 if seconds else settings.database_failover_wait,
        server_settings=session_settings(url),
        statement_cache_size=0,
    )
    try:
        with driver_errors_around_caller():
            yield connection
    finally:
        await connection.close(timeout=_CLOSE_SECONDS)
