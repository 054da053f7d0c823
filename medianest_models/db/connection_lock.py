"""Whose turn it is on a connection that the tasks of one transaction share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from medianest_models.errors import DatabaseTimeoutError, TransactionAbortedError

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")

OVER: Final = (
    "the transaction that this task was started in is over; await the task inside the block, "
    "or start it outside of any transaction"
)


class ConnectionLock:
    """One task after the other, until `end`.

    Attributes:
        held: Locked while a task uses the connection.
        is_over: Whether there will be no more turns.

    Args:
        seconds: How long to wait for one's turn; None for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self.is_over = False
        self._seconds = seconds
        self.held = asyncio.Lock()
        self._waiting: set[asyncio.Timeout] = set()
        self._running: asyncio.Timeout | None = None

    async def acquire(self) -> None:
        """Wait for one's turn.

        Raises:
            TransactionAbortedError: There will be no more turns.
            DatabaseTimeoutError: Another task did not end its turn in time.
        """
        self.check()
        if self.held.locked():
            await self._wait()
        else:
            await self.held.acquire()
        if self.is_over:
            self.held.release()
            self.check()

    def release(self) -> None:
        """End one's turn."""
        self.held.release()

    def check(self) -> None:
        """Make sure that turns are taken at all.

        Raises:
            TransactionAbortedError: There will be no more turns.
        """
        if self.is_over:
            raise TransactionAbortedError(OVER)

    async def watch(self, statement: Awaitable[T]) -> T:
        """Run what one's turn is for, so that `end` can stop it.

        Raises:
            TransactionAbortedError: It was stopped.
        """
        try:
            async with asyncio.timeout(None) as self._running:
                return await statement
        except Exception:
            if not self.is_over:
                raise
        finally:
            self._running = None
        raise TransactionAbortedError(OVER)

    def end(self) -> None:
        """Refuse further turns, and stop what waits for one or runs in one. The latter ends a moment later."""
        self.is_over = True
        now = asyncio.get_running_loop().time()
        # A timeout that expires ends what it is around, and nothing else of that task.
        for timeout in (*self._waiting, *([self._running] if self._running else [])):
            if not timeout.expired():
                timeout.reschedule(now)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._seconds) as timeout:
                self._waiting.add(timeout)
                try:
                    await self.held.acquire()
                finally:
                    self._waiting.discard(timeout)
        except TimeoutError:
            pass
        else:
            return
        self.check()
        raise DatabaseTimeoutError(f"another task used this transaction for longer than {self._seconds:g} s")
