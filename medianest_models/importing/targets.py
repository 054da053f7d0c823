"""The tables to fill, in order, with the conflicts to resolve in each."""

from __future__ import annotations

from typing import Final

from medianest_models.importing.tables import Target

# A row keeps its Plex account as long as no other user here has it.
_ONE_PLEX_ACCOUNT: Final = """
UPDATE {staging} AS s SET plex_id = 'local:' || s.id, plex_token = NULL,
    notes = s.notes || 'plex_id: another user here has the same, replaced'::text
WHERE s.fate IN ('new', 'updated') AND EXISTS (
    SELECT FROM users AS t WHERE t.plex_id = s.plex_id AND t.id <> s.id AND NOT EXISTS (
        SELECT FROM {staging} AS u WHERE u.id = t.id AND u.fate = 'updated' AND u.plex_id <> t.plex_id
    )
)
"""

_RELEASE_KEY: Final = """
UPDATE {{name}} AS t SET {key} = 'import:' || t.id FROM {{staging}} AS s
WHERE t.id = s.id AND s.fate = 'updated' AND t.{key} <> s.{key}
"""

_ONE_CREDENTIAL: Final = """
UPDATE {staging} AS s SET fate = 'left out', problem = 'another user here has this user name'
WHERE fate IN ('new', 'updated') AND EXISTS (
    SELECT FROM local_credentials AS t
    WHERE t.id <> s.id AND (t.username = s.username OR t.user_id = s.user_id) AND NOT EXISTS (
        SELECT FROM {staging} AS u WHERE u.id = t.id AND u.fate = 'updated' AND u.username <> t.username
    )
)
"""

# A row that is open here stays open, or else the oldest of the source: our unique indexes allow one.
_ONE_OPEN_REQUEST: Final = """
UPDATE {staging} AS s
SET status = 'failed', notes = s.notes || 'status: became failed, another request for this title is open'::text
FROM (
    SELECT source_id, row_number() OVER (PARTITION BY tmdb_id, media_type ORDER BY created_at, id) > 1 OR EXISTS (
        SELECT FROM media_requests AS t
        WHERE t.tmdb_id = o.tmdb_id AND t.media_type = o.media_type AND t.status IN ('pending', 'approved')
            AND t.id <> o.id AND NOT EXISTS (SELECT FROM {staging} AS u WHERE u.id = t.id AND u.fate = 'updated')
    ) AS is_later
    FROM {staging} AS o
    WHERE fate IN ('new', 'updated') AND status IN ('pending', 'approved') AND tmdb_id IS NOT NULL
) AS found
WHERE found.source_id = s.source_id AND found.is_later
"""

_TELL_FAILED: Final = """
INSERT INTO media_request_status_updates (request_id, status, message)
SELECT id, 'failed', 'Imported as failed, because another request for this title is open.' FROM {staging}
WHERE fate IN ('new', 'updated') AND 'status: became failed, another request for this title is open' = ANY (notes)
"""

_ONE_ACTIVE_DOWNLOAD: Final = """
UPDATE {staging} AS s
SET status = 'failed', notes = s.notes || 'status: became failed, another download of this playlist is active'::text,
    error_message = coalesce(s.error_message, 'Another download of this playlist is active.')
FROM (
    SELECT source_id, row_number() OVER (PARTITION BY user_id, playlist_url ORDER BY created_at, id) > 1 OR EXISTS (
        SELECT FROM youtube_downloads AS t
        WHERE t.user_id = o.user_id AND t.playlist_url = o.playlist_url AND t.status IN ('queued', 'downloading')
            AND t.id <> o.id AND NOT EXISTS (SELECT FROM {staging} AS u WHERE u.id = t.id AND u.fate = 'updated')
    ) AS is_later
    FROM {staging} AS o WHERE fate IN ('new', 'updated') AND status = 'queued'
) AS found
WHERE found.source_id = s.source_id AND found.is_later
"""

_RELEASE_OPEN: Final = """
UPDATE {name} AS t SET status = 'failed' FROM {staging} AS s
WHERE t.id = s.id AND s.fate = 'updated' AND t.status IN ('pending', 'approved', 'queued', 'downloading')
"""

# A source without foreign keys may have updates of requests that are gone.
_ONLY_OF_REQUESTS: Final = """
UPDATE {staging} AS s SET fate = 'left out', problem = 'its request does not exist'
WHERE fate = 'new' AND NOT EXISTS (SELECT FROM media_requests AS t WHERE t.id = s.request_id)
"""

# The source's unique index allows duplicates, because NULLs are distinct: the highest count is imported.
_ONE_COUNTER: Final = """
UPDATE {staging} AS s SET fate = 'there'
FROM (
    SELECT source_id, row_number() OVER (
        PARTITION BY user_id, ip_address, endpoint, window_start ORDER BY request_count DESC, id
    ) > 1 OR EXISTS (
        SELECT FROM rate_limits AS t WHERE t.endpoint = o.endpoint AND t.window_start = o.window_start
            AND (t.user_id = o.user_id OR t.ip_address = o.ip_address)
    ) AS is_later
    FROM {staging} AS o WHERE fate = 'new'
) AS found
WHERE found.source_id = s.source_id AND found.is_later
"""

TARGETS: Final = (
    Target(
        "services",
        {
            "name": "text",
            "display_name": "text",
            "url": "text",
            "api_key": "text",
            "enabled": "boolean",
            "config_data": "jsonb",
            "created_at": "timestamptz",
        },
        key="name",
        secrets=("api_key", "config_data"),
        replaceable="t.url IS NULL AND t.api_key IS NULL AND t.config_data IS NULL",  # as the seed made it
        has_serial=True,
    ),
    Target(
        "service_status_history",
        {
            "service_id": "int",
            "status": "text",
            "response_time_ms": "int",
            "error_message": "text",
            "checked_at": "timestamptz",
        },
        is_history=True,
    ),
    Target(
        "users",
        {
            "plex_id": "text",
            "plex_username": "text",
            "email": "text",
            "role": "text",
            "plex_token": "text",
            "created_at": "timestamptz",
            "last_login_at": "timestamptz",
            "status": "text",
        },
        key="plex_id",
        identifies="s.plex_id NOT LIKE 'local:%'",  # an email address proves nothing
        secrets=("plex_token",),
        settle=_ONE_PLEX_ACCOUNT,
        release=_RELEASE_KEY.format(key="plex_id"),
    ),
    Target(
        "local_credentials",
        {"user_id": "uuid", "username": "text", "password_hash": "text", "must_change_password": "boolean"},
        settle=_ONE_CREDENTIAL,
        release=_RELEASE_KEY.format(key="username"),
    ),
    Target(
        "system_config",
        {"key": "text", "value": "jsonb", "description": "text", "updated_by": "uuid", "customized_at": "timestamptz"},
        key="key",
        by_trigger=("customized_at",),
        replaceable="t.customized_at IS NULL",
        has_serial=True,
    ),
    Target(
        "media_requests",
        {
            "user_id": "uuid",
            "title": "text",
            "media_type": "text",
            "tmdb_id": "text",
            "imdb_id": "text",
            "status": "text",
            "overseerr_id": "text",
            "request_data": "jsonb",
            "created_at": "timestamptz",
            "completed_at": "timestamptz",
        },
        settle=_ONE_OPEN_REQUEST,
        release=_RELEASE_OPEN,
        announce=_TELL_FAILED,
    ),
    Target(
        "media_request_status_updates",
        {"request_id": "uuid", "status": "text", "message": "text", "created_at": "timestamptz"},
        is_history=True,
        settle=_ONLY_OF_REQUESTS,
    ),
    Target(
        "youtube_downloads",
        {
            "user_id": "uuid",
            "playlist_url": "text",
            "playlist_title": "text",
            "status": "text",
            "file_paths": "jsonb",
            "plex_collection_id": "text",
            "progress": "int",
            "error_message": "text",
            "metadata": "jsonb",
            "created_at": "timestamptz",
            "started_at": "timestamptz",
            "completed_at": "timestamptz",
        },
        settle=_ONE_ACTIVE_DOWNLOAD,
        release=_RELEASE_OPEN,
    ),
    Target(
        "session_tokens",
        {
            "user_id": "uuid",
            "token_hash": "text",
            "family_id": "uuid",
            "device_fingerprint": "text",
            "ip_address": "text",
            "user_agent": "text",
            "expires_at": "timestamptz",
            "created_at": "timestamptz",
            "last_used_at": "timestamptz",
        },
        key="token_hash",
    ),
    Target(
        "rate_limits",
        {
            "user_id": "uuid",
            "ip_address": "text",
            "endpoint": "text",
            "request_count": "int",
            "window_start": "timestamptz",
        },
        is_history=True,
        settle=_ONE_COUNTER,
    ),
    Target(
        "activity_logs",
        {
            "user_id": "uuid",
            "action": "text",
            "entity_type": "text",
            "entity_id": "text",
            "metadata": "jsonb",
            "ip_address": "text",
            "user_agent": "text",
            "created_at": "timestamptz",
        },
        is_history=True,
    ),
)
