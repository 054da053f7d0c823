"""Health, its details and the statistics; test_failures.py tests them on a failing server."""

# ruff: noqa: PT012 - the end of a block must raise

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from medianest_models.db import (
    DatabaseStats,
    check_database_health,
    database,
    database_health,
    get_database_stats,
    kept_connections,
    transaction,
)
from medianest_models.db.requirements import migration_versions
from medianest_models.errors import StatementError
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.db.pools import PATIENCE, client, pool_of


async def test_a_healthy_migrated_database(
    fresh_url: DatabaseUrl, medianest_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # While a connection is being given back, the pool would open another one.
    monkeypatch.setattr(kept_connections, "_SECONDS", PATIENCE)
    async with database(replace(fresh_url, pool_max=3)):
        assert await check_database_health() is True
        health = await database_health()
    assert health.ok
    assert health.error is None
    assert health.latency_ms is not None
    assert 0 < health.latency_ms < 2000
    assert health.server_version is not None
    assert health.server_version.startswith(f"{medianest_server.major}.")
    assert (health.pool_size, health.pool_idle) == (1, 1)
    assert health.migration_head == migration_versions()[-1]
    assert health.migrations_pending == ()


async def test_a_database_without_migrations(empty_url: DatabaseUrl) -> None:
    async with database(empty_url, require_migrated=False):
        health = await database_health()
        assert health.ok
        assert health.migration_head is None
        assert health.migrations_pending == tuple(migration_versions())
        assert await get_database_stats() is None


async def test_statistics_count_what_this_transaction_sees(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        assert await get_database_stats() == DatabaseStats(users=0, media_requests=0, youtube_downloads=0)
        async with transaction():
            await client().execute_script(
                "INSERT INTO users (plex_id, plex_username) VALUES ('1', 'one'), ('2', 'two');"
                "INSERT INTO media_requests (user_id, title, media_type) SELECT id, 'Alien', 'movie' FROM users;"
                "INSERT INTO youtube_downloads (user_id, playlist_url, playlist_title)"
                " SELECT id, 'https://www.youtube.com/playlist?list=' || plex_id, 'list' FROM users"
            )
            stats = await get_database_stats()
        assert stats == DatabaseStats(users=2, media_requests=2, youtube_downloads=2)


async def test_health_in_a_transaction_asks_outside_of_it(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url):
        with pytest.raises(StatementError):
            async with transaction():
                try:
                    await client().execute_query("SELECT 1 / 0")
                finally:
                    assert await check_database_health()
                    assert (await database_health()).ok
                    assert await get_database_stats() is None  # this does not


async def test_many_checks_at_once_do_not_starve_each_other(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url):
        assert await asyncio.gather(*(check_database_health() for _ in range(30))) == [True] * 30
