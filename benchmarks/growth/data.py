"""Databases that differ only in the number of their rows: every table of one has the same number."""

# ruff: noqa: S608 - of constants and whole numbers

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from benchmarks.server import connect
from medianest_models.db import database
from medianest_models.db.partitions import PARTITIONED, make_partitions
from medianest_models.migrate.applying import migrate
from medianest_models.repositories import services
from medianest_models.settings import DatabaseUrl

SERVICES: Final = ("jellyfin", "overseerr", "plex", "sonarr")
_OF_EACH: Final = 50  # the rows of a user in the tables of requests, downloads and activity
_YEAR: Final = timedelta(days=365)
_LOADERS: Final = 2
_SCATTER: Final = 2_654_435_761  # prime, so that multiples of it reach every row of a table once

# The sizes stay as they are loaded: no autovacuum comes between turns. A parallel worker ends with its statement, and
# its CPU time would not be seen.
_SERVER: Final = (
    "shared_buffers = '1GB'", "max_wal_size = '8GB'", "checkpoint_timeout = '1h'", "autovacuum = off", "fsync = off",
    "wal_level = minimal", "max_wal_senders = 0", "max_parallel_workers_per_gather = 0",
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """A database of a size.

    Attributes:
        rows: The number of rows of each table.
        is_queue: Whether its downloads all wait; otherwise all but a hundred are done, and the other tables are filled.
        since: The time of the first row; the last one is of a year later.
    """

    rows: int
    is_queue: bool
    since: datetime

    @property
    def name(self) -> str:
        """The name of the database."""
        return f"{'queue' if self.is_queue else 'portal'}_{self.rows}"

    @property
    def owners(self) -> int:
        """The number of users who have requests, downloads and activity."""
        return self.rows // _OF_EACH

    @property
    def step(self) -> timedelta:
        """The time between two rows."""
        return _YEAR / self.rows

    def pick(self, call: int, of: int | None = None) -> int:
        """Return the number of a row for a call, from all over the table; each call has another one.

        Args:
            call: The number of the call.
            of: The number of rows to pick from; None for all.
        """
        return call * _SCATTER % (of or self.rows)


def sizes(rows: tuple[int, ...]) -> list[Size]:
    """Return the databases with so many rows: for each number a portal and a queue."""
    since = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - _YEAR
    return [Size(number, is_queue, since) for number in rows for is_queue in (False, True)]


def row_id(kind: int, number: int) -> str:
    """Return the id of a row, as `_id` writes it in SQL."""
    return f"0195000{kind}-0000-7000-8000-{number:012x}"


USER: Final = 0
REQUEST: Final = 1


def _id(kind: int, number: str = "n") -> str:
    return f"('0195000{kind}-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


_AT: Final = "'{since}'::timestamptz + n * interval '{step} microseconds'"
_ROWS: Final = "FROM generate_series(0, {rows} - 1) AS n"
_OWNER: Final = _id(USER, "n % {owners}")
_REQUESTS: Final = f"""
INSERT INTO media_requests (id, user_id, title, media_type, tmdb_id, status, request_data, created_at, completed_at)
SELECT {_id(REQUEST)}, {_OWNER}, 'The title of request number ' || n, CASE n % 3 WHEN 0 THEN 'tv' ELSE 'movie' END,
    n::text, CASE n % 10 WHEN 0 THEN 'pending' WHEN 1 THEN 'approved' WHEN 2 THEN 'failed' ELSE 'available' END,
    jsonb_build_object('quality', '1080p', 'seasons', jsonb_build_array(1, 2, 3)), {_AT},
    CASE WHEN n % 10 > 1 THEN {_AT} END
{_ROWS}
"""
_DOWNLOADS: Final = f"""
INSERT INTO youtube_downloads
    (id, user_id, turn, playlist_url, status, progress, attempts, created_at, scheduled_at, completed_at)
SELECT {_id(2)}, {_OWNER}, n / {{owners}} + 1, 'https://example.org/' || n,
    CASE WHEN n < {{done}} THEN 'completed' ELSE 'queued' END, CASE WHEN n < {{done}} THEN 100 ELSE 0 END,
    CASE WHEN n < {{done}} THEN 1 ELSE 0 END, {_AT}, {_AT}, CASE WHEN n < {{done}} THEN {_AT} END
{_ROWS}
"""
_USERS: Final = f"""
INSERT INTO users (id, plex_id, plex_username, email, plex_token, created_at)
SELECT {_id(USER)}, 'plex-' || n, 'user-' || n, 'user-' || n || '@example.org', 'v1.0123456789abcdef', {_AT}
FROM generate_series(0, {{users}} - 1) AS n
"""
# The uses of the even ones were noted a moment ago, for ever.
_SESSIONS: Final = f"""
INSERT INTO session_tokens (id, user_id, token_hash, family_id, expires_at, created_at, last_used_at)
SELECT {_id(3)}, {_id(USER)}, encode(sha256(convert_to('token-' || n, 'UTF8')), 'hex'), {_id(3)}, '2100-01-01Z', {_AT},
    CASE n % 2 WHEN 0 THEN '2100-01-01Z'::timestamptz END
{_ROWS}
"""
_HITS: Final = f"""
INSERT INTO rate_limits (id, ip_address, endpoint, request_count, window_start)
SELECT {_id(4)}, host('10.0.0.0'::inet + n / 2), 'media.request', 1, date_trunc('day', now()) - n % 2 * interval '1 day'
{_ROWS}
"""
_ACTIVITY: Final = f"""
INSERT INTO activity_logs (id, user_id, action, entity_type, entity_id, ip_address, created_at)
SELECT {_id(5)}, {_OWNER}, (ARRAY['request.create', 'request.approve', 'session.issue', 'download.create'])[1 + n % 4],
    'media_request', n / 4, '10.0.0.1', {_AT}
{_ROWS}
"""
_UPDATES: Final = f"""
INSERT INTO media_request_status_updates (id, request_id, status, created_at)
SELECT {_id(6)}, {_id(REQUEST)}, 'pending', {_AT} {_ROWS}
"""
# A check of each service in a minute; every fifty hours a service is down for ten minutes.
_CHECKS: Final = f"""
INSERT INTO service_status_history (id, service_id, status, response_time_ms, checked_at)
SELECT {_id(7)}, 1 + n % {len(SERVICES)}, CASE n / 40 % 300 WHEN 0 THEN 'down' ELSE 'up' END, 20 + n % 100,
    now() - ({{rows}} - n) / {len(SERVICES)} * interval '1 minute'
{_ROWS}
"""
_TABLES: Final = {
    "youtube_downloads": _DOWNLOADS, "media_requests": _REQUESTS, "users": _USERS, "session_tokens": _SESSIONS,
    "rate_limits": _HITS, "activity_logs": _ACTIVITY, "media_request_status_updates": _UPDATES,
    "service_status_history": _CHECKS,
}  # fmt: skip
_OF_QUEUE: Final = ("youtube_downloads", "users")

# The indexes that can be made after the rows, which is faster; they are not those of primary keys.
_INDEXES: Final = """
SELECT format('DROP INDEX %s', indexrelid::regclass) AS drop_it,
       replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') AS make_it
FROM pg_index WHERE indrelid = $1::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
UNION ALL
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'u'
"""


async def set_up(connection: asyncpg.Connection[Any]) -> None:
    """Set the server up; it needs a restart afterwards."""
    for setting in _SERVER:
        await connection.execute(f"ALTER SYSTEM SET {setting}")


async def make(server: DatabaseUrl, size: Size) -> DatabaseUrl:
    """Make a database, as the migrations leave it, with its rows and statistics.

    Args:
        server: A database on the server.
        size: The size.
    """
    url = replace(server, database=size.name, pool_max=1)
    connection = await connect(server)
    await connection.execute(f"CREATE DATABASE {size.name}")
    await connection.close()
    await migrate(url)
    connection = await connect(url)
    await connection.executemany("INSERT INTO services (name, display_name) VALUES ($1, $1)", [(n,) for n in SERVICES])
    if not size.is_queue:
        async with database(url):
            await make_partitions("activity_logs", since=size.since)
            minutes = size.rows // len(SERVICES)
            await make_partitions("service_status_history", since=datetime.now(UTC) - timedelta(minutes=minutes))
    free = asyncio.Semaphore(_LOADERS)
    async with asyncio.TaskGroup() as group:
        for table in _OF_QUEUE if size.is_queue else _TABLES:
            group.create_task(_fill(url, size, table, free))
    if not size.is_queue:
        async with database(url):
            await services.roll_up()
    await connection.execute("VACUUM ANALYZE services, service_rollups, service_states")
    await connection.close()
    return url


async def _fill(url: DatabaseUrl, size: Size, table: str, free: asyncio.Semaphore) -> None:
    insert = _TABLES[table].format(
        rows=size.rows, owners=size.owners, users=size.owners if size.is_queue else size.rows,
        done=0 if size.is_queue else size.rows - 100, since=size.since, step=size.step // timedelta(microseconds=1),
    )  # fmt: skip
    async with free:
        connection = await connect(url)
        await connection.execute("SET session_replication_role = replica")  # no triggers and no checks of foreign keys
        await connection.execute("SET maintenance_work_mem = '512MB'")
        async with connection.transaction():
            indexes = await connection.fetch(_INDEXES, table)
            for index in indexes:
                await connection.execute(index["drop_it"])
            if table not in PARTITIONED:  # with room for updates, as in pages that were updated and vacuumed before
                await connection.execute(f"ALTER TABLE {table} SET (fillfactor = 90)")
            await connection.execute(insert)
            if table not in PARTITIONED:
                await connection.execute(f"ALTER TABLE {table} RESET (fillfactor)")
            for index in indexes:
                await connection.execute(index["make_it"])
        await connection.execute(f"VACUUM ANALYZE {table}")
        await connection.close()
