"""A portal to back up, and databases to restore it into."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from medianest_models.backups.contents import count_rows, objects_in
from medianest_models.backups.files import Manifest, append_manifest, read_manifest
from medianest_models.backups.programs import find_programs
from medianest_models.db import database
from medianest_models.errors import ConfigurationError
from medianest_models.models import Service, User
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.migrations.base_rows import insert_all
from tests.servers import connection_to

USERS = 50


@pytest.fixture(autouse=True)
def bindir(medianest_server: Server, no_pooler: None) -> Path:
    """Return the folder of PostgreSQL's programs, or skip the test."""
    try:
        return find_programs(medianest_server.major, "pg_dump", "pg_restore")
    except ConfigurationError as error:
        pytest.skip(str(error))


async def fill(url: DatabaseUrl) -> None:
    """Put a row into every table, and users and a service with secrets."""
    async with connection_to(url) as connection:
        await connection.execute(f"SET search_path = {url.search_path or 'public'}")
        await insert_all(connection)
    async with database(url):
        await User.bulk_create(
            User(plex_id=f"user {number}", plex_username="Änne", plex_token=f"token {number}")
            for number in range(USERS)
        )
        await Service.create(name="secret", display_name="Secret", api_key="key", config_data={"token": "t"})


@pytest.fixture
async def portal(fresh_url: DatabaseUrl) -> DatabaseUrl:
    """Return a database with rows."""
    await fill(fresh_url)
    return fresh_url


@pytest.fixture
async def target(medianest_server: Server, fresh_url: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """Return an empty database."""
    async with medianest_server.database() as url:
        yield url


async def rows_of(url: DatabaseUrl) -> dict[str, list[Any]]:
    """Return all rows of all tables, as text."""
    async with connection_to(url) as connection:
        names = await count_rows(connection)
        return {
            name: [row[0] for row in await connection.fetch(f"SELECT t::text AS row FROM {name} AS t ORDER BY 1")]
            for name in names
        }


async def objects_of(url: DatabaseUrl) -> list[str]:
    """Name what is in a database."""
    async with connection_to(url) as connection:
        return await objects_in(connection)


def names_in(folder: Path) -> list[str]:
    """Name the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def change_manifest(path: Path, **changes: Any) -> Manifest:
    """Change what a backup says of itself."""
    manifest = replace(read_manifest(path), **changes)
    with path.open("r+b") as file:
        content = file.read()
        file.truncate(content.rindex(b'{"taken_at":'))
        append_manifest(file, manifest)
    return manifest


@pytest.fixture
def slow_programs(bindir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that makes one of the programs wait before it begins, and returns the file of its process id.

    The programs in PG_BINDIR then run PostgreSQL's, but that one only once its process has been looked at.
    """

    def slow(name: str) -> Path:
        folder, pid = tmp_path / "programs", tmp_path / "pid"
        folder.mkdir()
        for program in ("pg_dump", "pg_restore", "initdb", "pg_ctl", "postgres"):
            real = shlex.quote(str(bindir / program))
            wait = f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600\n" if program == name else ""
            quick = f'case "$1" in --version|--list) exec {real} "$@";; esac\n'
            (folder / program).write_text(f'#!/bin/sh\n{quick}{wait}exec {real} "$@"\n')
            (folder / program).chmod(0o755)
        monkeypatch.setenv("PG_BINDIR", str(folder))
        return pid

    return slow


async def databases(connection: asyncpg.Connection[Any]) -> set[str]:
    """Name the databases of a server."""
    return {row[0] for row in await connection.fetch("SELECT datname FROM pg_database")}
