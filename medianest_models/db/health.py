"""The health of the database: a check that never hangs, its details, and the numbers of rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from medianest_models.db.client import Client, not_connected
from medianest_models.db.connection import within
from medianest_models.db.direct import direct_connection
from medianest_models.db.driver_errors import driver_errors
from medianest_models.db.replicas import ReadingClient
from medianest_models.db.requirements import Connection, read_status
from medianest_models.db.statements import current_client, fetch
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.errors import DatabaseTimeoutError, MedianestError

logger = logging.getLogger("medianest_models.db")

_ANSWER_SECONDS: Final = 1.8
_POOL_SECONDS: Final = 0.5

_STATISTICS: Final = """
    SELECT (SELECT count(*) FROM users) AS users,
           (SELECT count(*) FROM media_requests) AS media_requests,
           (SELECT count(*) FROM youtube_downloads) AS youtube_downloads
"""


@dataclass(frozen=True)
class DatabaseHealth:
    """The state of the database, seen from this process.

    Attributes:
        ok: Whether the database responds.
        latency_ms: Milliseconds for one statement there and back.
        server_version: Such as "18.4".
        pool_size: The number of connections of this process.
        pool_idle: The number of idle ones among them.
        migration_head: The newest migration that was applied.
        migrations_pending: The migrations of this version of the package that were not applied.
        error: The problem; None when the database responds.
    """

    ok: bool
    latency_ms: float | None = None
    server_version: str | None = None
    pool_size: int | None = None
    pool_idle: int | None = None
    migration_head: str | None = None
    migrations_pending: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class DatabaseStats:
    """The numbers of rows, in whatever status."""

    users: int
    media_requests: int
    youtube_downloads: int


async def check_database_health() -> bool:
    """Return whether the database responds. It always returns within two seconds and never raises.

    It uses a connection of the pool, or opens a separate one if all are in use. So a busy pool does not make a healthy
    server unhealthy; `database_health` returns the state of the pool.
    """
    return (await _examine(detail=False)).ok


async def database_health() -> DatabaseHealth:
    """Return the health of the database in detail. It always returns within two seconds and never raises."""
    return await _examine(detail=True)


async def get_database_stats() -> DatabaseStats | None:
    """Count users, requests and downloads; return None, and warn in the log, when that fails."""
    try:
        (row,) = await fetch(_STATISTICS)
    except MedianestError as error:
        logger.warning("no statistics: %s", error)
        return None
    return DatabaseStats(**row)


async def _examine(*, detail: bool) -> DatabaseHealth:
    pool: dict[str, Any] = {}
    try:
        client = _pool_client()
        if client.pool is not None:
            pool = {"pool_size": client.pool.get_size(), "pool_idle": client.pool.get_idle_size()}
        answer = await within(_ANSWER_SECONDS, _ask(client, detail=detail))
    except TimeoutError:
        error = f"no answer within {_ANSWER_SECONDS:g} s"
    except Exception as raised:  # noqa: BLE001 - a health check never raises
        error = str(raised) if isinstance(raised, MedianestError) else type(raised).__name__
    else:
        return DatabaseHealth(ok=True, **answer, **pool)
    logger.warning("the database is not healthy: %s", error)
    return DatabaseHealth(ok=False, error=error, **pool)


def _pool_client() -> Client:
    client = current_client()
    while isinstance(client, (TransactionClient, ReadingClient)):
        client = client.outer
    if not isinstance(client, Client):
        raise not_connected()
    return client


async def _ask(client: Client, *, detail: bool) -> dict[str, Any]:
    with driver_errors():
        try:
            connection = await client.acquire(seconds=_POOL_SECONDS)
        except DatabaseTimeoutError:
            async with direct_connection(client.url) as unpooled:
                return await _look(unpooled, detail=detail)
        try:
            return await _look(connection, detail=detail)
        finally:
            await client.release(connection)


async def _look(connection: Connection, *, detail: bool) -> dict[str, Any]:
    started = monotonic()
    await connection.fetchval("SELECT 1")
    answer: dict[str, Any] = {"latency_ms": (monotonic() - started) * 1000}
    if detail:
        status = await read_status(connection)
        answer["server_version"] = connection.get_settings().server_version.split(maxsplit=1)[0]
        answer |= {"migration_head": status.head, "migrations_pending": status.pending}
    return answer
