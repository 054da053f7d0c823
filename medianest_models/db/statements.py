"""Statements in SQL, run on the current connection: the transaction's, or one of the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncpg.pool import PoolConnectionProxy

from medianest_models.db.statement_client import current_client

if TYPE_CHECKING:
    from asyncpg import Record

    from medianest_models.db.statement_client import StatementClient


async def fetch(sql: str, *values: Any) -> list[Record]:
    """Return the rows of a statement; `$1` in it is the first of `values`."""
    return await current_client().run(PoolConnectionProxy.fetch, sql, *values)


async def fetch_one(sql: str, *values: Any, client: StatementClient | None = None) -> Record | None:
    """Return the first row of a statement, on the current client unless one is given; None without a row."""
    return await (client or current_client()).run(PoolConnectionProxy.fetchrow, sql, *values)


async def execute(sql: str, *values: Any) -> int:
    """The number of rows that an INSERT, UPDATE or DELETE changed."""
    count, _ = await current_client().execute_query(sql, list(values))
    return count
