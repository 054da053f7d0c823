"""Direct connections: errors inside the block, and closing."""

# ruff: noqa: PT012 - the end of a block must raise

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from medianest_models.db.direct import direct_connection
from medianest_models.errors import ConflictError, DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE
from tests.db.proxies import proxy_to
from tests.servers import connection_to

INSERT = "INSERT INTO services (name, display_name) VALUES ('plex', 'canary')"


async def test_the_driver_s_errors_become_ours_and_hold_no_row(fresh_url: DatabaseUrl) -> None:
    with pytest.raises(ConflictError, match="uq_services_name") as raised:
        async with direct_connection(fresh_url) as connection:
            await connection.execute(INSERT)
            await connection.execute(INSERT)
    assert raised.value.__cause__ is raised.value.__context__ is None


async def test_a_caller_s_own_error_is_left_alone(fresh_url: DatabaseUrl) -> None:
    with pytest.raises(FileNotFoundError):
        async with direct_connection(fresh_url):
            raise FileNotFoundError


async def test_it_is_closed_even_when_the_server_ended_it(fresh_url: DatabaseUrl) -> None:
    async with connection_to(fresh_url) as administrator:
        made: list[asyncpg.Connection[Any]] = []
        with pytest.raises(DatabaseUnavailableError):
            async with direct_connection(fresh_url) as connection:
                made.append(connection)
                await administrator.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
                await connection.execute("SELECT 1")
        assert [connection.is_closed() for connection in made] == [True]


async def test_leaving_it_does_not_wait_for_a_silent_server(fresh_url: DatabaseUrl) -> None:
    async with proxy_to(fresh_url) as proxy:
        async with asyncio.timeout(PATIENCE), direct_connection(replace(proxy.url, connect_timeout=600)) as connection:
            proxy.frozen = True
            with pytest.raises(TimeoutError):
                await connection.fetchval("SELECT 1", timeout=0.01)
        assert connection.is_closed()
