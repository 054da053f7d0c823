"""Waiting until somebody waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from medianest_models.db.statements import fetch_one

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def someone_waits_for_a_lock() -> bool:
    """Whether anybody on this server does."""
    row = await fetch_one("SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted")
    return row is not None and row["waiting"] > 0


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 30) -> None:
    """Wait for a condition, and give up after a while.

    Raises:
        TimeoutError: It did not come true.
    """
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the database rings no bell
            await asyncio.sleep(0.02)
