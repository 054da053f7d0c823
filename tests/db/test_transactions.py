"""Transactions: commits, rollbacks and their errors."""

# ruff: noqa: PT012 - the end of a block must raise

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from tortoise.transactions import atomic, in_transaction

from medianest_models.db import IsolationLevel, transaction
from medianest_models.errors import (
    ConflictError,
    InvalidInputError,
    StatementError,
    TransactionAbortedError,
)
from medianest_models.settings import DatabaseUrl
from tests.db.pools import client, deeds, do, pool_of


class Refusal(Exception):  # noqa: N818 - of a test
    """Raised by the code inside a transaction."""


async def test_commits_on_return_and_rolls_back_on_an_exception(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url) as pool_client:
        async with transaction() as using:
            await using.execute_query("INSERT INTO deeds VALUES (1, 1)")
            await do(1, 2)
            assert await pool_client.execute_query_dict("SELECT 1 FROM deeds") == []
        with pytest.raises(Refusal):
            async with transaction():
                await do(2, 1)
                raise Refusal
        assert await deeds() == [(1, 1), (1, 2)]


async def test_tortoises_own_transactions_are_ours(fresh_url: DatabaseUrl) -> None:
    @atomic()
    async def refused() -> None:
        await do(1, 1)
        raise Refusal

    async with pool_of(2, fresh_url):
        with pytest.raises(Refusal):
            await refused()
        with pytest.raises(TransactionAbortedError):
            async with in_transaction("default"):
                await do(2, 1)
                with suppress(ConflictError):
                    await do(2, 1)
        assert await deeds() == []


async def test_a_swallowed_constraint_error_makes_the_commit_raise(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url):
        with pytest.raises(TransactionAbortedError, match="its error was caught inside"):
            async with transaction():
                await do(1, 1)
                with suppress(ConflictError):
                    await do(1, 1)
        with pytest.raises(TransactionAbortedError, match="an earlier statement of this transaction failed"):
            async with transaction():
                with suppress(StatementError):
                    await client().execute_query("SELECT 1 / 0")
                await do(1, 2)
        assert await deeds() == []


async def test_a_deferred_constraint_is_told_by_the_commit(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        await client().execute_script(
            "CREATE TABLE once (n int, CONSTRAINT uq_once_n UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)"
        )
        with pytest.raises(ConflictError) as caught:
            async with transaction():
                await client().execute_query("INSERT INTO once VALUES (4711), (4711)")
        assert caught.value.constraint == "uq_once_n"
        assert "4711" not in str(caught.value)
        assert caught.value.__context__ is None


async def test_savepoints(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        async with transaction():
            await do(1, 1)
            with suppress(Refusal):
                async with transaction():
                    await do(1, 2)
                    async with transaction():
                        await do(1, 3)
                    raise Refusal
            with suppress(ConflictError):
                async with transaction():
                    await do(1, 4)
                    await do(1, 1)
            with suppress(TransactionAbortedError):
                async with transaction():
                    await do(1, 5)
                    with suppress(ConflictError):
                        await do(1, 1)
            async with transaction():
                with suppress(Refusal):
                    async with transaction():
                        await do(1, 6)
                        raise Refusal
                await do(1, 7)
            await do(1, 8)
        assert await deeds() == [(1, 1), (1, 7), (1, 8)]


async def test_rolling_back_by_hand_ends_the_transaction(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        async with transaction() as using:
            await do(1, 1)
            await using.rollback()
            with pytest.raises(TransactionAbortedError):
                await do(1, 2)
            with pytest.raises(TransactionAbortedError):
                await using.commit()
        async with transaction():
            async with transaction() as using:
                await do(2, 1)
                await using.rollback()
            await do(2, 2)
        assert await deeds() == [(2, 2)]


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
async def test_isolation_levels(fresh_url: DatabaseUrl, level: IsolationLevel) -> None:
    async def shown() -> str:
        rows = await client().execute_query_dict("SHOW transaction_isolation")
        return str(rows[0]["transaction_isolation"])

    async with pool_of(1, fresh_url):
        async with transaction(level):
            assert await shown() == level
            async with transaction(level):
                assert await shown() == level
            async with transaction():
                assert await shown() == level
        assert await shown() == "read committed"


async def test_a_nested_transaction_keeps_the_isolation_level(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        async with transaction():
            async with transaction("read committed"):
                await do(1, 1)
            with pytest.raises(InvalidInputError, match="can't be serializable: the one around it is read committed"):
                async with transaction("serializable"):
                    pytest.fail("must not begin")
            await do(1, 2)
        assert await deeds() == [(1, 1), (1, 2)]


async def test_an_unknown_isolation_level_is_refused(fresh_db: DatabaseUrl) -> None:
    with pytest.raises(InvalidInputError, match="isolation: must be one of"):
        transaction("SERIALIZABLE; DROP TABLE users")  # type: ignore[arg-type]  # the point


async def test_a_transaction_left_in_another_context_is_rolled_back(fresh_url: DatabaseUrl) -> None:
    async def steps(doer: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a generator
        async with transaction():
            await do(doer, 1)
            yield doer
            await do(doer, 2)

    async with pool_of(1, fresh_url):
        generator = steps(1)
        await asyncio.create_task(anext(generator))
        await generator.aclose()
        assert await deeds() == []
