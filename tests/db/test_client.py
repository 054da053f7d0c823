"""The client as Tortoise and Aerich use it: statements, errors, races, and life without connect_database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tortoise.context import TortoiseContext
from tortoise.exceptions import IntegrityError

from medianest_models.db import database, transaction
from medianest_models.errors import (
    ConflictError,
    DatabaseUnavailableError,
    InvalidInputError,
    MigrationError,
    StatementError,
)
from medianest_models.models import User
from medianest_models.settings import DatabaseUrl, load_settings, tortoise_config
from tests.db.pools import client, deeds, pool_of
from tests.processes import run_in_processes

PROCESSES = 4


async def test_how_many_rows_a_statement_changed(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        assert await client().execute_query("INSERT INTO deeds VALUES (1, 1), (1, 2), (2, 1)") == (3, [])
        assert await client().execute_query("  update deeds SET step = step + 10 WHERE doer = $1", [1]) == (2, [])
        assert await client().execute_query("DELETE FROM deeds WHERE doer = 3") == (0, [])
        count, rows = await client().execute_query("SELECT doer FROM deeds WHERE step = $1", [1])
        assert (count, [dict(row) for row in rows]) == (1, [{"doer": 2}])
        rows = await client().execute_query_dict("DELETE FROM deeds WHERE doer = 1 RETURNING step")
        assert sorted(row["step"] for row in rows) == [11, 12]


async def test_many_rows_are_written_all_or_none(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        rows = [[1, step] for step in range(500)]
        with pytest.raises(ConflictError):
            await client().execute_many("INSERT INTO deeds VALUES ($1, $2)", [*rows, [1, 3]])
        with pytest.raises(StatementError):
            await client().execute_script("INSERT INTO deeds VALUES (2, 2); SELECT 1 / 0")
        assert await deeds() == []
        await client().execute_many("INSERT INTO deeds VALUES ($1, $2)", rows)
        assert len(await deeds()) == 500


@pytest.mark.parametrize(
    ("sql", "arguments", "error"),
    [
        ("SELECT * FROM not_there", [], MigrationError),
        ("SELECT $1::int", ["hunter2"], InvalidInputError),
        ("SELECT $1::int", [2**40], InvalidInputError),
        ("SELECT $1::text", ["hunter2\0"], InvalidInputError),
        ("SELECT $1::text", ["hunter2\ud800"], InvalidInputError),
        ("SELECT $1::jsonb", ['{"hunter2'], InvalidInputError),
        ("SELECT $1::uuid", ["hunter2"], InvalidInputError),
        ("SELECT 'hunter2'::int", [], InvalidInputError),
        ("SELECT $1::text, $2::text", ["hunter2"], StatementError),
        ("SELEC 'hunter2'", [], StatementError),
        ("INSERT INTO session_tokens (user_id) VALUES (NULL)", [], IntegrityError),
    ],
)
async def test_errors_are_ours_and_hold_no_value(
    fresh_db: DatabaseUrl, sql: str, arguments: list[Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await client().execute_query(sql, arguments)
    assert type(caught.value).__module__ == "medianest_models.errors"
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert await client().execute_query_dict("SELECT 1 AS one") == [{"one": 1}]


async def test_asyncpgs_own_connection_for_copy_and_cursors(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        async with client().acquire_connection() as connection:
            await connection.copy_records_to_table("deeds", records=[(1, step) for step in range(100)])
        with pytest.raises(ConflictError):
            async with transaction(), client().acquire_connection() as connection:
                await connection.copy_records_to_table("deeds", records=[(2, 1), (1, 1)])
        async with transaction() as using, using.acquire_connection() as connection:
            assert len([row async for row in connection.cursor("SELECT * FROM deeds")]) == 100
        with pytest.raises(FileNotFoundError):  # the caller's own
            async with client().acquire_connection() as connection:
                await connection.copy_to_table("deeds", source=Path("/no/such/file"))
        assert len(await deeds()) == 100


async def get_or_create_often() -> int:
    made = 0
    for number in range(20):
        _, created = await User.get_or_create({"plex_username": "somebody"}, plex_id=str(number))
        made += created
        await User.update_or_create({"plex_username": f"user {number}"}, plex_id=str(number + 100))
        async with transaction():
            await User.get_or_create({"plex_username": "nested"}, plex_id=str(number + 200))
    return made


async def test_get_or_create_and_update_or_create_under_a_race(fresh_url: DatabaseUrl) -> None:
    made = await asyncio.to_thread(run_in_processes, get_or_create_often, PROCESSES, url=fresh_url, connected=True)
    assert sum(made) == 20
    async with database(fresh_url):
        assert await User.all().count() == 60
        assert await User.filter(plex_username="user 7").count() == 1


async def test_the_first_statement_opens_one_pool(empty_url: DatabaseUrl) -> None:
    async with TortoiseContext() as context:
        await context.init(tortoise_config(load_settings(), for_migrations=True))
        assert client().pool is None
        await asyncio.gather(*(client().execute_query("SELECT 1") for _ in range(20)))
        pool = client().pool
        assert pool is not None
        assert pool.get_size() <= pool.get_max_size() == 4
        sessions = await client().execute_query_dict(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend'"  # not an autovacuum worker
        )
        assert sessions == [{"count": pool.get_size()}]
        async with transaction() as using:
            await using.execute_script("CREATE TABLE made ()")
    assert pool.is_closing()


async def test_tortoise_can_make_and_drop_a_database(empty_url: DatabaseUrl) -> None:
    url = replace(empty_url, database=f"{empty_url.database}_made")
    config = tortoise_config(load_settings(), url=url)
    async with TortoiseContext() as context:
        await context.init(config)
        with pytest.raises(DatabaseUnavailableError, match="the database does not exist"):
            await client().execute_query("SELECT 1")
    async with TortoiseContext() as context:
        await context.init(config, _create_db=True)
        rows = await client().execute_query_dict("SELECT current_database() AS name")
        assert rows == [{"name": url.database}]
        await client().close()
        await client().db_delete()
