"""Statements in SQL, run on the current connection: the transaction's, or one of the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tortoise.context import get_current_context

from medianest_models.errors import ConfigurationError
from medianest_models.settings import DEFAULT_ALIAS

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient


def current_client() -> BaseDBAsyncClient:
    """What runs this task's statements now.

    Raises:
        ConfigurationError: This process is not connected.
    """
    context = get_current_context()
    if context is None or not context.inited:
        raise ConfigurationError("not connected to a database: await connect_database() first")
    return context.connections.get(DEFAULT_ALIAS)


async def fetch(sql: str, *values: Any) -> list[dict[str, Any]]:
    """The rows that a statement returns; `$1` in it is the first of `values`."""
    return await current_client().execute_query_dict(sql, list(values))


async def fetch_one(sql: str, *values: Any) -> dict[str, Any] | None:
    """The first row that a statement returns; None without one."""
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def execute(sql: str, *values: Any) -> int:
    """The number of rows that an INSERT, UPDATE or DELETE changed."""
    count, _ = await current_client().execute_query(sql, list(values))
    return count
