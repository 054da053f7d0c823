"""Connections that belong to no pool: past a pooler, for migrations, locks, LISTEN and a look from outside.

The class of these and of the pool's is here too: in a forked child they must not touch the parent's sessions.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakSet

import asyncpg

from medianest_models.db.driver_errors import connect_errors, driver_errors_around_caller
from medianest_models.embedding import start_embedded
from medianest_models.settings import DatabaseUrl, load_settings, session_settings

_CLOSE_SECONDS: Final = 1.0
"""The time that a server has to close a connection. A server that does not respond never does."""


async def resolve_direct_url(url: DatabaseUrl | None = None) -> DatabaseUrl:
    """Return `url`, `DATABASE_DIRECT_URL`, `DATABASE_URL`, or the embedded server's URL after starting it."""
    settings = load_settings()
    return url or settings.direct_url() or await start_embedded(settings)


@asynccontextmanager
async def direct_connection(url: DatabaseUrl | None = None) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Be connected to `url`, or to the database that migrations use; DatabaseUnavailableError where that can't be."""
    url = await resolve_direct_url(url)
    seconds = url.connect_timeout or load_settings().database_connect_timeout
    with connect_errors(url, seconds):
        connection = await asyncpg.connect(
            **url.connect_arguments(),
            timeout=seconds,
            server_settings=session_settings(url),
            statement_cache_size=0,
            connection_class=ForkSafeConnection,
        )
    try:
        with driver_errors_around_caller():
            yield connection
    finally:
        try:
            await connection.close(timeout=_CLOSE_SECONDS)
        except Exception:  # noqa: BLE001 - it is closed already, which asyncpg reports in many ways
            connection.terminate()


class ForkSafeConnection(asyncpg.Connection):
    """A connection that a forked child forgets, while the parent goes on using it.

    Both processes have the same socket. asyncpg ends the session when a connection is deleted, and closing the socket
    would take it out of the parent's event loop, whose epoll both have, too. So the child keeps the connections, and
    its copies of their sockets lead nowhere.
    """

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        self._socket_transport = transport
        _open.add(self)

    def forget(self) -> None:
        """Make the socket of this process lead nowhere."""
        socket = self._socket_transport.get_extra_info("socket")
        if socket is not None and not self._socket_transport.is_closing():
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, socket.fileno(), inheritable=False)
            os.close(nowhere)


_open: Final[WeakSet[ForkSafeConnection]] = WeakSet()
_inherited: Final[list[ForkSafeConnection]] = []


def _forget_inherited() -> None:
    _inherited.extend(_open)
    _open.clear()
    for connection in _inherited:
        connection.forget()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget_inherited)
