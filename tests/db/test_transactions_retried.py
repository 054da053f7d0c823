"""with_transaction: the errors that it retries, how often, and those that it does not retry."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from medianest_models.db import transaction, with_transaction
from medianest_models.errors import ConflictError, InvalidInputError, TransactionConflictError
from medianest_models.settings import DatabaseUrl
from tests.db.pools import client, deeds, do, pool_of
from tests.locks import until


async def cross(first: int, second: int, met: asyncio.Barrier) -> int:
    """Lock two rows, the second one once all tasks hold their first; return the number of runs."""
    runs = 0

    async def change(doer: int) -> None:
        await client().execute_query("UPDATE deeds SET step = step + 1 WHERE doer = $1", [doer])

    async def both() -> int:
        nonlocal runs
        runs += 1
        await change(first)
        if runs == 1:
            await met.wait()
        await change(second)
        return runs

    return await with_transaction(both, retries=3)


async def test_a_deadlock_is_repeated(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url):
        await do(1, 0)
        await do(2, 0)
        met = asyncio.Barrier(2)
        runs = await asyncio.gather(cross(1, 2, met), cross(2, 1, met))
        assert max(runs) == 2  # for both, if the server aborts both
        assert await deeds() == [(1, 2), (2, 2)]


class Counted:
    """A function for with_transaction that fails a given number of times."""

    def __init__(self, error: Exception, times: int = 1000) -> None:
        self.error = error
        self.times = times
        self.runs = 0

    async def __call__(self) -> str:
        self.runs += 1
        await do(1, 1)
        if self.runs <= self.times:
            raise self.error
        return "done"


async def test_its_result_is_returned_and_only_the_last_run_is_written(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        fn = Counted(TransactionConflictError(), times=2)
        assert await with_transaction(fn, retries=2) == "done"
        assert fn.runs == 3
        assert await deeds() == [(1, 1)]


@pytest.mark.parametrize(
    ("error", "retries", "runs"),
    [
        (TransactionConflictError(), 0, 1),
        (TransactionConflictError(), 3, 4),
        (ConflictError(), 3, 1),
        (ExceptionGroup("", [TransactionConflictError()]), 2, 3),
        (ExceptionGroup("", [TransactionConflictError(), ValueError()]), 2, 1),
    ],
)
async def test_only_conflicts_are_repeated(fresh_url: DatabaseUrl, error: Exception, retries: int, runs: int) -> None:
    async with pool_of(1, fresh_url):
        fn = Counted(error)
        with pytest.raises(type(error)):
            await with_transaction(fn, retries=retries)
        assert fn.runs == runs
        assert await deeds() == []


async def test_a_nested_one_repeats_nothing(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        fn = Counted(TransactionConflictError())
        with pytest.raises(TransactionConflictError):
            async with transaction():
                await with_transaction(fn, retries=5)
        assert fn.runs == 1

        async def around() -> Any:
            return await with_transaction(again, retries=5)

        again = Counted(TransactionConflictError(), times=2)
        assert await with_transaction(around, retries=5) == "done"
        assert again.runs == 3


async def test_cancellation_is_not_repeated(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        fn = Counted(TransactionConflictError())
        task = asyncio.create_task(with_transaction(fn, retries=1000))

        async def has_begun() -> bool:
            return fn.runs > 0

        await until(has_begun)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 1 <= fn.runs < 1000


async def test_a_negative_number_of_retries_is_refused(fresh_db: DatabaseUrl) -> None:
    with pytest.raises(InvalidInputError, match="retries"):
        await with_transaction(Counted(ValueError()), retries=-1)
