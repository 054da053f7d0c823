"""Statements in SQL, run on the current connection: the transaction's, or one of the pool."""

from __future__ import annotations

from typing import Any

from tortoise.connection import get_connection

from medianest_models.settings import DEFAULT_ALIAS


async def fetch(sql: str, *values: Any) -> list[dict[str, Any]]:
    """The rows that a statement returns; `$1` in it is the first of `values`."""
    return await get_connection(DEFAULT_ALIAS).execute_query_dict(sql, list(values))


async def fetch_one(sql: str, *values: Any) -> dict[str, Any] | None:
    """The first row that a statement returns; None without one."""
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def execute(sql: str, *values: Any) -> int:
    """The number of rows that an INSERT, UPDATE or DELETE changed."""
    count, _ = await get_connection(DEFAULT_ALIAS).execute_query(sql, list(values))
    return count
