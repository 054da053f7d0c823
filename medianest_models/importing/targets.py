"""The tables to fill, in order."""

from __future__ import annotations

from typing import Final

from medianest_models.importing.conflicts import (
    ONE_ACTIVE_DOWNLOAD,
    ONE_COUNTER,
    ONE_CREDENTIAL,
    ONE_OPEN_REQUEST,
    ONE_PLEX_ACCOUNT,
    ONE_SESSION,
    ONLY_KEPT_CHECKS,
    ONLY_OF_REQUESTS,
    RELEASE_KEY,
    RELEASE_OPEN,
    TELL_FAILED,
)
from medianest_models.importing.tables import Target

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
        settle=ONLY_KEPT_CHECKS,
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
        excludes="s.plex_id = t.plex_id",
        gives_way={"plex_id": "'local:' || t.id", "plex_token": "NULL"},
        settle=ONE_PLEX_ACCOUNT,
        release=RELEASE_KEY.format(key="plex_id"),
    ),
    Target(
        "local_credentials",
        {"user_id": "uuid", "username": "text", "password_hash": "text", "must_change_password": "boolean"},
        excludes="s.username = t.username",
        gives_way={"username": "'local:' || t.id"},
        settle=ONE_CREDENTIAL,
        release=RELEASE_KEY.format(key="username"),
    ),
    Target(
        "system_config",
        {"key": "text", "value": "jsonb", "description": "text", "updated_by": "uuid", "customized_at": "timestamptz"},
        key="key",
        uncompared=("customized_at",),
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
        excludes="s.tmdb_id = t.tmdb_id AND s.media_type = t.media_type AND t.season IS NULL AND NOT t.is_4k"
        " AND s.status IN ('pending', 'approved') AND t.status IN ('pending', 'approved')",
        gives_way={"status": "'failed'"},
        settle=ONE_OPEN_REQUEST,
        release=RELEASE_OPEN,
        announce=TELL_FAILED,
    ),
    Target(
        "media_request_status_updates",
        {"request_id": "uuid", "status": "text", "message": "text", "created_at": "timestamptz"},
        is_history=True,
        settle=ONLY_OF_REQUESTS,
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
        excludes="s.user_id = t.user_id AND s.playlist_url = t.playlist_url"
        " AND s.status = 'queued' AND t.status IN ('queued', 'downloading')",
        gives_way={"status": "'failed'"},
        settle=ONE_ACTIVE_DOWNLOAD,
        release=RELEASE_OPEN,
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
        settle=ONE_SESSION,
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
        settle=ONE_COUNTER,
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
