"""The lock of a connection that the tasks of one transaction share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from medianest_models.errors import DatabaseTimeoutError, TransactionAbortedError, replace_errors

T = TypeVar("T")

OVER: Final = (
    "the transaction that this task was started in is over; await the task inside the block, "
    "or start it outside of any transaction"
)


class ConnectionLock:
    """Lets one task after the other use the connection, until `end`; `held` is locked while one does.

    Args:
        seconds: How long to wait for the connection; None for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self.is_over = False
        self.held = asyncio.Lock()
        self._seconds = seconds
        self._stoppable: set[asyncio.Timeout] = set()
        self._stopped = replace_errors(Exception, lambda _: TransactionAbortedError(OVER) if self.is_over else None)

    async def acquire(self) -> None:
        """Wait for the connection, and keep it until `held` is released.

        It raises a TransactionAbortedError once the transaction is over, and a DatabaseTimeoutError after `seconds`.
        """
        self.check()
        if self.held.locked():
            with replace_errors(TimeoutError, self._timeout):
                await self.stoppable(self.held.acquire(), self._seconds)
        else:
            await self.held.acquire()
        if self.is_over:
            self.held.release()
            self.check()

    def check(self) -> None:
        """Raise a TransactionAbortedError if the transaction is over."""
        if self.is_over:
            raise TransactionAbortedError(OVER)

    async def stoppable(self, work: Awaitable[T], seconds: float | None = None) -> T:
        """Wait for work that `end` stops, by a TransactionAbortedError, and `seconds`, by a TimeoutError."""
        with self._stopped:
            async with asyncio.timeout(seconds) as timeout:
                self._stoppable.add(timeout)
                try:
                    return await work
                finally:
                    self._stoppable.discard(timeout)

    def end(self) -> None:
        """Let nobody acquire the connection any more, and stop the tasks that wait for it or use it."""
        self.is_over = True
        now = asyncio.get_running_loop().time()
        # An expiring timeout stops only the code inside it, and nothing else of that task.
        for timeout in self._stoppable:
            if not timeout.expired():
                timeout.reschedule(now)

    def _timeout(self, _: TimeoutError) -> DatabaseTimeoutError:
        return DatabaseTimeoutError(f"another task used this transaction for longer than {self._seconds:g} s")
