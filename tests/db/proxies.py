"""A proxy to a server that can be cut, and a port that never responds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from medianest_models.settings import DatabaseUrl


@dataclass
class Proxy:
    """Forwards data between clients and a server, until it is told not to.

    Attributes:
        behind: The server.
        url: The same, through this proxy.
        frozen: Whether it silently forwards nothing; it still accepts new connections.
        freezes_at: The data of a client after which everything freezes.
        closed: Whether new connections are closed at once.
        asked: The number of connections that clients have made.
    """

    behind: DatabaseUrl
    url: DatabaseUrl
    frozen: bool = False
    freezes_at: bytes | None = None
    closed: bool = False
    asked: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _stranded: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Close every connection, and refuse new ones."""
        self.closed = True
        for writer in self._writers:
            writer.transport.abort()

    def strand(self) -> None:
        """Forward nothing more of the open connections, as after the loss of a machine; new ones work."""
        self._stranded.update(self._writers)

    def heal(self) -> None:
        """Work again."""
        self.frozen = self.closed = False
        self.freezes_at = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward data between one client and the server, until either of them closes the connection."""
        writers = [writer]
        self.asked += 1
        try:
            if not self.closed:
                there, back = await (
                    asyncio.open_unix_connection(f"{self.behind.host}/.s.PGSQL.{self.behind.port}")
                    if self.behind.host.startswith("/")
                    else asyncio.open_connection(self.behind.host, self.behind.port)
                )
                writers.append(back)
                self._writers.update(writers)
                await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))
        except (OSError, asyncio.CancelledError):
            pass  # the server is gone, or the test is over
        finally:
            self._writers.difference_update(writers)
            for each in writers:
                each.transport.abort()
            for each in writers:  # the end of the test may cancel this wait
                with suppress(OSError):
                    await each.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.freezes_at is not None and self.freezes_at in data:
                self.frozen = True
            while self.frozen or writer in self._stranded:  # noqa: ASYNC110 - seldom, and not for long
                await asyncio.sleep(0.02)
            writer.write(data)
        raise ConnectionResetError


@asynccontextmanager
async def proxy_to(url: DatabaseUrl) -> AsyncIterator[Proxy]:
    """Run a proxy on 127.0.0.1 to the server of a URL."""
    clients: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        clients.add(task)
        await task

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    proxy = Proxy(behind=url, url=replace(url, host="127.0.0.1", port=port, sslmode="disable"))
    try:
        yield proxy
    finally:
        listener.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


@asynccontextmanager
async def black_hole() -> AsyncIterator[int]:
    """Open a port on 127.0.0.1 that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]
