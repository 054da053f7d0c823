"""The rows of the big database: each growing table has 200,000 rows or more, distributed as in a real portal.

Row number n of a table has the id `row_id(n)`. Users 0 to 4,999 are active, and each has an equal number of rows.
Timestamps are evenly distributed over the past two years, the highest number last; only a few rows are open.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

ROWS: Final = 200_000
BUSY_USERS: Final = 5_000
SERVICES: Final = 5
PARTITIONED_TABLES: Final = ("service_status_history", "activity_logs")

LARGE_TABLES: Final = frozenset(
    {
        "users",
        "media_requests",
        "media_request_followers",
        "media_request_status_updates",
        "youtube_downloads",
        "service_status_history",
        "session_tokens",
        "rate_limits",
        "rolling_rate_limits",
        "activity_logs",
    }
)

_ID: Final = "('00000000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
_N: Final = _ID.format("n")
_USER: Final = _ID.format(f"n % {BUSY_USERS}")
_INSTANT: Final = f"now() - ({ROWS} - n) * interval '5 minutes'"
# Rows are as wide as real ones, because their width makes an index cheaper to read than the table.
_TEXT: Final = f"'{'x' * 120}'"
_JSON: Final = f"""'{{"text": "{"x" * 400}"}}'::jsonb"""

FILL: Final = (
    # The statistics cover every row and are not updated: a sample may miss a rare status, so each run could have
    # another plan.
    "SET default_statistics_target = 1000",
    """
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_statistics_target = 1000', current_database()); END $$
    """,
    *(
        f"""
        DO $$ DECLARE command text; BEGIN
            FOR command IN SELECT format(
                'CREATE TABLE %I PARTITION OF {table} FOR VALUES FROM (%L) TO (%L)',
                to_char(month, '"{table}_"YYYY_MM'),
                month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'
            ) FROM generate_series(
                date_trunc('month', ({_INSTANT.replace("n)", "0)")}) AT TIME ZONE 'UTC'),
                date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month', interval '1 month'
            ) AS month LOOP
                EXECUTE command;
            END LOOP;
        END $$
        """
        for table in PARTITIONED_TABLES
    ),
    f"""
    DO $$ DECLARE part regclass; BEGIN
        FOREACH part IN ARRAY ARRAY (
            SELECT oid FROM pg_class
            WHERE relkind = 'r'
                AND coalesce(pg_partition_root(oid), oid)::regclass::text IN {tuple(sorted(LARGE_TABLES))}
        ) LOOP
            EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', part);
        END LOOP;
    END $$
    """,
    # Without foreign key checks and triggers: the rows are valid, and this halves the time.
    "SET session_replication_role = replica",
    f"""
    INSERT INTO users (id, plex_id, plex_username, email, plex_token, role, status, created_at, last_login_at)
    SELECT {_N}, 'plex-' || n, 'Name ' || n, 'user' || n || '@Example.org', {_TEXT},
           CASE WHEN n < 3 THEN 'admin' ELSE 'user' END, CASE n % 50 WHEN 7 THEN 'suspended' ELSE 'active' END,
           {_INSTANT}, CASE WHEN n % 3 > 0 THEN {_INSTANT} + interval '1 hour' END
    FROM generate_series(0, {ROWS} - 1) n
    """,
    """
    INSERT INTO local_credentials (username, password_hash, user_id)
    SELECT 'local' || row_number() OVER (), 'no hash', id FROM users ORDER BY id LIMIT 3
    """,
    f"""
    INSERT INTO media_requests (id, title, media_type, tmdb_id, imdb_id, status, overseerr_id,
                                request_data, created_at, completed_at, user_id)
    SELECT {_N}, 'Title ' || n, CASE n % 3 WHEN 0 THEN 'tv' ELSE 'movie' END, n::text, 'tt' || n, status,
           CASE WHEN n % 2 = 0 THEN 'o' || n END, {_JSON}, {_INSTANT},
           CASE WHEN status IN ('available', 'failed') THEN {_INSTANT} + interval '1 day' END, {_USER}
    FROM generate_series(0, {ROWS} - 1) n,
         LATERAL (SELECT CASE WHEN n % 100 < 90 THEN 'available' WHEN n % 100 < 95 THEN 'failed'
                              WHEN n % 100 < 98 THEN 'approved' ELSE 'pending' END AS status) s
    """,
    f"""
    INSERT INTO media_request_followers (id, created_at, request_id, user_id)
    SELECT {_N}, {_INSTANT}, {_N}, {_ID.format(f"(n + 1) % {BUSY_USERS}")} FROM generate_series(0, {ROWS} - 1) n
    """,
    f"""
    INSERT INTO media_request_status_updates (id, status, message, created_at, request_id)
    SELECT {_N}, 'approved', NULL, {_INSTANT}, {_N} FROM generate_series(0, {ROWS} - 1) n
    """,
    f"""
    INSERT INTO youtube_downloads (id, playlist_url, playlist_title, status, priority, attempts, worker_id,
                                   lease_expires_at, scheduled_at, progress, metadata, created_at,
                                   started_at, completed_at, user_id)
    SELECT {_N}, 'https://youtube.example/playlist?list=' || n, 'Playlist ' || n, status, (n % 3) * 10,
           CASE status WHEN 'queued' THEN 0 ELSE 1 END, CASE status WHEN 'downloading' THEN 'worker-' || n END,
           CASE status WHEN 'downloading' THEN now() + (n % 20 - 2) * interval '1 minute' END, {_INSTANT},
           CASE status WHEN 'completed' THEN 100 ELSE 0 END, {_JSON}, {_INSTANT},
           CASE WHEN status <> 'queued' THEN {_INSTANT} + interval '1 minute' END,
           CASE WHEN status IN ('completed', 'failed') THEN {_INSTANT} + interval '5 minutes' END, {_USER}
    FROM generate_series(0, {ROWS} - 1) n,
         LATERAL (SELECT CASE WHEN n % 10000 = 1 THEN 'downloading' WHEN n % 100 < 93 THEN 'completed'
                              WHEN n % 100 < 98 THEN 'failed' ELSE 'queued' END AS status) s
    """,
    f"""
    INSERT INTO services (name, display_name, url)
    SELECT 'service-' || n, 'Service ' || n, 'http://service-' || n FROM generate_series(1, {SERVICES}) n
    """,
    f"""
    INSERT INTO service_status_history (id, status, response_time_ms, checked_at, service_id)
    SELECT {_N}, CASE n % 97 WHEN 0 THEN 'down' WHEN 1 THEN 'degraded' ELSE 'up' END, n % 500, {_INSTANT},
           1 + n % {SERVICES}
    FROM generate_series(0, {ROWS} - 1) n
    """,
    f"""
    INSERT INTO session_tokens (id, token_hash, family_id, device_fingerprint, ip_address, user_agent, expires_at,
                                created_at, last_used_at, rotated_at, user_id)
    SELECT {_N}, md5(n::text) || md5('x' || n), {_ID.format("n / 4")}, 'device ' || n % 1000, '10.0.0.' || n % 256,
           {_TEXT}, {_INSTANT} + interval '660 days', {_INSTANT}, {_INSTANT} + interval '1 day',
           CASE WHEN n % 4 < 3 THEN {_INSTANT} + interval '1 day' END, {_USER}
    FROM generate_series(0, {ROWS} - 1) n
    """,
    f"""
    INSERT INTO rate_limits (id, user_id, ip_address, endpoint, request_count, window_start)
    SELECT {_N}, CASE WHEN n % 2 = 0 THEN {_ID.format(f"n / 2 % {BUSY_USERS}")} END,
           CASE WHEN n % 2 = 1 THEN '10.1.' || n / 2 % 250 || '.' || n / 500 % 20 END,
           CASE n / {2 * BUSY_USERS} % 2 WHEN 0 THEN 'media.request' ELSE 'youtube.download' END, n % 100,
           date_trunc('minute', now()) - n / {4 * BUSY_USERS} * interval '1 minute'
    FROM generate_series(0, {ROWS} - 1) n
    """,
    f"""
    INSERT INTO rolling_rate_limits (id, user_id, ip_address, endpoint, window_seconds, counts, expires_at)
    SELECT {_N}, CASE WHEN n % 2 = 0 THEN {_ID.format(f"n / 2 % {BUSY_USERS}")} END,
           CASE WHEN n % 2 = 1 THEN '10.1.' || n / 2 % 250 || '.' || n / 500 % 20 END,
           'endpoint ' || n / {2 * BUSY_USERS}, 60, n % 5 || array_fill(1, ARRAY[10]),
           now() + (n % 1000 + 1) * interval '1 minute'
    FROM generate_series(0, {ROWS} - 1) n
    """,
    f"""
    INSERT INTO activity_logs (id, action, entity_type, entity_id, metadata, ip_address, user_agent, created_at,
                               user_id)
    SELECT {_N}, 'action.' || n % 20, CASE WHEN n % 4 > 0 THEN 'media_request' END,
           CASE WHEN n % 4 > 0 THEN (n / 4)::text END, {_JSON}, '10.0.0.' || n % 256, {_TEXT}, {_INSTANT},
           CASE WHEN n % 10 > 0 THEN {_USER} END
    FROM generate_series(0, {ROWS} - 1) n
    """,
    """
    INSERT INTO system_config (key, value)
    SELECT key, value::jsonb FROM (VALUES
        ('rate_limit.api.default', '{"limit": 100, "window": 60}'),
        ('youtube.concurrent_downloads', '{"max": 3}')
    ) AS seeded (key, value)
    """,
    "VACUUM ANALYZE",
)
"""Statements that fill a migrated database; run each separately, in this order, on one connection."""


def row_id(number: int) -> UUID:
    """Return the id of a table's row with that number, from 0 to `ROWS` - 1."""
    return UUID(int=(0x7000 << 64) | (0x8000 << 48) | number)
