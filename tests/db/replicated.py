"""A database with a standby, and a table whose rows say what a reader can see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from medianest_models.db import database, last_write
from medianest_models.db.statements import execute, fetch
from medianest_models.settings import DatabaseUrl
from tests.clusters import Pair


def use(pair: Pair, patch: pytest.MonkeyPatch, *, replicas: DatabaseUrl | None = None) -> None:
    """Set DATABASE_URL to the primary, and DATABASE_REPLICA_URL to the standby, or to other `replicas`."""
    patch.setenv("DATABASE_URL", pair.primary.url.render().get_secret_value())
    patch.setenv("DATABASE_REPLICA_URL", (replicas or pair.standby.url).render().get_secret_value())


@asynccontextmanager
async def connected(
    pair: Pair, patch: pytest.MonkeyPatch, *, replicas: DatabaseUrl | None = None
) -> AsyncIterator[None]:
    """Be connected to both, with a table `notes` that both have."""
    use(pair, patch, replicas=replicas)
    await pair.primary.execute("DROP TABLE IF EXISTS notes", "CREATE TABLE notes (n int)")
    await pair.wait_until_replayed()
    async with database(require_migrated=False):
        yield


def port_of(pair: Pair) -> dict[int, str]:
    return {pair.primary.url.port: "primary", pair.standby.url.port: "standby"}


async def who_answers(pair: Pair) -> str:
    """Return which of the two a statement is sent to: `primary` or `standby`."""
    (row,) = await fetch("SELECT inet_server_port() AS port")
    return port_of(pair)[row["port"]]


async def note(n: int) -> str:
    """Write a row, and return the token."""
    await execute("INSERT INTO notes VALUES ($1)", n)
    return await last_write()


async def notes() -> set[int]:
    return {row["n"] for row in await fetch("SELECT n FROM notes")}


def beside(url: DatabaseUrl, *ports: int) -> DatabaseUrl:
    """Return the URL with further ports of the same host before its own."""
    first, *rest = (*ports, url.port)
    return replace(url, port=first, fallbacks=tuple((url.host, port) for port in rest))
