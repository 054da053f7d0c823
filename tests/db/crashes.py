"""Crashes of the embedded server, and checks after them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from medianest_models.embedded import EmbeddedServer
from medianest_models.settings import DatabaseUrl
from tests.servers import connection_to

SOCKET: Final = ".s.PGSQL.5432"


async def insert(url: DatabaseUrl, number: int) -> None:
    async with connection_to(url) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
        await connection.execute("INSERT INTO t VALUES ($1)", number)


async def execute(url: DatabaseUrl, statement: str) -> None:
    async with connection_to(url) as connection:
        await connection.execute(statement)


async def numbers(url: DatabaseUrl) -> list[int]:
    async with connection_to(url) as connection:
        return [row["n"] for row in await connection.fetch("SELECT n FROM t ORDER BY n")]


def kill_postmaster(server: EmbeddedServer) -> int:
    """Kill the postmaster as a crash would, and wait until its children have noticed."""
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.status().pid is None)
    return pid


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    """Return whether the process has ended, or is a zombie."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (ProcessLookupError, FileNotFoundError):
        return True
