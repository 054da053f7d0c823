"""`max_queries`: which statements count, and what it says about them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from medianest_models.db import transaction
from medianest_models.db.observers import observers
from medianest_models.db.statements import execute, fetch
from medianest_models.models import User
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from medianest_models.testing import a_user, max_queries
from tests.db.pools import client


async def refusal(most: int, code: Callable[[], Awaitable[object]]) -> str:
    """Run code that sends more statements than it may, and return the message."""
    with pytest.raises(AssertionError) as raised, max_queries(most):
        await code()
    return str(raised.value)


async def test_as_many_as_there_may_be(fresh_db: DatabaseUrl) -> None:
    with max_queries(2):
        await fetch("SELECT 1")
        await User.all()


async def test_one_more(fresh_db: DatabaseUrl) -> None:
    async def code() -> None:
        await User.all()
        for number in range(2):
            await fetch("SELECT  $1::int\n", number)

    first, *statements = (await refusal(2, code)).splitlines()
    assert first == "3 statements were sent, and 2 may be:"
    assert [re.sub(r'SELECT .* FROM "users"', "SELECT * FROM users", line) for line in statements] == [
        "   1 x SELECT * FROM users",
        "   2 x SELECT $1::int",
    ]


async def test_a_row_at_a_time_is_found(fresh_db: DatabaseUrl) -> None:
    async def code() -> None:
        for user in await User.all():
            await users.get(user.id)

    for _ in range(3):
        await a_user()
    assert "\n   3 x SELECT" in await refusal(2, code)


async def test_the_tasks_that_the_block_starts(fresh_db: DatabaseUrl) -> None:
    async def code() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(fetch("SELECT $1::int", number))

    assert (await refusal(3, code)).startswith("4 statements were sent, and 3 may be")


async def test_other_tasks_do_not_count(fresh_db: DatabaseUrl) -> None:
    goes_on, done = asyncio.Event(), asyncio.Event()

    async def other() -> None:
        await goes_on.wait()
        await fetch("SELECT 1")
        done.set()

    task = asyncio.create_task(other())
    with max_queries(0):
        goes_on.set()
        await done.wait()
    await task


async def test_the_begin_and_the_commit_count(fresh_db: DatabaseUrl) -> None:
    async def code() -> None:
        async with transaction():
            await execute("UPDATE users SET status = status")

    with max_queries(3):
        await code()
    assert re.search(r"1 x BEGIN.*\n +1 x UPDATE.*\n +1 x COMMIT", await refusal(2, code))


async def test_what_a_batch_sends_counts_once(fresh_db: DatabaseUrl) -> None:
    ids = [(await a_user()).id for _ in range(20)]
    with max_queries(1):
        await asyncio.gather(*(users.find_by_plex_id(str(id_)) for id_ in ids))


async def test_a_block_in_a_block(fresh_db: DatabaseUrl) -> None:
    async def code() -> None:
        await fetch("SELECT 1")
        with max_queries(1):
            await fetch("SELECT 2")

    assert (await refusal(1, code)).startswith("2 statements were sent, and 1 may be")


async def test_an_exception_of_the_block_is_raised(fresh_db: DatabaseUrl) -> None:
    async def code() -> None:
        await fetch("SELECT 1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), max_queries(0):
        await code()


async def test_no_secret_is_named(fresh_db: DatabaseUrl) -> None:
    message = await refusal(0, lambda: client().execute_script("UPDATE users SET plex_token = 'hunter2'"))
    assert message.endswith("UPDATE users SET plex_token = '***'")


async def test_nothing_is_observed_afterwards(fresh_db: DatabaseUrl) -> None:
    with max_queries(0):
        assert len(observers) == 1
    with pytest.raises(ZeroDivisionError), max_queries(0):
        raise ZeroDivisionError
    assert observers == []
