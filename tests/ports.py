"""A port on which nothing listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """Have a port of 127.0.0.1 to oneself, which refuses connections unless a server is told to listen there.

    A port that was only found to be free could be taken by anyone before it is used, and again while a server that had
    it is stopped. So it is bound here, which keeps the system from giving it to others. With SO_REUSEADDR on both
    sides, as PostgreSQL has it, a server can listen there nevertheless.
    """
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield holder.getsockname()[1]
