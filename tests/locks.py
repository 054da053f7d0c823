"""Two transactions of one process, one of which waits for a lock of the other."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from medianest_models.db.statements import fetch_one

T = TypeVar("T")


def elsewhere(what: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task outside the caller's transaction: a separate context has a separate connection."""
    return asyncio.get_running_loop().create_task(what, context=contextvars.Context())


async def number_waiting_for_locks() -> int:
    """Return how many sessions on this server wait for a lock; each waits for one at a time."""
    row = await fetch_one("SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted")
    return 0 if row is None else int(row["waiting"])


async def someone_waits_for_a_lock() -> bool:
    """Return whether a session on this server waits for a lock."""
    return await number_waiting_for_locks() > 0


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 30) -> None:
    """Wait for a condition, until a timeout.

    Raises:
        TimeoutError: It did not come true.
    """
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the database sends no event
            await asyncio.sleep(0.02)
