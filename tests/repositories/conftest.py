"""Who the rows of these tests belong to, and a connection beside the package's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from asyncpg import Connection, Record

from medianest_models.models import User
from medianest_models.settings import DatabaseUrl
from tests.servers import connect


@pytest.fixture
async def user(db: DatabaseUrl) -> User:
    """Make a user, in a transaction that is rolled back."""
    return await User.create(plex_id="1", plex_username="ann")


@pytest.fixture
async def connection(fresh_url: DatabaseUrl) -> AsyncIterator[Connection[Record]]:
    """Open a connection of the test's own, as another program has it."""
    connection = await connect(fresh_url)
    yield connection
    await connection.close()
