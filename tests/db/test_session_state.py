"""A connection goes back to its pool as it is. That nothing here leaves state in one is seen after every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tortoise.context import TortoiseContext

from medianest_models.settings import load_settings, tortoise_config
from tests.db.pools import client, deeds, pool_of
from tests.sessions import session_state

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl


async def test_what_a_session_is_set_to_stays(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        assert await session_state() == []
        await client().execute_script("SET lock_timeout = '3s'; SELECT pg_advisory_lock(7); LISTEN news")
        await client().execute_script("CREATE TEMPORARY TABLE notes (); DECLARE c CURSOR WITH HOLD FOR SELECT 1")
        assert await session_state() == ["cursor c", "listens to news", "lock 7", "set lock_timeout", "table notes"]


async def test_a_transaction_that_is_left_open_is_rolled_back(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        async with client().acquire_connection() as connection:
            await connection.execute("BEGIN; SET LOCAL lock_timeout = '3s'; INSERT INTO deeds VALUES (1, 1)")
        assert await deeds() == []
        assert await session_state() == []


async def test_migrations_may_set_what_they_like(fresh_url: DatabaseUrl) -> None:
    async with TortoiseContext() as context:
        await context.init(tortoise_config(load_settings(), url=fresh_url, for_migrations=True))
        await client().execute_script("SET statement_timeout = '3s'; SELECT pg_advisory_lock(7)")
        assert await session_state() == []
