"""Connections that belong to no pool: past a pooler, for migrations, locks, LISTEN and a look from outside."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from medianest_models.db.driver_errors import connect_errors, driver_errors_around_caller
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.embedding import start_embedded
from medianest_models.settings import DatabaseUrl, load_settings, session_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CLOSE_SECONDS: Final = 1.0
"""The time that a server has to say goodbye. One that has fallen silent never does."""


async def resolve_direct_url(url: DatabaseUrl | None = None) -> DatabaseUrl:
    """Return `url`, `DATABASE_DIRECT_URL`, `DATABASE_URL`, or that of the embedded server, which is then started."""
    settings = load_settings()
    return url or settings.direct_url() or await start_embedded(settings)


@asynccontextmanager
async def direct_connection(url: DatabaseUrl | None = None) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Be connected for the length of an `async with`, to `url` or to the database that migrations use.

    Raises:
        DatabaseUnavailableError: It can't be reached within `DATABASE_CONNECT_TIMEOUT`.
    """
    url = await resolve_direct_url(url)
    seconds = url.connect_timeout or load_settings().database_connect_timeout
    with connect_errors(url, seconds):
        connection = await asyncpg.connect(
            **url.connect_arguments(),
            timeout=seconds,
            server_settings=session_settings(url),
            statement_cache_size=0,
            connection_class=ForkSafeConnection,
        )
    try:
        with driver_errors_around_caller():
            yield connection
    finally:
        try:
            await connection.close(timeout=_CLOSE_SECONDS)
        except Exception:  # noqa: BLE001 - it is gone already, which asyncpg tells in many ways
            connection.terminate()
