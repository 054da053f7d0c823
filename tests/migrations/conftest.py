"""A migrated database to look at and to break, and migration files to add to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.migrations.commands import copy_of_migrations, use_folder
from tests.servers import connection_to


@pytest.fixture(scope="session")
async def schema_url(medianest_server: Server, medianest_template: str) -> AsyncIterator[DatabaseUrl]:
    """Make a database as `aerich upgrade` does."""
    async with medianest_server.database(template=medianest_template) as url:
        yield url


@pytest.fixture(scope="session")
async def schema_connection(schema_url: DatabaseUrl) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Connect to it."""
    async with connection_to(schema_url) as connection:
        yield connection


@pytest.fixture
async def raw(schema_connection: asyncpg.Connection[Any]) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Begin a transaction on it, which is rolled back when the test ends."""
    transaction = schema_connection.transaction()
    await transaction.start()
    yield schema_connection
    await transaction.rollback()


@pytest.fixture
async def look(empty_url: DatabaseUrl) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Connect to the empty database."""
    async with connection_to(empty_url) as connection:
        yield connection


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the migration files, and use the copy instead of them."""
    models = copy_of_migrations(tmp_path)
    use_folder(monkeypatch, models.parent)
    return models
