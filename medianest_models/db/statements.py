"""Statements in SQL, run on the current connection: the transaction's, or one of the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncpg.pool import PoolConnectionProxy

from medianest_models.db.statement_client import current_client

if TYPE_CHECKING:
    from asyncpg import Record


async def fetch(sql: str, *values: Any) -> list[Record]:
    """The rows that a statement returns; `$1` in it is the first of `values`."""
    return await current_client().run(PoolConnectionProxy.fetch, sql, *values)


async def fetch_one(sql: str, *values: Any) -> Record | None:
    """The first row that a statement returns; None without one."""
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def execute(sql: str, *values: Any) -> int:
    """The number of rows that an INSERT, UPDATE or DELETE changed."""
    count, _ = await current_client().execute_query(sql, list(values))
    return count
