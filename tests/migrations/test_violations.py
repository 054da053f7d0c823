"""No client can violate a rule, not even by SQL: the named constraint rejects it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from medianest_models.db.driver_errors import translate
from medianest_models.errors import ConstraintError
from tests.migrations import catalog
from tests.migrations.base_rows import NOBODY, OTHER, USER, insert_all
from tests.migrations.contract import TABLES

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

AGAIN: Final = "INSERT INTO {table} SELECT * FROM {table} LIMIT 1"
PARTS: Final = "array_fill(1, ARRAY[11])"
ROLLING: Final = (
    "INSERT INTO rolling_rate_limits (ip_address, user_id, endpoint, window_seconds, counts, expires_at)"
    f" VALUES ({{}}, {PARTS}, now())"
)
BY_HAND: Final[dict[str, list[str]]] = {
    "uq_users_plex_id": ["UPDATE users SET plex_id = 'same'"],
    "ck_users_email": ["UPDATE users SET email = ''"],
    "ck_users_role": ["UPDATE users SET role = 'root'"],
    "ck_users_status": ["UPDATE users SET status = 'banned'"],
    "uq_local_credentials_user_id": [
        f"INSERT INTO local_credentials (user_id, username, password_hash) VALUES ('{USER}', 'another', 'x')"
    ],
    "uq_local_credentials_username": [
        f"INSERT INTO local_credentials (user_id, username, password_hash) VALUES ('{OTHER}', 'anna', 'x')"
    ],
    "fk_local_credentials_user_id": [f"UPDATE local_credentials SET user_id = '{NOBODY}'"],
    "ck_media_requests_season": [
        "UPDATE media_requests SET media_type = 'tv', season = -1",
        "UPDATE media_requests SET media_type = 'movie', season = 1",
    ],
    "ck_media_requests_status": ["UPDATE media_requests SET status = 'queued'"],
    "fk_media_requests_user_id": [f"UPDATE media_requests SET user_id = '{NOBODY}'"],
    "uq_media_requests_tmdb_id_media_type_season": [
        f"""UPDATE media_requests SET tmdb_id = '19', status = '{one}';
            INSERT INTO media_requests (user_id, title, media_type, tmdb_id, status)
            VALUES ('{OTHER}', 'x', 'movie', '19', '{other}')"""
        for one in ("pending", "approved")
        for other in ("pending", "approved")
    ]
    + [
        f"""INSERT INTO media_requests (user_id, title, media_type, tmdb_id, season, is_4k)
            VALUES ('{OTHER}', 'x', 'tv', '19', {twin}), ('{OTHER}', 'x', 'tv', '19', {twin})"""
        for twin in ("NULL, FALSE", "NULL, TRUE", "0, FALSE", "2, TRUE")
    ],
    "uq_media_request_followers_request_id_user_id": [
        (
            "INSERT INTO media_request_followers (request_id, user_id) "
            "SELECT request_id, user_id FROM media_request_followers"
        )
    ],
    "fk_media_request_followers_request_id": [f"UPDATE media_request_followers SET request_id = '{NOBODY}'"],
    "fk_media_request_followers_user_id": [f"UPDATE media_request_followers SET user_id = '{NOBODY}'"],
    "ck_media_request_status_updates_status": ["UPDATE media_request_status_updates SET status = 'done'"],
    "fk_media_request_status_updates_request_id": [f"UPDATE media_request_status_updates SET request_id = '{NOBODY}'"],
    "ck_youtube_downloads_attempts": ["UPDATE youtube_downloads SET attempts = -1"],
    "ck_youtube_downloads_playlist_url": ["UPDATE youtube_downloads SET playlist_url = repeat('x', 2049)"],
    "ck_youtube_downloads_priority": [f"UPDATE youtube_downloads SET priority = {number}" for number in (-10, 5, 30)],
    "ck_youtube_downloads_progress": [f"UPDATE youtube_downloads SET progress = {number}" for number in (-1, 101)],
    "ck_youtube_downloads_status": ["UPDATE youtube_downloads SET status = 'pending'"],
    "fk_youtube_downloads_user_id": [f"UPDATE youtube_downloads SET user_id = '{NOBODY}'"],
    "uq_youtube_downloads_user_id_playlist_url": [
        f"""UPDATE youtube_downloads SET status = '{one}';
            INSERT INTO youtube_downloads (user_id, playlist_url, status)
            SELECT user_id, playlist_url, '{other}' FROM youtube_downloads"""
        for one in ("queued", "downloading")
        for other in ("queued", "downloading")
    ],
    "uq_services_name": ["INSERT INTO services (name, display_name) VALUES ('plex', 'Plex')"],
    "ck_service_status_history_response_time_ms": ["UPDATE service_status_history SET response_time_ms = -1"],
    "ck_service_status_history_status": ["UPDATE service_status_history SET status = 'failed'"],
    "fk_service_status_history_service_id": ["UPDATE service_status_history SET service_id = 0"],
    "ck_service_maintenance_ends_at_after_begins_at": [
        f"UPDATE service_maintenance SET ends_at = begins_at - interval '{number} microseconds'" for number in (0, 1)
    ],
    "ck_service_rollups_hours": ["UPDATE service_rollups SET hours = 0, up = 0"],
    "ck_service_rollups_times": [
        f"UPDATE service_rollups SET {times}" for times in ("up = -1", "degraded = -1", "down = -1", "down = 1")
    ],
    "fk_service_rollups_service_id": ["UPDATE service_rollups SET service_id = 0"],
    "ck_service_states_status": ["UPDATE service_states SET status = 'up'"],
    "ck_service_states_length": [
        f"UPDATE service_states SET ends_at = begins_at + interval '{length}'"
        for length in ("0", "1 hour 1 microsecond")
    ],
    "fk_service_states_service_id": ["UPDATE service_states SET service_id = 0"],
    "fk_stale_service_hours_service_id": ["UPDATE stale_service_hours SET service_id = 0"],
    "fk_service_maintenance_service_id": ["UPDATE service_maintenance SET service_id = 0"],
    "uq_session_tokens_token_hash": [
        """INSERT INTO session_tokens (user_id, token_hash, expires_at)
           SELECT user_id, token_hash, now() FROM session_tokens"""
    ],
    "fk_session_tokens_user_id": [f"UPDATE session_tokens SET user_id = '{NOBODY}'"],
    "uq_rate_limits_user_id_endpoint_window_start": [
        f"INSERT INTO rate_limits (user_id, endpoint) VALUES ('{USER}', 'x'), ('{USER}', 'x')"
    ],
    "uq_rate_limits_ip_address_endpoint_window_start": [
        "INSERT INTO rate_limits (ip_address, endpoint) VALUES ('::2', 'x'), ('::2', 'x')"
    ],
    "ck_rate_limits_request_count": ["UPDATE rate_limits SET request_count = -1"],
    "ck_rate_limits_user_id_or_ip_address": [
        "INSERT INTO rate_limits (endpoint) VALUES ('x')",
        f"INSERT INTO rate_limits (endpoint, user_id, ip_address) VALUES ('x', '{USER}', '::1')",
    ],
    "fk_rate_limits_user_id": [f"UPDATE rate_limits SET user_id = '{NOBODY}', ip_address = NULL"],
    "uq_rolling_rate_limits_user_id_endpoint_window_seconds": [
        ROLLING.format(f"NULL, '{USER}', 'x', 60") + f", (NULL, '{USER}', 'x', 60, {PARTS}, now())"
    ],
    "uq_rolling_rate_limits_ip_address_endpoint_window_seconds": [
        ROLLING.format("'::2', NULL, 'x', 60") + f", ('::2', NULL, 'x', 60, {PARTS}, now())"
    ],
    "ck_rolling_rate_limits_window_seconds": [
        "UPDATE rolling_rate_limits SET window_seconds = 0",
        "UPDATE rolling_rate_limits SET window_seconds = 86401",
    ],
    "ck_rolling_rate_limits_counts": [
        "UPDATE rolling_rate_limits SET counts = '{}'",
        "UPDATE rolling_rate_limits SET counts = array_fill(0, ARRAY[10])",
        "UPDATE rolling_rate_limits SET counts[11] = -1",
    ],
    "ck_rolling_rate_limits_user_id_or_ip_address": [
        ROLLING.format("NULL, NULL, 'x', 60"),
        ROLLING.format(f"'::2', '{USER}', 'x', 60"),
    ],
    "fk_rolling_rate_limits_user_id": [f"UPDATE rolling_rate_limits SET user_id = '{NOBODY}', ip_address = NULL"],
    "fk_activity_logs_user_id": [f"UPDATE activity_logs SET user_id = '{NOBODY}'"],
    "uq_system_config_key": ["INSERT INTO system_config (key, value) VALUES ('key', '2')"],
    "fk_system_config_updated_by": [f"UPDATE system_config SET updated_by = '{NOBODY}'"],
    # An earlier end is also before the beginning.
    "ck_service_maintenance_ends_at": [
        f"UPDATE service_maintenance SET ends_at = '{instant}'" for instant in ("10000-01-01 00:00:00+00", "infinity")
    ],
    # A trigger sets these when a row changes.
    "ck_local_credentials_updated_at": [
        f"""INSERT INTO local_credentials (user_id, username, password_hash, updated_at)
            VALUES ('{OTHER}', 'another', 'x', 'infinity')"""
    ],
    "ck_services_updated_at": ["INSERT INTO services (name, display_name, updated_at) VALUES ('x', 'X', 'infinity')"],
    "ck_system_config_updated_at": ["INSERT INTO system_config (key, value, updated_at) VALUES ('x', '1', 'infinity')"],
    "ck_system_config_customized_at": [
        "INSERT INTO system_config (key, value, customized_at) VALUES ('x', '1', 'infinity')"
    ],
} | {
    f"pk_{table}": [AGAIN.format(table=table)]
    for table, contract in TABLES.items()
    if f"pk_{table}" in contract["constraints"]
}
CASES: Final = BY_HAND | {
    rule: [
        f"UPDATE {table} SET {rule.removeprefix(f'ck_{table}_')} = '{instant}'"
        for instant in ("0001-12-31 23:59:59.999999+00 BC", "10000-01-01 00:00:00+00", "infinity", "-infinity")
    ]
    for table, contract in TABLES.items()
    for rule, text in contract["constraints"].items()
    if "'9999-12-31" in text and rule not in BY_HAND
}
"""For each constraint and unique index, values that violate only this one."""

ALLOWED: Final = [
    "UPDATE users SET email = 'same@example.org'",
    "UPDATE users SET email = NULL, plex_token = NULL",
    "UPDATE youtube_downloads SET progress = 0",
    "UPDATE youtube_downloads SET progress = 100, playlist_url = repeat('x', 2048)",
    "UPDATE service_status_history SET response_time_ms = 0",
    f"""UPDATE media_requests SET tmdb_id = '19', status = 'available';
        INSERT INTO media_requests (user_id, title, media_type, tmdb_id, status)
        VALUES ('{OTHER}', 'x', 'movie', '19', 'failed'), ('{OTHER}', 'x', 'movie', '19', 'pending'),
               ('{OTHER}', 'x', 'tv', '19', 'pending')""",
    f"""INSERT INTO media_requests (user_id, title, media_type)
        VALUES ('{OTHER}', 'x', 'movie'), ('{OTHER}', 'x', 'movie')""",
    f"""INSERT INTO media_requests (user_id, title, media_type, season)
        VALUES ('{OTHER}', 'x', 'tv', 1), ('{OTHER}', 'x', 'tv', 1)""",
    f"""INSERT INTO media_requests (user_id, title, media_type, tmdb_id, season, is_4k)
        VALUES ('{OTHER}', 'x', 'tv', '19', NULL, FALSE), ('{OTHER}', 'x', 'tv', '19', NULL, TRUE),
               ('{OTHER}', 'x', 'tv', '19', 0, FALSE), ('{OTHER}', 'x', 'tv', '19', 1, FALSE),
               ('{OTHER}', 'x', 'tv', '19', 1, TRUE), ('{OTHER}', 'x', 'movie', '19', NULL, TRUE)""",
    """UPDATE youtube_downloads SET status = 'failed';
       INSERT INTO youtube_downloads (user_id, playlist_url, status)
       SELECT user_id, playlist_url, unnest(ARRAY['completed', 'queued', 'failed']) FROM youtube_downloads""",
    f"INSERT INTO youtube_downloads (user_id, playlist_url) SELECT '{OTHER}', playlist_url FROM youtube_downloads",
    f"""INSERT INTO rate_limits (user_id, ip_address, endpoint, window_start)
        VALUES ('{USER}', NULL, 'x', '2026-01-01'), ('{USER}', NULL, 'x', '2026-01-02'),
               ('{USER}', NULL, 'y', '2026-01-01'), ('{OTHER}', NULL, 'x', '2026-01-01'),
               (NULL, '::1', 'x', '2026-01-01')""",
]
"""Valid values at the boundary of a rule."""


@pytest.fixture(autouse=True)
async def rows(raw: Connection) -> None:
    await insert_all(raw)


async def test_every_rule_has_a_case(raw: Connection) -> None:
    rules = {name.split(".")[1] for name in await catalog.constraints(raw)}
    rules |= {name.split(".")[1] for name, text in (await catalog.indexes(raw)).items() if text.startswith("UNIQUE")}
    assert rules == CASES.keys()


@pytest.mark.parametrize("rule", CASES)
async def test_what_breaks_a_rule_is_refused_by_it(raw: Connection, rule: str) -> None:
    for statement in CASES[rule]:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as raised:
            async with raw.transaction():
                await raw.execute(statement)
        error = translate(raised.value)  # which names the table's key, where that of a partition is violated
        assert isinstance(error, ConstraintError)
        assert error.constraint == rule


@pytest.mark.parametrize("statement", ALLOWED)
async def test_what_breaks_none_is_taken(raw: Connection, statement: str) -> None:
    await raw.execute(statement)
