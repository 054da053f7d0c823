"""Databases as Prisma makes them, in a schema beside ours, with rows as ugly as they come."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from asyncpg import Connection
from pydantic import SecretStr

from medianest_models.db.direct import direct_connection
from medianest_models.settings import DatabaseUrl

_HERE: Final = Path(__file__).parent

SECRETS: Final[dict[str, Any]] = json.loads((_HERE / "node_secrets.json").read_text(encoding="utf-8"))
"""Texts that Node's crypto encrypted with the code of shape U, in every form in which it stores them."""

_OBJECT: Final = json.dumps(SECRETS["object"])

KEY: Final = SecretStr(SECRETS["key"])
HASH: Final = "$2b$10$zGveiYEFumLrHU8RfAMCq.cM9YlSZOEb7KgbMfIou2STXXSXO/m6i"
PASSWORD: Final = "a password of the source"
ANN: Final = "11111111-1111-4111-8111-111111111111"


async def make_source(url: DatabaseUrl, shape: str, *rows: str, schema: str | None = None) -> DatabaseUrl:
    """Make a source of a shape in a schema of its own, and fill it."""
    source = replace(url, schema=schema or f"prisma_{shape}")
    async with direct_connection(url) as connection:
        await connection.execute(f"CREATE SCHEMA {source.search_path}")
    ddl = (_HERE / f"shape_{shape}.sql").read_text(encoding="utf-8")
    await run_in(source, ddl, *rows)
    return source


async def run_in(source: DatabaseUrl, *statements: str) -> None:
    """Run statements in a source."""
    async with direct_connection(source) as connection:
        for statement in statements:
            await connection.execute(statement)


async def rows_of(connection: Connection[Any], table: str) -> list[dict[str, Any]]:
    """Read a whole table of ours, in the order of ids."""
    return [dict(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY id")]


ROWS_OF_S: Final = f"""
INSERT INTO users ("id", "plexId", "plexUsername", "email", "role", "plexToken", "createdAt") VALUES
    ('{ANN}', '42', 'ann', 'Ann@x.org', 'admin', '{SECRETS["twice"]}', '2024-05-01 12:00'),
    ('clx123', '43', 'bob', NULL, 'user', NULL, 'infinity'),
    ('{ANN.replace("1", "A", 1)}', '44', '', '', 'user', 'plain-token', '2024-05-01 12:00');
INSERT INTO media_requests ("id", "userId", "title", "mediaType", "tmdbId", "status", "createdAt", "completedAt") VALUES
    ('r1', 'clx123', 'Dune', 'movie', '438631', 'pending', '2024-05-02', NULL),
    ('r2', 'clx123', 'Dune', 'movie', '438631', 'approved', '2024-05-03', NULL),
    ('r3', '{ANN}', 'Old', 'movie', '7', 'available', '2023-05-03', '0044-03-15 BC'),
    ('r4', '{ANN}', 'Never', 'movie', NULL, 'pending', '-infinity', NULL);
INSERT INTO media_request_status_updates VALUES
    ('u1', 'r1', 'pending', NULL, '2024-05-02'), ('u4', 'r4', 'pending', NULL, '2024-05-02');
INSERT INTO youtube_downloads ("id", "userId", "playlistUrl", "status", "progress", "createdAt", "filePaths") VALUES
    ('d1', 'clx123', 'https://youtube.com/1', 'downloading', 30, '2024-05-02', NULL),
    ('d2', 'clx123', 'https://youtube.com/1', 'queued', 0, '2024-05-03', NULL),
    ('d3', 'clx123', 'https://youtube.com/2', 'completed', 130, '2024-05-03', '["/a", "/b"]'),
    ('d4', 'clx123', repeat('y', 2049), 'queued', 0, '2024-05-03', NULL);
INSERT INTO services ("id", "name", "displayName", "url", "apiKey", "configData", "updatedAt") VALUES
    (7, 'plex', 'Plex', 'http://p', '{SECRETS["api_key"]}', '{{"password": {_OBJECT}, "n": 1}}', now()),
    (1, 'sonarr', 'Sonarr', NULL, NULL, NULL, now());
INSERT INTO service_status_history ("id", "serviceId", "status", "responseTimeMs", "checkedAt") VALUES
    ('c1', 7, 'up', 12, '2024-05-02'), ('c2', 1, 'down', -5, '2024-05-02'), ('c3', 7, 'up', 1, 'infinity');
INSERT INTO session_tokens ("id", "userId", "tokenHash", "expiresAt") VALUES
    ('s1', 'clx123', encode(sha256('a token of the source'), 'hex'), now() + interval '9 days'),
    ('s2', 'clx123', 'no hash', now());
INSERT INTO rate_limits ("id", "userId", "ipAddress", "endpoint", "windowStart", "requestCount") VALUES
    ('l1', 'clx123', NULL, 'a', '2024-05-02', 3),
    ('l2', NULL, '::ffff:1.2.3.4', 'a', '2024-05-02', 4), ('l3', NULL, '1.2.3.4', 'a', '2024-05-02', 5),
    ('l4', NULL, NULL, 'a', '2024-05-02', 1);
INSERT INTO activity_logs ("id", "userId", "action", "entityType", "entityId") VALUES
    ('a1', 'clx123', 'media_request.submitted', 'media_request', 'r1'), ('a2', NULL, 'x', 'user', '{ANN}');
INSERT INTO system_config ("key", "value", "updatedAt", "updatedBy") VALUES
    ('youtube.concurrent_downloads', '{{"max": 9}}', now(), 'clx123'),
    ('rate_limit.api.default', '{{"limit": 100, "window": 60}}', now(), NULL), ('own', '1', now(), 'nobody');
"""

ROWS_OF_U: Final = f"""
INSERT INTO users
    (id, plex_id, plex_username, name, email, role, plex_token, password_hash, requires_password_change, status)
VALUES
    ('u1', NULL, NULL, 'Admin', 'admin@x.org', 'ADMIN', NULL, '{HASH}', true, 'active'),
    ('u2', '42', 'ann', NULL, '', 'USER', '{SECRETS["once"]}', NULL, false, 'banned'),
    ('u3', '43', NULL, NULL, 'x@y', 'user', '{SECRETS["upper"]}', 'no hash', false, 'ACTIVE');
INSERT INTO media_requests (id, user_id, title, media_type, tmdb_id, status, created_at) VALUES
    ('r1', 'u2', repeat('x', 600), 'movie', '1', 'processing', '2024-05-02'),
    ('r2', 'u2', 't', 'movie', '1', 'pending', '2024-05-03'), ('r3', 'u2', 't', 'movie', '1', 'denied', '2024-05-03'),
    ('r4', 'u2', 't', 'movie', '1', 'strange', '2024-05-03'), ('r5', 'u2', 't', 'tv', '2', 'completed', '2024-05-03');
INSERT INTO youtube_downloads (id, user_id, playlist_url, status, file_paths) VALUES
    ('d1', 'u2', 'https://y/1', 'completed', '{{"jobId": "1", "files": [{{"path": "/a"}}], "quality": "hd"}}'),
    ('d2', 'u2', 'https://y/2', 'cancelled', '{{"jobId": "2", "error": "gone"}}');
INSERT INTO service_config (service_name, service_url, api_key, config_data) VALUES
    ('plex', 'http://p', '{SECRETS["api_key"]}', '{{"password": {_OBJECT}}}');
INSERT INTO service_status (service_name, status, response_time_ms, last_check_at) VALUES
    ('plex', 'healthy', 5, '2024-05-03'), ('tautulli', 'unhealthy', NULL, '2024-05-03'), ('new', NULL, NULL, NULL);
INSERT INTO session_tokens (id, user_id, token_hash, expires_at) VALUES
    ('s1', 'u3', encode(sha256('a token of the source'), 'hex'), now() + interval '9 days');
INSERT INTO rate_limits (user_id, endpoint, window_start, request_count) VALUES
    ('u1', 'x', '2024-05-03', 1), ('u1', 'x', '2024-05-03', 7);
INSERT INTO accounts VALUES ('a', 'u1', 'a token in the clear');
"""
