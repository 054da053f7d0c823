"""The health of the database: a check that never hangs, its details, and the numbers of rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final, Literal

from medianest_models.db.client import Client, not_connected
from medianest_models.db.connection import within
from medianest_models.db.direct import direct_connection
from medianest_models.db.driver_errors import driver_errors
from medianest_models.db.hosts import wrong_role
from medianest_models.db.reading_client import ReadingClient
from medianest_models.db.requirements import Connection, read_status
from medianest_models.db.statements import current_client, fetch
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.errors import DatabaseTimeoutError, MedianestError, NoPrimaryError
from medianest_models.settings import DatabaseUrl

logger = logging.getLogger("medianest_models.db")

_ANSWER_SECONDS: Final = 1.8
_POOL_SECONDS: Final = 0.5
_CONNECT_SECONDS: Final = 0.8
"""The time for a connection of its own, which leaves some of `_ANSWER_SECONDS` to report the failure."""

# Every role sees whether there is a WAL receiver, but not its details. A standby may have replayed more than it has
# received since its restart. The time of the last replayed commit is by the primary's clock.
_ROLE: Final = """
SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only,
       CASE
           WHEN NOT pg_is_in_recovery() THEN NULL
           WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) AND pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()
               THEN 0
           ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
       END::float8 AS lag_seconds
"""

_STATISTICS: Final = """
    SELECT (SELECT count(*) FROM users) AS users,
           (SELECT count(*) FROM media_requests) AS media_requests,
           (SELECT count(*) FROM youtube_downloads) AS youtube_downloads
"""


@dataclass(frozen=True)
class DatabaseHealth:
    """The state of the database, seen from this process.

    Attributes:
        ok: Whether the database responds, and has the role that the URL asks for (`target_session_attrs`): a primary,
            unless it says otherwise.
        role: What the server is now: primary, standby, or a primary that is read-only for this role.
        lag_seconds: An upper bound of a standby's lag: 0 if it has replayed all that it has received and is connected
            to a primary; else the age of the last commit that it has replayed, which includes the time in which the
            primary wrote nothing, and grows while it is gone. None on other servers, and for a standby that has
            replayed no commit since its start.
        latency_ms: Milliseconds for one statement there and back.
        server_version: Such as "18.4".
        pool_size: The number of connections of this process.
        pool_idle: The number of idle ones among them.
        migration_head: The newest migration that was applied.
        migrations_pending: The migrations of this version of the package that were not applied.
        error: The problem; None when it is ok.
    """

    ok: bool
    role: Literal["primary", "standby", "read-only"] | None = None
    lag_seconds: float | None = None
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
    """Return whether the database responds, and has the role that the URL asks for.

    It always returns within two seconds and never raises. It uses a connection of the pool, or opens a separate one if
    all are in use. So a busy pool does not make a healthy server unhealthy; `database_health` returns the state of the
    pool.
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
            pool = {"pool_size": client.pool.get_size(), "pool_idle": client.idle}
        answer = await within(_ANSWER_SECONDS, _ask(client, detail=detail))
    except TimeoutError:
        answer = {"error": f"no answer within {_ANSWER_SECONDS:g} s"}
    except Exception as raised:  # noqa: BLE001 - a health check never raises
        answer = {"error": str(raised) if isinstance(raised, MedianestError) else type(raised).__name__}
    health = DatabaseHealth(ok=answer["error"] is None, **answer, **pool)
    if not health.ok:
        logger.warning("the database is not healthy: %s", health.error)
    return health


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
            try:
                connection = await client.acquire(seconds=_POOL_SECONDS)
            except DatabaseTimeoutError:
                async with direct_connection(client.url, seconds=_CONNECT_SECONDS) as unpooled:
                    return await _look(unpooled, client.url, detail=detail)
            try:
                return await _look(connection, client.url, detail=detail)
            finally:
                await client.release(connection)
        except NoPrimaryError as error:  # the server that answers has another role
            url = client.url and replace(client.url, target_session_attrs="any")
            async with direct_connection(url, seconds=_CONNECT_SECONDS) as other:
                return await _look(other, url, detail=detail) | {"error": str(error)}


async def _look(connection: Connection, url: DatabaseUrl | None, *, detail: bool) -> dict[str, Any]:
    started = monotonic()
    (found,) = await connection.fetch(_ROLE)
    answer: dict[str, Any] = {"latency_ms": (monotonic() - started) * 1000}
    standby, read_only, lag = found["standby"], found["read_only"], found["lag_seconds"]
    answer["role"] = "standby" if standby else "read-only" if read_only else "primary"
    answer["lag_seconds"] = None if lag is None else max(lag, 0.0)  # the clocks of two machines differ
    wanted = url.server_role if url else "primary"
    problem = wrong_role(wanted, is_standby=standby, is_read_only=read_only)
    answer["error"] = problem and f"the server {problem}, and the URL asks for target_session_attrs={wanted}"
    if detail:
        status = await read_status(connection)
        answer["server_version"] = connection.get_settings().server_version.split(maxsplit=1)[0]
        answer |= {"migration_head": status.head, "migrations_pending": status.pending}
    return answer
