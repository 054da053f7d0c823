"""The servers of the plugin: whose databases are dropped, and what is left of a run that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from pydantic import SecretStr

from medianest_models.errors import ConfigurationError, DatabaseUnavailableError
from medianest_models.testing.servers import Server, chosen_bindir, migrated, running_server
from tests.db.crashes import has_ended, wait_until
from tests.locks import until
from tests.servers import connection_to

_DATABASES: Final = "SELECT datname FROM pg_database WHERE datname LIKE 'medianest%' ORDER BY 1"
_SLEEPER: Final = """
import time
from pathlib import Path

def test_that_is_killed(medianest_server, medianest_url):
    Path("ready").write_text(medianest_server.url.host)
    time.sleep(3600)
"""


async def databases(server: Server) -> list[str]:
    """Return the names of the tests' databases."""
    async with connection_to(server.url) as connection:
        return [row["datname"] for row in await connection.fetch(_DATABASES)]


async def test_the_databases_of_a_killed_run_are_dropped_by_the_next(
    medianest_server: Server, medianest_template: str
) -> None:
    left, others = "medianest_test_00000000_00000000", "medianest_test_portal"
    async with medianest_server.database(others), medianest_server.database() as ours:
        await medianest_server.execute(f'CREATE DATABASE "{left}"')
        async with running_server(medianest_server.url.render().get_secret_value()) as next_run:
            assert next_run.major == medianest_server.major
            assert next_run.prefix != medianest_server.prefix
            found = await databases(medianest_server)
    assert left not in found
    assert {others, ours.database, medianest_template} <= set(found)


async def test_several_runs_drop_the_same_databases(medianest_server: Server) -> None:
    left = [f"medianest_test_00000000_0000000{number}" for number in range(1, 4)]
    await medianest_server.execute(*(f'CREATE DATABASE "{name}"' for name in left))
    async with AsyncExitStack() as runs:
        others = (running_server(medianest_server.url.render().get_secret_value()) for _ in range(4))
        await asyncio.gather(*map(runs.enter_async_context, others))
        assert not set(left) & set(await databases(medianest_server))


@pytest.fixture
async def modest(medianest_server: Server) -> AsyncIterator[Server]:
    """Run the tests' server as a role that may only create databases."""
    role = f"modest_{os.getpid()}"
    await medianest_server.execute(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'modest'")
    url = replace(medianest_server.url, user=role, password=SecretStr("modest"))
    try:
        async with running_server(url.render().get_secret_value()) as server:
            yield server
    finally:
        await medianest_server.execute(f"DROP ROLE {role}")


async def test_a_role_that_may_only_create_databases(medianest_server: Server, modest: Server) -> None:
    left = "medianest_test_00000000_ffffffff"
    async with (
        medianest_server.database(left),
        running_server(modest.url.render().get_secret_value()),
        migrated(modest) as template,
        modest.database(template=template) as copy,
    ):
        assert {left, template, copy.database} <= set(await databases(medianest_server))


async def test_such_a_role_drops_a_database_with_an_autovacuum_and_a_client(
    medianest_server: Server, modest: Server
) -> None:
    async with AsyncExitStack() as later, connection_to(medianest_server.url) as observer:
        async with modest.database() as url:
            connection = await later.enter_async_context(connection_to(url))
            slowly = "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1"
            await connection.execute(f"CREATE TABLE t (n int) WITH ({slowly})")
            await connection.execute("INSERT INTO t SELECT generate_series(1, 100000)")
            await connection.execute("DELETE FROM t")

            async def is_being_vacuumed() -> bool:
                vacuuming = "SELECT datname FROM pg_stat_activity WHERE query LIKE 'autovacuum: VACUUM%public.t%'"
                return url.database in [row["datname"] for row in await observer.fetch(vacuuming)]

            await medianest_server.execute("ALTER SYSTEM SET autovacuum_naptime = 1", "SELECT pg_reload_conf()")
            try:
                await until(is_being_vacuumed, seconds=120)
            finally:
                await medianest_server.execute("ALTER SYSTEM RESET autovacuum_naptime", "SELECT pg_reload_conf()")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await modest.execute(f'DROP DATABASE "{url.database}" WITH (FORCE)')
        assert url.database not in await databases(medianest_server)


async def test_a_database_is_dropped_with_its_connections(medianest_server: Server) -> None:
    async with AsyncExitStack() as later:
        async with medianest_server.database() as url:
            connection = await later.enter_async_context(connection_to(url))
            assert url.database in await databases(medianest_server)
        assert url.database not in await databases(medianest_server)
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)):
            await connection.execute("SELECT 1")


def test_a_killed_run_leaves_no_server(tmp_path: Path, bindir: Path | None) -> None:
    (tmp_path / "test_sleep.py").write_text(_SLEEPER)
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--medianest-server={bindir or 'embedded'}"]
    ready, temporary = tmp_path / "ready", tmp_path / "temporary"
    temporary.mkdir(mode=0o755)
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, *arguments], cwd=tmp_path, env=environment) as run:
        wait_until(lambda: ready.exists() and ready.read_text() != "")
        postmaster = int(next(temporary.glob("*/home/pgdata/postmaster.pid")).read_text().splitlines()[0])
        socket = Path(ready.read_text())
        run.send_signal(signal.SIGKILL)
    wait_until(lambda: has_ended(postmaster))
    wait_until(lambda: not any(temporary.glob("medianest-*")) and not socket.exists())


@pytest.mark.parametrize(
    ("choice", "folder"),
    [
        ("embedded", None),
        ("testcontainers", None),
        ("testcontainers:postgres:18", None),
        ("postgresql://postgres@localhost/postgres", None),
        ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/15/bin"),
        ("programs", "programs"),
    ],
)
def test_the_choice_of_a_folder(choice: str, folder: str | None) -> None:
    assert chosen_bindir(choice) == (folder and Path(folder))


async def test_a_url_without_a_server() -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1:1") as raised:
        async with running_server("postgresql://ann:hunter2@127.0.0.1:1/postgres"):
            pass
    assert "hunter2" not in str(raised.value)


async def test_a_url_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="--medianest-server"):
        async with running_server("mysql://root@localhost/mysql"):
            pass


async def test_a_folder_without_programs(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        async with running_server(str(tmp_path)):
            pass


async def test_no_package_for_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "testcontainers.community.postgres", None)
    with pytest.raises(ConfigurationError, match="needs the package testcontainers"):
        async with running_server("testcontainers:postgres:18"):
            pass
