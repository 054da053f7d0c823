"""How the database is: a yes or no that never hangs, the detail, and how much is in it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from tortoise.connection import get_connection

from medianest_models.db.client import Client, not_connected
from medianest_models.db.connection import within
from medianest_models.db.driver_errors import translate
from medianest_models.db.migration_status import read_status
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.errors import DatabaseTimeoutError, MedianestError
from medianest_models.settings import DEFAULT_ALIAS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncpg import Connection, Record
    from asyncpg.pool import PoolConnectionProxy

    _Connection = Connection[Record] | PoolConnectionProxy[Record]
    _Question = Callable[[_Connection], Awaitable[dict[str, Any]]]

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
    """How the database is, seen from this process.

    Attributes:
        ok: Whether it answers.
        latency_ms: Milliseconds for one statement there and back.
        server_version: Such as "18.4".
        pool_size: How many connections this process holds.
        pool_idle: How many of them nobody uses.
        migration_head: The newest migration that was applied.
        migrations_pending: The migrations of this version of the package that were not.
        error: What is wrong; None when it answers.
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
    """How many rows there are.

    Attributes:
        users: All users.
        media_requests: All media requests, open or not.
        youtube_downloads: All downloads, in whatever status.
    """

    users: int
    media_requests: int
    youtube_downloads: int


async def check_database_health() -> bool:
    """Whether the database answers. Within two seconds, and without raising, whatever the server does.

    It asks over a connection of the pool. When all of them are in use it asks over one of its own, so a busy pool
    in front of a healthy server is healthy; `database_health` shows the pool.
    """
    return (await _examine(_ping)).ok


async def database_health() -> DatabaseHealth:
    """How the database is. Within two seconds, and without raising, whatever the server does."""
    return await _examine(_look)


async def get_database_stats() -> DatabaseStats | None:
    """How many users, requests and downloads there are; None, and a warning in the log, when that fails."""
    try:
        rows = await get_connection(DEFAULT_ALIAS).execute_query_dict(_STATISTICS)
    except MedianestError as error:
        logger.warning("no statistics: %s", error)
        return None
    return DatabaseStats(**rows[0])


async def _examine(question: _Question) -> DatabaseHealth:
    pool: dict[str, Any] = {}
    try:
        client = _pool_client()
        if client.pool is not None:
            pool = {"pool_size": client.pool.get_size(), "pool_idle": client.pool.get_idle_size()}
        answer = await within(_ANSWER_SECONDS, _ask(client, question))
    except Exception as raised:  # noqa: BLE001 - a health check never raises
        error = f"no answer within {_ANSWER_SECONDS:g} s" if type(raised) is TimeoutError else _words(raised)
        logger.warning("the database is not healthy: %s", error)
        return DatabaseHealth(ok=False, error=error, **pool)
    return DatabaseHealth(ok=True, **answer, **pool)


def _words(raised: Exception) -> str:
    return str(translate(raised) or (raised if isinstance(raised, MedianestError) else type(raised).__name__))


def _pool_client() -> Client:
    client = get_connection(DEFAULT_ALIAS)
    while isinstance(client, TransactionClient):
        client = client.outer
    if not isinstance(client, Client):
        raise not_connected()
    return client


async def _ask(client: Client, question: _Question) -> dict[str, Any]:
    try:
        connection = await client.acquire(patience=_POOL_SECONDS)
    except DatabaseTimeoutError:
        apart = await client.connect_unpooled()
        try:
            return await question(apart)
        finally:
            apart.terminate()
    try:
        return await question(connection)
    finally:
        await client.release(connection)


async def _ping(connection: _Connection) -> dict[str, Any]:
    await connection.fetchval("SELECT 1")
    return {}


async def _look(connection: _Connection) -> dict[str, Any]:
    started = monotonic()
    version: str = await connection.fetchval("SELECT current_setting('server_version')")
    latency = (monotonic() - started) * 1000
    status = await read_status(connection)
    return {
        "latency_ms": latency,
        "server_version": version.split(maxsplit=1)[0],
        "migration_head": status.head,
        "migrations_pending": status.pending,
    }
