"""The fixtures and helpers of the other tests."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import asyncpg
import pytest

from medianest_models.db import transaction
from medianest_models.db.requirements import migration_status
from medianest_models.errors import ConflictError
from medianest_models.models import SystemConfig
from medianest_models.settings import DatabaseUrl, Environment, load_settings
from tests.processes import run_in_processes
from tests.servers import Server, connect, connection_to

_seen: list[str] = []


async def test_server_is_a_superusers(server: Server) -> None:
    async with connection_to(server.url) as connection:
        assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert server.major == connection.get_server_version().major


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_has_an_empty_database_of_its_own(empty_url: DatabaseUrl, server: Server, turn: int) -> None:
    assert empty_url.database not in _seen
    _seen.append(empty_url.database)
    assert os.environ["DATABASE_URL"] == empty_url.render().get_secret_value()
    async with connection_to(empty_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await connection.execute("CREATE TABLE t ()")


async def test_a_database_is_dropped_under_its_connections(server: Server) -> None:
    async with server.database("medianest_dropped") as url:
        connection = await connect(url)
    assert connection.is_closed()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(url)


@pytest.mark.parametrize("turn", [1, 2])
async def test_rows_are_gone_with_the_test_that_made_them(db: DatabaseUrl, turn: int) -> None:
    assert await SystemConfig.filter(key="ground").count() == 0
    await SystemConfig.create(key="ground", value=str(turn))
    assert await SystemConfig.filter(key="ground").count() == 1
    assert os.environ["DATABASE_URL"] == db.render().get_secret_value()


async def test_a_constraint_error_rolls_back_to_a_savepoint_of_the_test(db: DatabaseUrl) -> None:
    await SystemConfig.create(key="ground", value="1")
    with pytest.raises(ConflictError):
        async with transaction():
            await SystemConfig.create(key="ground", value="2")
    assert [row.value for row in await SystemConfig.filter(key="ground")] == ["1"]


@pytest.mark.parametrize("turn", [1, 2])
async def test_what_is_committed_is_seen_by_others_and_dropped(fresh_db: DatabaseUrl, turn: int) -> None:
    assert fresh_db.database not in _seen
    _seen.append(fresh_db.database)
    await SystemConfig.create(key=f"ground {turn}", value="")
    async with connection_to(fresh_db) as connection:
        assert await connection.fetchval("SELECT array_agg(key) FROM system_config") == [f"ground {turn}"]


async def test_a_fresh_database_has_every_migration(fresh_url: DatabaseUrl) -> None:
    status = await migration_status(fresh_url)
    assert status.applied
    assert status.pending == ()


def test_without_a_fixture_there_is_no_database() -> None:
    settings = load_settings()
    assert settings.url() == DatabaseUrl.parse("postgresql://nobody@127.0.0.1:1/ask-a-fixture-for-a-database")
    assert settings.medianest_env is Environment.TEST
    assert not settings.home.is_relative_to(Path(__file__).parents[1])


async def write(key: str) -> int:
    await SystemConfig.create(key=f"{key} {os.getpid()}", value="")
    return os.getpid()


async def test_processes_can_be_connected_before_they_begin(fresh_db: DatabaseUrl) -> None:
    pids = run_in_processes(write, 2, "ground", url=fresh_db, connected=True)
    keys = await SystemConfig.all().values_list("key", flat=True)
    assert sorted(str(key) for key in keys) == sorted(f"ground {pid}" for pid in pids)


async def count(connections: int) -> list[int]:
    url = load_settings().url()
    assert url is not None
    async with connection_to(url) as connection:
        return [os.getpid(), *[await connection.fetchval("SELECT $1::int", n) for n in range(connections)]]


async def fail() -> None:
    raise ConflictError("no", constraint="uq_x")


async def die() -> None:
    os.write(2, b"the last words")
    os._exit(7)


async def hang() -> None:
    await asyncio.sleep(60)


async def now() -> float:
    return asyncio.get_running_loop().time()


async def test_functions_run_in_processes_of_their_own(empty_url: DatabaseUrl) -> None:
    results = run_in_processes(count, 3, 2, url=empty_url)
    assert [rest for _pid, *rest in results] == [[0, 1]] * 3
    assert len({os.getpid(), *(pid for pid, *_ in results)}) == 4


def test_processes_begin_together() -> None:
    times = run_in_processes(now, 4)
    assert max(times) - min(times) < 0.5  # imports in sequence would take that long


def test_a_process_s_error_is_its_result() -> None:
    (error,) = run_in_processes(fail, 1)
    assert isinstance(error, ConflictError)
    assert error.constraint == "uq_x"


def test_a_dead_process_fails_with_its_stderr() -> None:
    with pytest.raises(AssertionError, match=r"(?s)process 0: it ended with status 7.*the last words"):
        run_in_processes(die, 1)


def test_a_hung_process_fails() -> None:
    with pytest.raises(AssertionError, match="process 1: it did not end in time"):
        run_in_processes(hang, 2, timeout=4)
