"""Several tasks in one transaction: gather, TaskGroup, and tasks that nobody awaits."""

# ruff: noqa: PT012 - the end of a block must raise

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from medianest_models.db import transaction
from medianest_models.db.connection_lock import ConnectionLock
from medianest_models.errors import ConflictError, DatabaseTimeoutError, TransactionAbortedError
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE, assert_whole, client, deeds, do, pool_of


class Refusal(Exception):  # noqa: N818 - of a test
    """Raised by the code inside a transaction."""


async def is_sleeping() -> list[dict[str, Any]]:
    """Return the sessions of this database that run pg_sleep."""
    return await client().execute_query_dict(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' "
        "AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()"
    )


async def test_a_failing_branch_of_gather_shows_its_own_error(fresh_url: DatabaseUrl) -> None:
    late: list[BaseException] = []

    async def fails() -> None:
        await do(1, 1)
        await asyncio.sleep(0.05)
        raise Refusal

    async def is_late(sql: str, seconds: float = 0) -> None:
        try:
            await asyncio.sleep(seconds)
            await client().execute_query(sql)
        except BaseException as error:
            late.append(error)
            raise

    def goes_on() -> Coroutine[Any, Any, None]:
        return is_late("INSERT INTO deeds VALUES (1, 2)", 0.1)

    async with pool_of(2, fresh_url) as pool_client:
        for branches in (
            [fails(), goes_on()],
            [goes_on(), fails()],
            [fails(), is_late("SELECT pg_sleep(30)"), goes_on()],
        ):
            with pytest.raises(Refusal):
                async with transaction():
                    await asyncio.gather(*branches)
            await do(2, len(late))  # this task continues
            await asyncio.sleep(0.2)
            assert await is_sleeping() == []
            await assert_whole(pool_client)
        assert [type(error) for error in late] == [TransactionAbortedError] * 4
        assert all(doer == 2 for doer, _ in await deeds())


async def test_who_waits_for_a_nested_transaction_is_told_when_all_is_over(fresh_url: DatabaseUrl) -> None:
    told, end = asyncio.Event(), asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def nested() -> None:
        async with transaction():
            await do(1, 1)
            await end.wait()

    async def waits() -> None:
        with pytest.raises(TransactionAbortedError):
            await do(1, 2)
        told.set()

    async with pool_of(1, fresh_url):
        with pytest.raises(Refusal):
            async with transaction():
                for work in (nested, waits):
                    tasks.append(asyncio.create_task(work()))
                    await asyncio.sleep(0.05)
                raise Refusal
        async with asyncio.timeout(PATIENCE):
            await told.wait()
        end.set()
        with pytest.raises(TransactionAbortedError):
            await tasks[0]
        assert await deeds() == []


async def test_a_failing_statement_in_gather_shows_its_own_error(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        await do(1, 1)
        for _ in range(5):
            with pytest.raises(ConflictError):
                async with transaction():
                    await asyncio.gather(*(do(1, step) for step in (5, 4, 3, 2, 1, 2, 3)))
            await do(2, len(await deeds()))
        assert {doer for doer, step in await deeds() if step > 1} == {2}


async def test_a_task_group_rolls_back_and_commits_as_one(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url):
        with pytest.raises(ExceptionGroup) as caught:
            async with transaction(), asyncio.TaskGroup() as group:
                group.create_task(do(1, 1))
                group.create_task(do(1, 1))
                group.create_task(client().execute_query("SELECT pg_sleep(30)"))
        assert caught.group_contains(ConflictError)
        assert await deeds() == []
        async with transaction(), asyncio.TaskGroup() as group:
            for step in range(10):
                group.create_task(do(1, step))
        assert len(await deeds()) == 10


async def test_nested_transactions_in_gather_do_not_mix(fresh_url: DatabaseUrl) -> None:
    async def nested(doer: int) -> None:
        async with transaction():
            await do(doer, 1)
            await asyncio.sleep(0.01)
            await do(doer, 2)
            if doer % 2:
                raise Refusal

    async def plain(doer: int) -> None:
        for step in range(3):
            await do(doer, step)
            await asyncio.sleep(0.005)

    async with pool_of(1, fresh_url):
        async with transaction():
            results = await asyncio.gather(
                *(nested(doer) for doer in range(6)), plain(100), plain(101), return_exceptions=True
            )
        assert [type(result) for result in results] == [type(None), Refusal] * 3 + [type(None)] * 2
        assert await deeds() == [
            *((doer, step) for doer in (0, 2, 4) for step in (1, 2)),
            *((doer, step) for doer in (100, 101) for step in range(3)),
        ]


async def test_the_transaction_around_can_be_named_in_a_nested_one(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        async with transaction() as around, asyncio.timeout(10):
            with suppress(Refusal):
                async with transaction():
                    await around.execute_query("INSERT INTO deeds VALUES (1, 1)")
                    async with around.acquire_connection() as connection:
                        await connection.execute("INSERT INTO deeds VALUES (1, 2)")
                    async with around._in_transaction():
                        await do(1, 3)
                    raise Refusal
            await do(1, 4)
        assert await deeds() == [(1, 4)]


async def test_a_task_that_is_not_awaited_inside_makes_the_commit_raise(fresh_url: DatabaseUrl) -> None:
    async def nested() -> None:
        async with transaction():
            await do(1, 1)
            await asyncio.sleep(0.2)
            await do(1, 2)

    async def long() -> None:
        await client().execute_query("SELECT pg_sleep(30)")

    async with pool_of(2, fresh_url) as pool_client:
        for forgotten in (nested, long):
            task: asyncio.Task[None] | None = None
            with pytest.raises(TransactionAbortedError, match="still uses it"):
                async with transaction():
                    await do(2, 1)
                    task = asyncio.create_task(forgotten())
                    await asyncio.sleep(0.05)
            assert task is not None
            with pytest.raises(TransactionAbortedError):
                await task
            assert await deeds() == []
            await assert_whole(pool_client)


async def test_a_task_that_outlives_its_transaction_gets_a_clear_error(fresh_url: DatabaseUrl) -> None:
    async def late() -> None:
        await asyncio.sleep(0.05)
        async with transaction():
            await do(1, 1)

    async with pool_of(2, fresh_url):
        async with transaction():
            task = asyncio.create_task(late())
        with pytest.raises(TransactionAbortedError, match="is over"):
            await task
        assert await deeds() == []


async def test_nobody_waits_for_another_task_for_ever(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "1")
    async with pool_of(1, fresh_url):
        async with asyncio.timeout(PATIENCE), transaction() as using:
            async with using.acquire_connection():
                with pytest.raises(DatabaseTimeoutError, match=r"used this transaction for longer than 1 s"):
                    await asyncio.create_task(do(1, 1))
            await do(1, 2)
        assert await deeds() == [(1, 2)]


async def test_who_gets_the_connection_in_the_moment_of_the_end_is_refused() -> None:
    lock = ConnectionLock(None)
    await lock.acquire()
    waiting = asyncio.create_task(lock.acquire())
    await asyncio.sleep(0)
    lock.held.release()
    lock.end()
    with pytest.raises(TransactionAbortedError):
        await waiting
    assert not lock.held.locked()
