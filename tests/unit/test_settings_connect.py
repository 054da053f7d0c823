"""The settings on a real server: the config connects, and its session settings take effect."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import asyncpg
import pytest
from pydantic import SecretStr
from tortoise.context import TortoiseContext

from medianest_models.settings import DatabaseUrl, load_settings, tortoise_config
from medianest_models.testing.servers import Server

Show = Callable[[str], Awaitable[Any]]


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[Show]:
    """Initialise Tortoise with the settings of the environment; return a function that runs SHOW."""
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(load_settings(), **options))
        client = context.db("default")

        async def show(name: str) -> Any:
            (row,) = await client.execute_query_dict(f"SHOW {name}")
            return row[name]

        yield show


async def test_the_workers_timeouts_reach_the_server(empty_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT", "7")
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.0004")
    monkeypatch.setenv("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT", "0")
    async with connected() as show:
        assert await show("statement_timeout") == "7s"
        assert await show("lock_timeout") == "1ms"
        assert await show("idle_in_transaction_session_timeout") == "0"
        assert await show("application_name") == "medianest"


async def test_the_next_host_is_asked_when_one_does_not_answer(
    empty_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = (empty_url.host, empty_url.port)
    url = replace(empty_url, host="/no/such/folder", fallbacks=(("127.0.0.1", 1), live))
    monkeypatch.setenv("DATABASE_URL", url.render().get_secret_value())
    async with connected() as show:
        assert await show("application_name") == "medianest"


async def test_odd_names_survive_the_url(medianest_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = f"ödd @/?#%41 'n' &=;-{os.getpid()}"  # a role belongs to the whole server, where other tests may run
    literal = odd.replace("'", "''")
    await medianest_server.execute(f"CREATE ROLE \"{odd}\" LOGIN PASSWORD '{literal}'")
    try:
        async with medianest_server.database(odd) as plain:
            url = replace(
                plain, user=odd, password=SecretStr(odd), schema="Media-1", application_name="a b&c", pool_max=2
            )
            monkeypatch.setenv("DATABASE_URL", url.render().get_secret_value())
            async with connected() as show:
                assert await show("search_path") == '"Media-1"'
                assert await show("application_name") == "a b&c"
            assert await ask_bare_asyncpg(url) == f'{odd}|{odd}|"Media-1"|a b&c'
            assert await ask_psql(url) == f'{odd}|{odd}|"Media-1"|a b&c'
    finally:
        await medianest_server.execute(f'DROP ROLE "{odd}"')


QUERY: Final = (
    "SELECT concat_ws('|', current_user, current_database(), current_setting('search_path'), "
    "current_setting('application_name'))"
)


async def ask_bare_asyncpg(url: DatabaseUrl) -> str:
    connection = await asyncpg.connect(url.for_libpq().get_secret_value(), timeout=20)
    try:
        return str(await connection.fetchval(QUERY))
    finally:
        await connection.close()


async def ask_psql(url: DatabaseUrl) -> str:
    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("there is no psql to ask")
    process = await asyncio.create_subprocess_exec(
        psql, url.for_libpq().get_secret_value(), "-XAtc", QUERY, stdout=PIPE, stderr=PIPE
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error
    return out.decode().strip()
