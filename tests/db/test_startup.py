"""A worker that starts before the migrations: it waits for them, or names the missing ones."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from medianest_models.db import (
    check_database_health,
    connect_database,
    database,
    database_health,
    disconnect_database,
)
from medianest_models.errors import DatabaseUnavailableError, MigrationError
from medianest_models.migrate.applying import migrate
from medianest_models.models import User
from medianest_models.settings import DatabaseUrl
from tests.migrations.commands import FILES, add_migration, copy_of_migrations, use_folder

NEWER = "900000001_20300101000000_newer.py"


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a migration to this version of the package that no database has."""
    models = copy_of_migrations(tmp_path)
    add_migration(models, NEWER, "CREATE TABLE newer ()")
    use_folder(monkeypatch, models.parent)


async def test_an_empty_database_is_said_to_be_empty(empty_url: DatabaseUrl) -> None:
    with pytest.raises(MigrationError, match=r"^the database is empty: run `medianest db migrate`$"):
        await connect_database(empty_url)
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await User.all()
    await migrate()
    async with database(empty_url):
        assert await User.all() == []


async def test_what_is_missing_is_named(fresh_url: DatabaseUrl, newer: None) -> None:
    with pytest.raises(MigrationError, match=f"^the database lacks {NEWER}: run `medianest db migrate`$"):
        await connect_database(fresh_url)
    assert not await check_database_health()


async def test_a_database_that_is_ahead_will_do(fresh_url: DatabaseUrl, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        models = copy_of_migrations(tmp_path)
        add_migration(models, NEWER, "CREATE TABLE newer ()")
        use_folder(patch, models.parent)
        assert await migrate() == [NEWER]
    async with database(fresh_url):
        health = await database_health()
    assert (health.migration_head, health.migrations_pending) == (NEWER, ())


async def test_many_wait_for_the_migrations(
    empty_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_MIGRATION_WAIT", "60")
    caplog.set_level(logging.INFO, "medianest_models.db")
    waiting = [asyncio.create_task(connect_database(empty_url)) for _ in range(5)]
    done, _ = await asyncio.wait(waiting, timeout=1.2)
    assert not done
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await User.all()  # a database without tables can't be used yet
    await migrate()
    await asyncio.gather(*waiting)
    try:
        assert (await database_health()).migration_head == FILES[-1]
        assert await User.all() == []
    finally:
        await disconnect_database()
    told = [line for line in caplog.messages if "waiting" in line]
    assert told == ["the database is empty: waiting up to 60 s for its migrations"]


async def test_waiting_has_an_end(empty_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_MIGRATION_WAIT", "0.7")
    with pytest.raises(MigrationError, match=r"^the database is empty, after 0\.7 s of waiting: run `medianest"):
        await connect_database(empty_url)


async def test_it_can_be_left_out(empty_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_MIGRATION_WAIT", "60")
    async with asyncio.timeout(30), database(empty_url, require_migrated=False):
        health = await database_health()
    assert (health.ok, health.migration_head, health.migrations_pending) == (True, None, tuple(FILES))
