"""The embedded server after crashes: nothing committed is ever lost, and no other process is harmed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medianest_models.embedded import EmbeddedServer
from tests.db.crashes import SOCKET, insert, kill_postmaster, numbers
from tests.servers import connect

NewServer = Callable[..., EmbeddedServer]


def set_pid(server: EmbeddedServer, pid: int) -> None:
    """Write this process's id into the files that a crashed server left."""
    for file in (server.data / "postmaster.pid", Path(server.url.host) / f"{SOCKET}.lock"):
        _, *lines = file.read_text().splitlines()
        file.write_text("\n".join([str(pid), *lines, ""]))


@contextmanager
def foreign_process(uid: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of this user that has nothing to do with PostgreSQL."""
    user = uid if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/sleep", "600"], user=user) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_committed_rows_survive_a_killed_postmaster(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    for number in range(3):
        await insert(url, number)
        pid = kill_postmaster(server)
        assert (server.data / "postmaster.pid").read_text().startswith(f"{pid}\n")
        assert (Path(url.host) / SOCKET).exists()
        assert server.start() == url
    assert await numbers(url) == [0, 1, 2]


async def test_a_session_that_outlives_the_postmaster_is_waited_for(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    connection = await connect(url)
    await connection.execute("CREATE TABLE t (n int)")
    backend = await connection.fetchval("SELECT pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)
    kill_postmaster(server)
    asyncio.get_running_loop().call_later(0.7, os.kill, backend, signal.SIGCONT)
    assert await asyncio.to_thread(server.start) == url
    assert "pre-existing shared memory block" not in server.log.read_text()  # so no server was launched too early
    assert await numbers(url) == []
    connection.terminate()


async def test_a_live_foreign_process_in_the_pid_file_is_neither_trusted_nor_signalled(
    new_server: NewServer,
) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    kill_postmaster(server)
    with foreign_process(server.data.stat().st_uid) as process:
        set_pid(server, process.pid)
        assert server.status().pid is None
        assert server.stop() is False
        assert process.poll() is None
        assert server.start() == url
        assert server.status().pid != process.pid
        assert await numbers(url) == [1]
        assert server.stop() is True
        assert process.poll() is None


async def test_another_homes_server_in_the_pid_file_is_neither_trusted_nor_signalled(
    new_server: NewServer,
) -> None:
    server, other = new_server("one"), new_server("other")
    url, other_url = server.start(), other.start()
    await insert(url, 1)
    await insert(other_url, 2)
    kill_postmaster(server)
    other_pid = other.status().pid
    assert other_pid is not None
    set_pid(server, other_pid)
    assert server.status().pid is None
    assert server.stop() is False
    assert server.start() == url
    assert await numbers(url) == [1]
    assert other.status().pid == other_pid
    assert await numbers(other_url) == [2]


@pytest.mark.parametrize("content", ["", "\n", "nonsense\n"])
async def test_a_pid_file_cut_short_is_no_obstacle(new_server: NewServer, content: str) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    kill_postmaster(server)
    (server.data / "postmaster.pid").write_text(content)
    assert server.status().pid is None
    assert server.start() == url
    assert await numbers(url) == [1]


@pytest.mark.parametrize("kind", ["socket", "file"])
async def test_a_stale_socket_is_replaced(new_server: NewServer, kind: str) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    kill_postmaster(server)
    assert (Path(url.host) / SOCKET).is_socket()
    if kind == "file":
        (Path(url.host) / SOCKET).unlink()
        (Path(url.host) / SOCKET).touch()
    assert server.start() == url
    assert await numbers(url) == [1]


def test_stop_clears_what_a_crashed_server_has_left(new_server: NewServer) -> None:
    server = new_server()
    folder = Path(server.start().host)
    kill_postmaster(server)
    assert server.stop() is False
    assert not folder.exists()
