"""Observers of statements: each statement once, with its outcome, in the task that sends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from medianest_models.db import transaction
from medianest_models.db.observers import observers
from medianest_models.db.statements import StatementClient, execute, fetch
from medianest_models.errors import DatabaseUnavailableError, StatementError
from medianest_models.models import User
from medianest_models.repositories import downloads, users
from medianest_models.settings import DatabaseUrl
from tests.db.pools import client, pool_of


@dataclass
class Seen:
    """A statement, and what it raised."""

    sql: str
    parameters: Sequence[Any]
    raised: BaseException | None = None


@pytest.fixture
def seen() -> Iterator[list[Seen]]:
    """Observe the statements, in the order in which they begin."""
    seen: list[Seen] = []

    @contextmanager
    def observer(_: StatementClient, sql: str, parameters: Sequence[Any]) -> Iterator[None]:
        statement = Seen(sql, parameters)
        seen.append(statement)
        try:
            yield
        except BaseException as error:
            statement.raised = error
            raise

    observers.append(observer)
    yield seen
    observers.remove(observer)


async def test_a_statement_with_its_parameters(fresh_db: DatabaseUrl, seen: list[Seen]) -> None:
    await fetch("SELECT $1::int", 1)
    await client().execute_many("SELECT $1::int", [[1], [2]])
    assert seen == [Seen("SELECT $1::int", (1,)), Seen("SELECT $1::int", ([[1], [2]],))]


async def test_a_transaction_and_what_is_in_it(fresh_db: DatabaseUrl, seen: list[Seen]) -> None:
    async with transaction():
        await execute("UPDATE users SET status = status")
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            raise ZeroDivisionError
    begin = "BEGIN ISOLATION LEVEL read committed"
    assert [statement.sql for statement in seen] == [
        begin,
        "UPDATE users SET status = status",
        "COMMIT",
        begin,
        "ROLLBACK",
    ]


async def test_the_statements_of_tortoise_and_of_the_repositories(fresh_db: DatabaseUrl, seen: list[Seen]) -> None:
    await User.all()
    await users.find_by_plex_id("nobody")
    await downloads.claim("worker", max_running=None)
    assert len(seen) == 3


async def test_the_error_that_the_caller_gets(fresh_db: DatabaseUrl, seen: list[Seen]) -> None:
    with pytest.raises(StatementError) as raised:
        await fetch("SELECT 1/0")
    assert [statement.raised for statement in seen] == [raised.value]


async def test_a_cancelled_statement(fresh_db: DatabaseUrl, seen: list[Seen]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await fetch("SELECT pg_sleep(60)")
    (statement,) = seen
    assert isinstance(statement.raised, asyncio.CancelledError)


async def test_a_statement_that_got_no_connection(
    fresh_url: DatabaseUrl, seen: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_TIMEOUT", "0.1")
    async with pool_of(1, fresh_url):
        seen.clear()
        async with client().acquire_connection():
            with pytest.raises(DatabaseUnavailableError):
                await fetch("SELECT 1")
        (statement,) = seen
    assert isinstance(statement.raised, DatabaseUnavailableError)
    assert statement.raised.sent is False
