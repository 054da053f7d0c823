"""A connection of one's own: past the pool and past a pooler, for locks, LISTEN and a look from outside."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from medianest_models.db.connect_errors import connect_failure
from medianest_models.db.driver_errors import translate
from medianest_models.embedding import start_embedded
from medianest_models.errors import MedianestError
from medianest_models.settings import DatabaseUrl, load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CLOSE_SECONDS: Final = 1.0
"""How long a server may take to say goodbye. One that has fallen silent never does."""


async def resolve_direct_url(url: DatabaseUrl | None = None) -> DatabaseUrl:
    """`url`, or `DATABASE_DIRECT_URL`, or `DATABASE_URL`, or that of the embedded server, which is then started."""
    settings = load_settings()
    resolved = url or settings.direct_url()
    if resolved is None:
        resolved = await start_embedded(settings)
    return resolved


@asynccontextmanager
async def direct_connection(url: DatabaseUrl | None = None) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A connection that is closed at the end of the block.

    Args:
        url: The database; without it the one that migrations use.

    Raises:
        DatabaseUnavailableError: It can't be reached within `DATABASE_CONNECT_TIMEOUT`.
    """
    resolved = await resolve_direct_url(url)
    connection = await _connect(resolved, resolved.connect_timeout or load_settings().database_connect_timeout)
    if isinstance(connection, MedianestError):
        raise connection
    error: MedianestError | None = None
    try:
        yield connection
    except Exception as raised:
        # Only what the driver raises itself: an OSError may come from the caller's own file.
        if not type(raised).__module__.startswith("asyncpg"):
            raise
        error = translate(raised)
    finally:
        try:
            await connection.close(timeout=_CLOSE_SECONDS)
        except Exception:  # noqa: BLE001 - it is gone already, which asyncpg tells in many ways
            connection.terminate()
    if error is not None:
        try:
            raise error
        finally:
            error.__context__ = None  # the driver's error, which prints whole rows


async def _connect(url: DatabaseUrl, seconds: float) -> asyncpg.Connection[Any] | MedianestError:
    """The connection; or the error to raise, outside of `except`, because the driver's would be its context."""
    settings = {"search_path": url.schema} if url.schema else None
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            **url.connect_arguments(), timeout=seconds, server_settings=settings, statement_cache_size=0
        )
    except Exception as raised:  # noqa: BLE001 - whatever it is, the caller gets one of ours
        return connect_failure(raised, url, seconds)
    return connection
