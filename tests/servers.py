"""The PostgreSQL servers that the tests run against, and the databases on them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import asyncpg

from medianest_models.embedded import embedded_server
from medianest_models.settings import DatabaseUrl, Settings, load_settings

TESTCONTAINERS: Final = "testcontainers"
_IMAGE: Final = "postgres:15-alpine"
_END: Final = 'read -r _; kill -INT "$1"; sleep 2; rm -rf "$2" "$3"'


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: Its maintenance database, as a superuser.
        major: Its major version.
    """

    url: DatabaseUrl
    major: int

    async def execute(self, *statements: str) -> None:
        """Run statements in the maintenance database, each in a separate transaction."""
        async with connection_to(self.url) as connection:
            for statement in statements:
                await connection.execute(statement)

    @asynccontextmanager
    async def database(self, name: str, *, template: str = "template1") -> AsyncIterator[DatabaseUrl]:
        """Make a database that is dropped at the end, even if clients are still connected to it.

        Args:
            name: Its name.
            template: The database to copy; nobody may be connected to it.
        """
        await self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield replace(self.url, database=name)
        finally:
            await self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def connect(url: DatabaseUrl) -> asyncpg.Connection[Any]:
    """Open a plain connection, without the code under test."""
    if url.pgbouncer and (direct := load_settings().direct_url()):
        url = replace(direct, database=url.database)
    connection: asyncpg.Connection[Any] = await asyncpg.connect(**url.connect_arguments(), timeout=20)
    return connection


@asynccontextmanager
async def connection_to(url: DatabaseUrl) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Lend a bare connection for the length of an `async with`."""
    connection = await connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def running_server(choice: str) -> AsyncIterator[Server]:
    """Run the server that `--server` or MEDIANEST_TEST_SERVER chose.

    Args:
        choice: `embedded`, a folder of PostgreSQL programs, the URL of a running server (as a superuser),
            `testcontainers` or `testcontainers:IMAGE`.
    """
    if "://" in choice:
        yield await _server(DatabaseUrl.parse(choice, variable="--server"))
    elif choice.split(":", maxsplit=1)[0] == TESTCONTAINERS:
        async with _container(choice.partition(":")[2] or _IMAGE) as server:
            yield server
    else:
        async with _embedded(chosen_bindir(choice)) as server:
            yield server


def chosen_bindir(choice: str) -> Path | None:
    """Return the folder of PostgreSQL programs in `--server`, or None."""
    is_folder = choice != "embedded" and choice.split(":", maxsplit=1)[0] != TESTCONTAINERS and "://" not in choice
    return Path(choice) if is_folder else None


async def _server(url: DatabaseUrl) -> Server:
    async with connection_to(url) as connection:
        return Server(url, int(await connection.fetchval("SHOW server_version_num")) // 10_000)


@asynccontextmanager
async def _embedded(bindir: Path | None) -> AsyncIterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="medianest-tests-"))
    try:
        embedded = embedded_server(Settings(medianest_home=folder / "home", pg_bindir=bindir))
        url = await asyncio.to_thread(embedded.start)
        try:
            status = embedded.status()
            with cleaned_up_after_us(_END, str(status.pid), str(folder), status.url.host):
                server = await _server(replace(url, database="postgres"))
                # Nothing here must survive a crash of the machine.
                await server.execute(
                    "ALTER SYSTEM SET fsync = off",
                    "ALTER SYSTEM SET full_page_writes = off",
                    "SELECT pg_reload_conf()",
                )
                yield server
        finally:
            await asyncio.to_thread(embedded.stop)
    finally:
        shutil.rmtree(folder)


@contextmanager
def cleaned_up_after_us(script: str, *arguments: str) -> Iterator[None]:
    """Make sure that a shell script runs if this process is killed; its `read -r _` lasts until then."""
    with subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *arguments], stdin=subprocess.PIPE, start_new_session=True
    ) as guard:
        try:
            yield  # the guard reads from a pipe that only this process holds open
        finally:
            guard.kill()


@asynccontextmanager
async def _container(image: str) -> AsyncIterator[Server]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # the fixture stops the container itself
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - slow, and only needed here

    container = PostgresContainer(image, driver=None)
    try:
        await asyncio.to_thread(container.start)
        yield await _server(DatabaseUrl.parse(container.get_connection_url()))
    finally:
        await asyncio.to_thread(container.stop)
