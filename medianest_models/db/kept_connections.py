"""Connections that have just run a statement, ready for the next one.

Giving a connection back to asyncpg's pool and taking it from there again costs the client as much as a short statement:
a task and two timers. So a connection whose statement went well is kept for a moment, and the next call that needs one
takes it. No call waits for the pool while a connection is kept here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from asyncpg import InterfaceError

from medianest_models.db.statements import Connection

_SECONDS: Final = 0.05
"""The time after which the one that was kept first goes back to the pool, which closes those that are old or idle."""


def is_lost(connection: Connection) -> bool:
    """Return whether a connection is closed, also when the pool has taken it back already."""
    try:
        return connection.is_closed()
    except InterfaceError:
        return True


class KeptConnections:
    """The connections of one pool that are kept.

    Args:
        release: Gives a connection back to the pool; it must not raise.
    """

    def __init__(self, release: Callable[[Connection], Coroutine[Any, Any, None]]) -> None:
        self._release = release
        self._connections: list[Connection] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop keeps weak references only
        self.waiting = 0  # calls that wait for a connection of the pool

    def __len__(self) -> int:
        return sum(not is_lost(connection) for connection in self._connections)

    def keep(self, connection: Connection) -> bool:
        """Keep a connection for the next call; return False if it has to go back to the pool at once."""
        if self.waiting or is_lost(connection) or connection.is_in_transaction():
            return False
        self._connections.append(connection)
        if self._timer is None:
            self._set_timer()
        return True

    def take(self) -> Connection | None:
        """Take the connection that was kept last; None if there is none that works."""
        while self._connections:
            connection = self._connections.pop()
            if not is_lost(connection):
                return connection
            self._start(self._release(connection))
        return None

    def give_back(self) -> None:
        """Begin to give all of them back to the pool."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._connections:
            self._start(self._release(self._connections.pop()))

    def _set_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_SECONDS, lambda: self._start(self._give_back_oldest()))

    async def _give_back_oldest(self) -> None:
        """Give one back at a time: for a call that finds none here and none in the pool yet, that opens another."""
        if self._connections:
            await self._release(self._connections.pop(0))
        self._timer = None
        if self._connections:
            self._set_timer()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
