"""The fixtures and helpers of the other tests."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from medianest_models.errors import ConflictError
from medianest_models.models import SystemConfig
from medianest_models.settings import DatabaseUrl, Environment, load_settings
from medianest_models.testing.servers import Server
from tests.processes import run_in_processes
from tests.servers import connection_to

_seen: list[str] = []


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_has_an_empty_database_of_its_own(
    empty_url: DatabaseUrl, medianest_server: Server, turn: int
) -> None:
    assert empty_url.database not in _seen
    _seen.append(empty_url.database)
    assert os.environ["DATABASE_URL"] == empty_url.render().get_secret_value()
    async with connection_to(empty_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await connection.execute("CREATE TABLE t ()")


@pytest.mark.parametrize("turn", [1, 2])
async def test_rows_are_gone_with_the_test_that_made_them(db: DatabaseUrl, turn: int) -> None:
    assert await SystemConfig.filter(key="ground").count() == 0
    await SystemConfig.create(key="ground", value=str(turn))
    assert await SystemConfig.filter(key="ground").count() == 1
    assert os.environ["DATABASE_URL"] == db.render().get_secret_value()


@pytest.mark.parametrize("turn", [1, 2])
async def test_what_is_committed_is_seen_by_others_and_dropped(fresh_db: DatabaseUrl, turn: int) -> None:
    assert fresh_db.database not in _seen
    _seen.append(fresh_db.database)
    await SystemConfig.create(key=f"ground {turn}", value="")
    async with connection_to(fresh_db) as connection:
        assert await connection.fetchval("SELECT array_agg(key) FROM system_config") == [f"ground {turn}"]


def test_without_a_fixture_there_is_no_database() -> None:
    settings = load_settings()
    assert settings.url() == DatabaseUrl.parse("postgresql://nobody@127.0.0.1:1/ask-a-fixture-for-a-database")
    assert settings.medianest_env is Environment.TEST
    assert not settings.home.is_relative_to(Path(__file__).parents[1])


async def fail() -> None:
    raise ConflictError("no", constraint="uq_x")


async def die() -> None:
    os.write(2, b"the last words")
    os._exit(7)


async def hang() -> None:
    await asyncio.sleep(60)


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
