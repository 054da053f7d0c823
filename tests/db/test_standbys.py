"""Health, commands and migrations on a standby: what it refuses, and what it shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from medianest_models.db import DatabaseHealth, check_database_health, connect_database, database, database_health
from medianest_models.db.connection import connected_client
from medianest_models.errors import ConfigurationError, NoPrimaryError
from medianest_models.migrate.applying import migrate
from medianest_models.settings import DatabaseUrl
from medianest_models.settings.urls import ServerRole
from medianest_models.testing.servers import Server
from tests.clusters import Pair
from tests.commands import medianest
from tests.db.pools import healthy_within_two_seconds
from tests.studio.conftest import visiting


def asking_for(role: ServerRole, url: DatabaseUrl) -> DatabaseUrl:
    return replace(url, target_session_attrs=role)


async def health_when(condition: Callable[[DatabaseHealth], bool]) -> DatabaseHealth:
    async with asyncio.timeout(60):
        while not condition(health := await database_health()):  # noqa: ASYNC110 - the server sends no event
            await asyncio.sleep(0.02)
    return health


async def assert_grows() -> None:
    """Check that the lag grows with the time."""
    first = await health_when(lambda health: bool(health.lag_seconds))
    then = await database_health()
    assert first.ok
    assert first.lag_seconds is not None
    assert then.lag_seconds is not None
    assert 0 < first.lag_seconds < then.lag_seconds


async def test_the_lag_of_a_standby(migrated_pair: Pair) -> None:
    primary, standby = migrated_pair.primary, migrated_pair.standby
    async with database(primary.url):
        health = await database_health()
        assert (health.ok, health.role, health.lag_seconds) == (True, "primary", None)
    async with database(asking_for("standby", standby.url)):
        health = await health_when(lambda health: health.lag_seconds == 0)  # whatever the time of the last commit
        assert (health.ok, health.role, health.error) == (True, "standby", None)
        assert await check_database_health()

        await migrated_pair.pause()
        await primary.execute("CREATE TABLE t ()")
        await assert_grows()
        await migrated_pair.resume()
        await health_when(lambda health: health.lag_seconds == 0)

        await primary.stop()
        await assert_grows()
        await primary.start()
        await migrated_pair.wait_until_streaming()
        await health_when(lambda health: health.lag_seconds == 0)

        await primary.execute("CHECKPOINT")
        await migrated_pair.wait_until_replayed()
        await standby.execute("CHECKPOINT")
        await primary.stop()
        await standby.stop()
        await standby.start()  # with nothing to replay: when the last commit was made is not known any more
        health = await database_health()
        assert (health.ok, health.role, health.lag_seconds) == (True, "standby", None)


async def test_a_standby_is_refused_unless_it_is_asked_for(migrated_pair: Pair) -> None:
    standby = migrated_pair.standby.url
    with pytest.raises(NoPrimaryError, match="is a standby"):
        await connect_database(standby)
    with pytest.raises(NoPrimaryError, match="is the primary"):
        await connect_database(asking_for("standby", migrated_pair.primary.url))
    for role in ("any", "standby", "read-only", "prefer-standby"):
        async with database(asking_for(role, standby)):
            assert (await database_health()).ok
    with pytest.raises(ConfigurationError, match=r"is a standby.*migrate the primary"):
        await migrate(asking_for("any", standby))


async def test_a_pool_that_is_open_when_its_server_becomes_a_standby(migrated_pair: Pair) -> None:
    async with database(asking_for("any", migrated_pair.standby.url)):
        # Such as behind a pooler, which keeps its clients' connections over a failover.
        connected_client().url = migrated_pair.standby.url
        health = await database_health()
        assert (health.ok, health.role, health.lag_seconds is None) == (False, "standby", False)
        assert health.error == "the server is a standby, and the URL asks for target_session_attrs=primary"
        assert not await check_database_health()


async def test_health_without_a_primary_says_what_each_host_is(
    migrated_pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in ("DATABASE_CONNECT_TIMEOUT", "DATABASE_FAILOVER_WAIT"):
        monkeypatch.setenv(setting, "60")
    async with database(replace(migrated_pair.url, pool_max=1)):
        assert (await database_health()).role == "primary"
        async with connected_client().acquire_connection():  # so that health connects by itself
            migrated_pair.primary.freeze()
            health = await health_when(lambda health: health.role == "standby")
            migrated_pair.primary.thaw()
        assert not health.ok
        assert health.error is not None
        assert f":{migrated_pair.standby.url.port} is a standby" in health.error
        assert f":{migrated_pair.primary.url.port} (no answer" in health.error
        await migrated_pair.primary.stop()
        assert not await healthy_within_two_seconds()
        health = await health_when(lambda health: health.role == "standby")
        assert health.error is not None
        assert f":{migrated_pair.primary.url.port} (nothing listens there" in health.error
        await migrated_pair.promote()
        assert (await health_when(lambda health: health.ok)).role == "primary"


async def test_the_commands_on_a_standby(migrated_pair: Pair) -> None:
    standby, primary = migrated_pair.standby.url, migrated_pair.primary.url
    for command in ("stats", "seed", "maintain", "prune", "db status", "db check", "db migrate", "secrets status"):
        status, _, errors = medianest(*command.split(), DATABASE_URL=text(standby))
        assert status == 1
        assert len(errors.splitlines()) == 1
        assert "is a standby" in errors

    status, output, _ = medianest("health", DATABASE_URL=text(standby))
    assert status == 1
    assert "is a standby" in output
    status, document = health_document(standby)
    assert (status, document["ok"], document["role"], document["lag_seconds"]) == (1, False, "standby", 0.0)
    assert "is a standby" in document["error"]
    status, document = health_document(standby, "--standby")
    assert (status, document["ok"], document["role"], document["error"]) == (0, True, "standby", None)
    status, document = health_document(asking_for("any", standby))
    assert (status, document["role"]) == (0, "standby")

    status, document = health_document(primary)
    assert (status, document["role"], document["lag_seconds"]) == (0, "primary", None)
    status, document = health_document(primary, "--standby")
    assert (status, document["ok"], document["role"]) == (1, False, "primary")
    assert "is the primary" in document["error"]
    status, _, errors = medianest("health", "--standby", DATABASE_URL="")
    assert status == 2
    assert "DATABASE_URL: not set" in errors


async def test_a_standby_that_is_asked_for_can_be_read_and_not_written(migrated_pair: Pair) -> None:
    url = text(asking_for("any", migrated_pair.standby.url))
    for command in ("stats", "db status", "secrets status"):
        assert medianest(*command.split(), DATABASE_URL=url, LOG_LEVEL="error")[::2] == (0, "")
    for command, exit_status, said in (
        ("db migrate", 2, "migrate the primary"),
        ("db check", 1, "read-only"),
        ("seed", 1, "read-only"),
        ("prune", 1, "read-only"),
    ):
        status, _, errors = medianest(*command.split(), DATABASE_URL=url)
        assert status == exit_status, command
        assert said in errors.splitlines()[-1]
    async with (
        database(asking_for("any", migrated_pair.standby.url)),
        visiting(read_only=True) as visitor,
    ):
        for page in ("/", "/users/list", "/media_requests/list", "/services/list", "/youtube_downloads/list"):
            await visitor.page(page)


async def test_a_primary_that_is_read_only(fresh_url: DatabaseUrl, medianest_server: Server) -> None:
    await medianest_server.execute(f'ALTER DATABASE "{fresh_url.database}" SET default_transaction_read_only = on')
    async with database(fresh_url):
        health = await database_health()
        assert (health.ok, health.role, health.lag_seconds) == (True, "read-only", None)
        connected_client().url = asking_for("read-write", fresh_url)
        assert not await check_database_health()
    status, document = health_document(fresh_url)
    assert (status, document["role"]) == (0, "read-only")
    assert "nothing can be written: the database is read-only for this role" in document["warnings"]
    status, document = health_document(asking_for("read-write", fresh_url))
    assert (status, document["role"]) == (1, "read-only")


def text(url: DatabaseUrl) -> str:
    return url.render().get_secret_value()


def health_document(url: DatabaseUrl, *options: str) -> tuple[int, dict[str, Any]]:
    status, output, errors = medianest("health", "--json", *options, DATABASE_URL=text(url))
    assert errors == ""
    return status, json.loads(output)
