"""One row in every table, written in SQL with the required columns only."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

USER: Final = "01900000-0000-7000-8000-000000000001"
OTHER: Final = "01900000-0000-7000-8000-000000000002"
NOBODY: Final = "01900000-0000-7000-8000-00000000ffff"

INSERTS: Final[dict[str, str]] = {
    "users": "INSERT INTO users (plex_id, plex_username) VALUES ($1, 'Anna')",
    "local_credentials": (
        "INSERT INTO local_credentials (user_id, username, password_hash) SELECT id, 'anna', 'hash' FROM users LIMIT 1"
    ),
    "media_requests": (
        "INSERT INTO media_requests (user_id, title, media_type) SELECT id, 'Metropolis', 'movie' FROM users LIMIT 1"
    ),
    "media_request_followers": (
        "INSERT INTO media_request_followers (request_id, user_id) SELECT id, user_id FROM media_requests LIMIT 1"
    ),
    "media_request_status_updates": (
        "INSERT INTO media_request_status_updates (request_id, status) SELECT id, 'pending' FROM media_requests LIMIT 1"
    ),
    "youtube_downloads": (
        "INSERT INTO youtube_downloads (user_id, playlist_url) SELECT id, 'https://youtu.be/x' FROM users LIMIT 1"
    ),
    "services": "INSERT INTO services (name, display_name) VALUES ('plex', 'Plex')",
    "service_status_history": (
        "INSERT INTO service_status_history (service_id, status) SELECT id, 'up' FROM services LIMIT 1"
    ),
    "service_maintenance": (
        "INSERT INTO service_maintenance (service_id, begins_at) SELECT id, now() FROM services LIMIT 1"
    ),
    "service_rollups": (
        "INSERT INTO service_rollups (service_id, checks, begins_at, up, hours, response_times) "
        "SELECT id, 60, '2026-01-01 12:00+00', 3600000000, 1, '{640}' FROM services LIMIT 1"
    ),
    "service_states": (
        "INSERT INTO service_states (service_id, begins_at, ends_at, status) "
        "SELECT id, '2026-01-01 12:00+00', '2026-01-01 12:05+00', 'down' FROM services LIMIT 1"
    ),
    "stale_service_hours": (
        "INSERT INTO stale_service_hours (service_id, begins_at) SELECT id, '2026-01-01 12:00+00' FROM services LIMIT 1"
    ),
    "kept_history": (
        "INSERT INTO kept_history (table_name, begins_at) VALUES ('service_status_history', '2026-01-01 12:00+00')"
    ),
    "session_tokens": (
        "INSERT INTO session_tokens (user_id, token_hash, expires_at) SELECT id, 'hash', now() FROM users LIMIT 1"
    ),
    "rate_limits": "INSERT INTO rate_limits (endpoint, ip_address) VALUES ('media.request', '::1')",
    "rolling_rate_limits": (
        "INSERT INTO rolling_rate_limits (endpoint, ip_address, window_seconds, counts, expires_at) "
        "VALUES ('media.request', '::1', 60, '{1,0,0,0,0,0,0,0,0,0,0}', now() + interval '66 seconds')"
    ),
    "imported_rows": (
        "INSERT INTO imported_rows (table_name, source_id, target_id, source_digest) VALUES ('users', 'x', 'y', 'z')"
    ),
    "activity_logs": "INSERT INTO activity_logs (action, user_id) SELECT 'login', id FROM users LIMIT 1",
    "system_config": "INSERT INTO system_config (key, value, updated_by) SELECT 'key', '1', id FROM users LIMIT 1",
}


async def insert_all(connection: asyncpg.Connection[Any]) -> None:
    """Insert a row into every existing table, and a second user."""
    await connection.execute("INSERT INTO users (id, plex_id, plex_username) VALUES ($1, 'anna', 'Anna')", USER)
    for table, statement in INSERTS.items():
        if table != "users" and await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table):
            await connection.execute(statement)
    await connection.execute("INSERT INTO users (id, plex_id, plex_username) VALUES ($1, 'ben', 'Ben')", OTHER)
