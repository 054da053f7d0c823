"""Cancellation at any moment of a transaction causes no leak and no partial write."""

# ruff: noqa: PT012 - the end of a block must raise

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from medianest_models.db import transaction
from medianest_models.errors import TransactionAbortedError
from medianest_models.settings import DatabaseUrl
from tests.cancelling import cancel_everywhere
from tests.db.pools import assert_whole, client, deeds, do, pool_of


async def two_steps(doer: int) -> None:
    async with transaction():
        await do(doer, 1)
        async with transaction():
            await do(doer, 2)
        await client().execute_query("SELECT pg_sleep(0.001)")


async def two_steps_of_tortoise(doer: int) -> None:
    async with in_transaction():
        await do(doer, 1)
        async with in_transaction():
            await do(doer, 2)


async def read(doer: int) -> None:
    await client().execute_query("SELECT pg_sleep(0.001)")


@pytest.mark.parametrize("work", [two_steps, two_steps_of_tortoise, read])
async def test_cancelled_at_every_suspension(
    fresh_url: DatabaseUrl, work: Callable[[int], Coroutine[Any, Any, None]], caplog: pytest.LogCaptureFixture
) -> None:
    async with pool_of(2, fresh_url) as pool_client:
        await assert_whole(pool_client)
        suspensions = await cancel_everywhere(work)
        await assert_whole(pool_client)
        assert suspensions >= 2
        if work is not read:
            assert suspensions >= 6  # BEGIN, two statements, SAVEPOINT, RELEASE, COMMIT, the reset of the connection
            written = await deeds()
            doers = {doer for doer, _ in written}
            assert written == [(doer, step) for doer in sorted(doers) for step in (1, 2)]
            assert suspensions in doers  # the run that was not cancelled
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_cancellation_that_is_caught_around_a_nested_transaction(fresh_url: DatabaseUrl, times: int) -> None:
    async def caught(doer: int) -> None:
        async with transaction():
            await do(doer, 1)
            with suppress(asyncio.CancelledError, ZeroDivisionError):
                async with transaction():
                    await do(doer, 2)
                    if doer >= 1000:
                        raise ZeroDivisionError
            await do(doer, 3)

    async def refused(suspension: int) -> None:
        await caught(1000 + suspension)

    async with pool_of(1, fresh_url) as pool_client:
        for work in (caught, refused):
            assert await cancel_everywhere(work, times) >= 7
        await assert_whole(pool_client)
        written = await deeds()
    for doer in {doer for doer, _ in written}:
        steps = [step for other, step in written if other == doer]
        assert steps == [1, 3] or (steps == [1, 2, 3] and doer < 1000)


async def test_a_timeout_caught_inside_a_transaction_is_not_committed_over(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        with pytest.raises(TransactionAbortedError):
            async with transaction():
                await do(1, 1)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await client().execute_query("SELECT pg_sleep(10)")
        assert await deeds() == []


async def test_cancelled_while_waiting_for_a_connection(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url) as pool_client:
        async with pool_client.acquire_connection():
            waiting = [asyncio.create_task(two_steps(doer)) for doer in range(20)]
            await asyncio.sleep(0.05)
            for task in waiting[::2]:
                task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert {doer for doer, _ in await deeds()} == set(range(1, 20, 2))
