"""The PostgreSQL servers that tests run against, and the databases on them."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg

from medianest_models.db.hosts import open_connection
from medianest_models.embedded import embedded_server
from medianest_models.errors import ConfigurationError
from medianest_models.migrate.applying import migrate
from medianest_models.settings import DatabaseUrl, Environment, Settings

T = TypeVar("T")

ENCRYPTION_KEY: Final = "dGhlIHRlc3RzJyBrZXksIHdoaWNoIGlzIG5vIHNlY3I="  # 32 bytes
"""The key of tests in an environment without one."""
EMBEDDED: Final = "embedded"
TESTCONTAINERS: Final = "testcontainers"
_IMAGE: Final = "postgres:18-alpine"
_END: Final = 'read -r _; kill -INT "$1"; sleep 2; rm -rf "$2" "$3"'

_SECONDS: Final = 20.0  # for a connection
# The databases of runs that have ended without dropping them: nobody is connected with such a run's name.
_LEFT_BEHIND: Final = """
SELECT datname FROM pg_database
WHERE datname ~ '^medianest_test_[0-9a-f]{8}_[0-9a-f]{8}$' AND pg_has_role(datdba, 'USAGE')
    AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = left(pg_database.datname, 23))
"""

_END_CLIENTS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = $1 AND usesysid IS NOT NULL AND pg_has_role(usesysid, 'USAGE')
"""


@dataclass(frozen=True)
class Server:
    """A running server, and this process's databases on it.

    Attributes:
        url: Its maintenance database, as a role that may create databases.
        major: Its major version.
        prefix: What the names of this process's databases begin with.
    """

    url: DatabaseUrl
    major: int
    prefix: str

    async def execute(self, *statements: str) -> None:
        """Run statements in the maintenance database, each in a separate transaction."""
        async with self._maintenance() as connection:
            for statement in statements:
                await connection.execute(statement)

    @asynccontextmanager
    async def database(self, name: str | None = None, *, template: str = "template1") -> AsyncIterator[DatabaseUrl]:
        """Make a database that is dropped at the end, even if clients are still connected to it.

        Args:
            name: Its name; None for one that nobody else has.
            template: The database to copy; nobody may be connected to it.
        """
        name = name or f"{self.prefix}_{secrets.token_hex(4)}"
        await self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield replace(self.url, database=name)
        finally:
            async with self._maintenance() as connection:
                await _drop(connection, name)

    @asynccontextmanager
    async def _maintenance(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """Connect by the driver alone: a test may have changed how this package connects."""
        connection = await asyncpg.connect(**self.url.connect_arguments(), timeout=_SECONDS)
        try:
            yield connection
        finally:
            await connection.close()


@contextmanager
def in_thread(manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter an `async with` from synchronous code, on an event loop in a thread of its own, and leave it there."""
    runner = asyncio.Runner()  # it makes its loop in the thread that first runs something
    with ThreadPoolExecutor(1) as thread:
        try:
            entered = thread.submit(runner.run, manager.__aenter__()).result()
            try:
                yield entered
            finally:
                thread.submit(runner.run, manager.__aexit__(None, None, None)).result()
        finally:
            thread.submit(runner.close).result()


@asynccontextmanager
async def running_server(choice: str) -> AsyncIterator[Server]:
    """Run a server for the tests of this process.

    Args:
        choice: `embedded`, a folder of PostgreSQL programs, the URL of a running server, `testcontainers` or
            `testcontainers:IMAGE`.
    """
    async with _running(choice) as url, _present(url) as server:
        yield server


@asynccontextmanager
async def migrated(server: Server) -> AsyncIterator[str]:
    """Make a database with all migrations, and return its name, to be a template."""
    async with server.database() as url:
        await migrate(url)
        yield str(url.database)


def chosen_bindir(choice: str) -> Path | None:
    """Return the folder of PostgreSQL programs in a choice of a server; None if it is something else."""
    is_other = choice in (EMBEDDED, "") or _is_container(choice) or "://" in choice
    return None if is_other else Path(choice)


@contextmanager
def cleaned_up_after_us(script: str, *arguments: str) -> Iterator[None]:
    """Make sure that a shell script runs if this process is killed; its `read -r _` lasts until then."""
    with subprocess.Popen(  # noqa: S603 - the script is ours
        ["/bin/sh", "-c", script, "sh", *arguments], stdin=subprocess.PIPE, start_new_session=True
    ) as guard:
        try:
            yield  # the guard reads from a pipe that only this process holds open
        finally:
            guard.kill()


def _is_container(choice: str) -> bool:
    return choice.partition(":")[0] == TESTCONTAINERS


@asynccontextmanager
async def _running(choice: str) -> AsyncIterator[DatabaseUrl]:
    """Run what was chosen, and return the URL of its maintenance database."""
    if "://" in choice:
        yield DatabaseUrl.parse(choice, variable="--medianest-server")
    elif _is_container(choice):
        async with _container(choice.partition(":")[2] or _IMAGE) as url:
            yield url
    else:
        async with _embedded(chosen_bindir(choice)) as url:
            yield url


@asynccontextmanager
async def _present(url: DatabaseUrl) -> AsyncIterator[Server]:
    """Be connected by a name of our own, which keeps our databases; drop those of runs that were killed."""
    prefix = f"medianest_test_{secrets.token_hex(4)}"
    async with _connection(url, server_settings={"application_name": prefix}) as connection:
        major = int(await connection.fetchval("SHOW server_version_num")) // 10_000
        for row in await connection.fetch(_LEFT_BEHIND):
            await _drop(connection, row["datname"])
        yield Server(url, major, prefix)


async def _drop(connection: asyncpg.Connection[Any], name: str) -> None:
    """Drop a database, if it is there, and end its clients.

    WITH (FORCE) fails while an autovacuum is at work there that the role may not end. Without it PostgreSQL ends an
    autovacuum itself, but no clients.
    """
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    except asyncpg.InsufficientPrivilegeError:
        await connection.execute(_END_CLIENTS, name)
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}"')


@asynccontextmanager
async def _connection(url: DatabaseUrl, **options: Any) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await open_connection(url, seconds=_SECONDS, **options)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _embedded(bindir: Path | None) -> AsyncIterator[DatabaseUrl]:
    folder = Path(tempfile.mkdtemp(prefix="medianest-tests-"))
    try:
        settings = Settings(medianest_home=folder / "home", pg_bindir=bindir, medianest_env=Environment.TEST)
        embedded = embedded_server(settings)
        url = await asyncio.to_thread(embedded.start)
        try:
            status = embedded.status()
            with cleaned_up_after_us(_END, str(status.pid), str(folder), status.url.host):
                url = replace(url, database="postgres")
                async with _connection(url) as connection:
                    # Nothing here must survive a crash of the machine.
                    await connection.execute("ALTER SYSTEM SET fsync = off")
                    await connection.execute("ALTER SYSTEM SET full_page_writes = off")
                    await connection.execute("SELECT pg_reload_conf()")
                yield url
        finally:
            await asyncio.to_thread(embedded.stop)
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def _container(image: str) -> AsyncIterator[DatabaseUrl]:
    try:
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - slow, and only needed here
    except ImportError:
        raise ConfigurationError("--medianest-server=testcontainers: needs the package testcontainers") from None
    container = PostgresContainer(image, driver=None)
    try:
        await asyncio.to_thread(container.start)
        yield DatabaseUrl.parse(container.get_connection_url())
    finally:
        await asyncio.to_thread(container.stop)
