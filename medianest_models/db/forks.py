"""The class of all connections of the package: a forked child forgets them, and closing one never fails."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Final
from weakref import WeakSet

import asyncpg


class ForkSafeConnection(asyncpg.Connection):
    """A connection that a forked child forgets, while the parent goes on using it.

    Both processes have the same socket. asyncpg ends the session when a connection is deleted, and closing the socket
    would take it out of the parent's event loop, whose epoll both have, too. So the child keeps the connections, and
    its copies of their sockets lead nowhere.
    """

    def __init__(self, protocol: Any, transport: Any, loop: Any, address: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, loop, address, *rest)
        self._socket_transport = transport
        self._address: tuple[str, int] | str = address
        self.notes: dict[str, Any] = {}  # what callers have learned about its server
        _open.add(self)

    @property
    def place(self) -> tuple[str, int]:
        """The host and the port of its server, as a `DatabaseUrl` has them."""
        if isinstance(self._address, str):  # a socket's path
            folder, _, name = self._address.rpartition("/")
            return folder, int(name.rpartition(".")[2])
        return self._address

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's signature
        """Close it, or end it if that fails, because its server is gone.

        asyncpg's pool closes expired connections in tasks of its own, whose errors only the log would see.
        """
        with suppress(Exception):
            await super().close(timeout=timeout)

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
