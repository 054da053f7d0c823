"""The database of all peers: a server in a separate folder, with rows that are always the same."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg
import procrastinate
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from benchmarks.peers.clients.inputs import CHECKED_FROM
from benchmarks.server import connect
from medianest_models.db import database
from medianest_models.embedded import EmbeddedServer
from medianest_models.migrate.applying import migrate
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl

USERS: Final = 1_000
_CONNECTIONS: Final = 300  # every peer keeps ten

# Timestamps in whole milliseconds, the precision of a JavaScript date. Ids that the peers can compute.
_USERS_AND_SESSIONS: Final = f"""
INSERT INTO users (id, plex_id, plex_username, email, plex_token, created_at)
SELECT
    ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'plex-' || n, 'user-' || n,
    'user-' || n || '@example.org', 'v1.0123456789abcdef.' || repeat('A', 80),
    '2025-01-01Z'::timestamptz + n * interval '1 minute'
FROM generate_series(0, {USERS} - 1) AS n;
INSERT INTO session_tokens (id, user_id, token_hash, family_id, expires_at, created_at, last_used_at)
SELECT id, id, encode(sha256(convert_to('token-' || right(plex_username, -5), 'UTF8')), 'hex'), id,
    '2100-01-01Z', created_at, '2025-06-01Z'
FROM users
"""  # noqa: S608 - a whole number
_CHECKS: Final = """
INSERT INTO service_status_history (id, service_id, status, response_time_ms, checked_at)
SELECT
    ('01940000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1 + n % 3,
    CASE WHEN random() < 0.95 THEN 'up' ELSE 'down' END, floor(random() * 500)::int,
    '2025-01-01Z'::timestamptz + n * interval '30 seconds'
FROM generate_series(0, {rows} - 1) AS n
"""

_POSITIONS: Final = """
SELECT created_at, id FROM media_requests ORDER BY created_at DESC, id DESC LIMIT 20 OFFSET $1
"""

NO_HITS: Final = "TRUNCATE rate_limits"
NO_CHECKS: Final = f"DELETE FROM service_status_history WHERE checked_at >= '{CHECKED_FROM:%Y-%m-%d}Z'"  # noqa: S608 - a constant
FRESH_SESSIONS: Final = "UPDATE session_tokens SET last_used_at = now(); VACUUM session_tokens"


def refill_queues(number: int) -> str:
    """Return SQL that empties the queues and adds so many jobs to each, the same in all.

    Args:
        number: The number of jobs.
    """
    return f"""
SET session_replication_role = replica;
TRUNCATE youtube_downloads;
INSERT INTO youtube_downloads (id, user_id, turn, playlist_url, scheduled_at, created_at)
SELECT
    ('01950000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
    ('00000000-0000-7000-8000-' || lpad((n % {USERS})::text, 12, '0'))::uuid,
    (n - 1) / {USERS} + 1,  -- as a trigger gives it
    'https://example.org/' || n, '2025-01-01Z'::timestamptz + n * interval '1 second', '2025-01-01Z'
FROM generate_series(1, {number}) AS n;
TRUNCATE procrastinate_jobs CASCADE;
INSERT INTO procrastinate_jobs (id, queue_name, task_name, args, status)
SELECT n, 'default', 'download', jsonb_build_object('playlist_url', 'https://example.org/' || n), 'todo'
FROM generate_series(1, {number}) AS n;
TRUNCATE pgqueuer, pgqueuer_log;
INSERT INTO pgqueuer (id, priority, status, entrypoint, payload, execute_after)
SELECT n, 0, 'queued', 'download', convert_to('https://example.org/' || n, 'UTF8'), now() - interval '1 minute'
FROM generate_series(1, {number}) AS n;
SET session_replication_role = DEFAULT;
ANALYZE youtube_downloads, procrastinate_jobs, pgqueuer
"""  # noqa: S608 - whole numbers


def media_requests(first: int, after: int) -> str:
    """Return SQL that inserts media requests.

    Args:
        first: The number of the first one.
        after: The number after the last one's.
    """
    return f"""
INSERT INTO media_requests
    (id, user_id, title, media_type, tmdb_id, imdb_id, status, request_data, created_at, completed_at)
SELECT
    ('01930000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
    ('00000000-0000-7000-8000-' || lpad(floor(random() * {USERS})::int::text, 12, '0'))::uuid,
    'The title of request number ' || n,
    CASE WHEN random() < 0.6 THEN 'movie' ELSE 'tv' END,
    n::text, 'tt' || lpad(n::text, 8, '0'), status,
    jsonb_build_object('quality', '1080p', 'seasons', jsonb_build_array(1, 2, 3), 'note', repeat('x', 40)),
    '2025-01-01Z'::timestamptz + floor(random() * 31536000000) * interval '1 millisecond',
    CASE WHEN status IN ('available', 'failed') THEN '2026-02-01Z'::timestamptz END
FROM (
    SELECT n, (ARRAY['pending', 'approved', 'available', 'failed'])[1 + floor(random() * 4)::int] AS status
    FROM generate_series({first}, {after} - 1) AS n
) AS numbered
"""  # noqa: S608 - whole numbers


async def prepare(server: EmbeddedServer, rows: int) -> DatabaseUrl:
    """Start the server and fill its database.

    Args:
        server: A server without data.
        rows: The number of requests, and of checks.
    """
    url = await asyncio.to_thread(server.start)
    connection = await connect(url)
    await connection.execute(f"ALTER SYSTEM SET max_connections = {_CONNECTIONS}")
    await connection.execute("ALTER SYSTEM SET max_wal_size = '4GB'")  # no checkpoint in the middle of a turn
    await connection.close()
    await asyncio.to_thread(server.stop)
    url = await asyncio.to_thread(server.start)
    await lay(url)
    connector = procrastinate.PsycopgConnector(kwargs={"host": url.host, "user": url.user, "dbname": url.database})
    async with procrastinate.App(connector=connector).open_async() as app:
        await app.schema_manager.apply_schema_async()
    connection = await connect(url)
    await Queries(AsyncpgDriver(connection)).install()
    await connection.execute("SELECT setseed(0.7)")
    await connection.execute(media_requests(0, rows))
    await connection.execute(_CHECKS.format(rows=rows))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return url


async def lay(url: DatabaseUrl) -> None:
    """Create the tables, the services, the users and their sessions in an empty database."""
    await migrate(url)
    async with database(url):
        await seed()
    connection = await connect(url)
    await connection.execute(_USERS_AND_SESSIONS)
    await connection.close()


async def positions(connection: asyncpg.Connection[Any], depths: list[int]) -> dict[int, list[tuple[str, str]]]:
    """Return twenty positions per depth in the list of all requests."""
    return {
        depth: [(row["created_at"].isoformat(), str(row["id"])) for row in await connection.fetch(_POSITIONS, depth)]
        for depth in depths
    }
