"""The embedded server after crashes, deletions and half-finished starts: nothing committed is ever lost."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from medianest_models.db.embedded import EmbeddedServer
from medianest_models.errors import DatabaseUnavailableError
from tests.servers import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medianest_models.settings import DatabaseUrl

    NewServer = Callable[..., EmbeddedServer]

_SOCKET = ".s.PGSQL.5432"


async def insert(url: DatabaseUrl, number: int) -> None:
    connection = await connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
        await connection.execute("INSERT INTO t VALUES ($1)", number)
    finally:
        await connection.close()


async def execute(url: DatabaseUrl, statement: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def numbers(url: DatabaseUrl) -> list[int]:
    connection = await connect(url)
    try:
        return [row["n"] for row in await connection.fetch("SELECT n FROM t ORDER BY n")]
    finally:
        await connection.close()


def kill_postmaster(server: EmbeddedServer) -> int:
    """Kill the postmaster as a crash would, and wait until its children have noticed."""
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.status().pid is None)
    return pid


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or only waits for its parent to take notice."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (ProcessLookupError, FileNotFoundError):
        return True


def set_pid(server: EmbeddedServer, pid: int) -> None:
    """Have the data folder's `postmaster.pid` name this process."""
    file = server.data / "postmaster.pid"
    _, *lines = file.read_text().splitlines()
    file.write_text("\n".join([str(pid), *lines, ""]))


async def copy(source: Path, target: Path) -> None:
    process = await asyncio.create_subprocess_exec("cp", "-a", source, target)
    assert await process.wait() == 0


@contextmanager
def foreign_process(uid: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with PostgreSQL, of this user."""
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
        assert (Path(url.host) / _SOCKET).exists()
        assert server.start() == url
    assert await numbers(url) == [0, 1, 2]


async def test_a_start_right_after_the_kill_works(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    busy = await connect(url)  # its server process outlives the postmaster for a moment
    for _ in range(3):
        pid = server.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert server.start() == url
    assert await numbers(url) == [1]
    busy.terminate()


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
    assert "pre-existing shared memory block" in server.log.read_text()  # so the first attempt failed
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


async def test_a_copied_home_gets_a_server_of_its_own(new_server: NewServer) -> None:
    server, other = new_server("one"), new_server("copy", blank=True)
    url = server.start()
    await insert(url, 1)
    await copy(server.home, other.home)  # its postmaster.pid names the original's server
    assert other.status().pid is None
    assert other.stop() is False
    copy_url = other.start()
    assert copy_url != url
    await insert(copy_url, 2)
    assert await numbers(copy_url) == [1, 2]
    assert await numbers(url) == [1]


async def test_a_moved_home_keeps_its_server(new_server: NewServer) -> None:
    server, moved = new_server("one"), new_server("moved", blank=True)
    url = server.start()
    await insert(url, 1)
    pid = server.status().pid
    server.home.rename(moved.home)
    assert moved.start() == url
    assert moved.status().pid == pid
    assert moved.stop() is True
    assert await numbers(moved.start()) == [1]


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
    assert (Path(url.host) / _SOCKET).is_socket()
    if kind == "file":
        (Path(url.host) / _SOCKET).unlink()
        (Path(url.host) / _SOCKET).touch()
    assert server.start() == url
    assert await numbers(url) == [1]


@pytest.mark.parametrize("deleted", ["socket", "folder"])
async def test_a_server_whose_socket_was_deleted_is_started_anew(new_server: NewServer, deleted: str) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    pid = server.status().pid
    if deleted == "folder":
        shutil.rmtree(url.host)
    else:
        (Path(url.host) / _SOCKET).unlink()
    assert server.start() == url
    assert server.status().pid != pid
    assert await numbers(url) == [1]


async def test_a_home_deleted_under_its_server_is_made_anew(new_server: NewServer) -> None:
    server = new_server()
    await insert(server.start(), 1)
    shutil.rmtree(server.home)
    url = server.start()
    with pytest.raises(asyncpg.UndefinedTableError):
        await numbers(url)
    assert server.stop() is True


@pytest.mark.parametrize("system", ["this", "one without /proc"])
async def test_a_replaced_data_folder_is_served_by_a_new_server(
    new_server: NewServer, open_folder: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    server = new_server(folder=open_folder)
    if system != "this":  # there the server knows its data folder by the path
        monkeypatch.setattr("medianest_models.db.embedded.files._DESCRIPTORS", Path("/nowhere"))
        server.home.chmod(0o755)
    url = server.start()
    await insert(url, 1)
    server.stop()
    backup = server.home.with_name("backup")
    await copy(server.data, backup)
    server.start()
    pid = server.status().pid
    await insert(url, 2)
    await execute(url, "CHECKPOINT")  # after it the server's control file would ruin the backup
    shutil.copy2(server.data / "postmaster.pid", backup)  # the worst case: the backup names the very process
    shutil.rmtree(server.data)
    backup.rename(server.data)
    assert server.start() == url
    assert server.status().pid != pid
    assert await numbers(url) == [1]
    server.stop()
    server.start()
    assert await numbers(url) == [1]


async def test_a_deleted_pid_file_is_no_way_to_a_second_server(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    await insert(url, 1)
    pid = server.status().pid
    assert pid is not None
    (server.data / "postmaster.pid").unlink()
    assert server.start() == url
    wait_until(lambda: has_ended(pid))
    assert await numbers(url) == [1]


def test_a_server_whose_home_was_deleted_can_be_stopped(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    pid = server.status().pid
    assert pid is not None
    shutil.rmtree(server.home)
    assert server.stop() is True
    wait_until(lambda: has_ended(pid))
    assert not Path(url.host).exists()
    assert not server.home.exists()
    assert server.stop() is False


def test_stop_clears_what_a_crashed_server_has_left(new_server: NewServer) -> None:
    server = new_server()
    folder = Path(server.start().host)
    kill_postmaster(server)
    assert server.stop() is False
    assert not folder.exists()


async def test_remains_of_a_killed_initdb_are_cleared(new_server: NewServer) -> None:
    server = new_server(blank=True)
    remains = server.home / "pgdata.new" / "base"
    remains.mkdir(parents=True)
    (remains.parent / "PG_VERSION").write_text("18\n")
    await insert(server.start(), 1)
    assert not remains.parent.exists()


def fake(server: EmbeddedServer, folder: Path, **scripts: str) -> EmbeddedServer:
    """The same home, with some of PostgreSQL's programs replaced by shell scripts."""
    folder.chmod(0o755)
    for program in server.bindir.iterdir():
        path = folder / program.name
        if script := scripts.get(program.name):
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        else:
            path.symlink_to(program)
    return EmbeddedServer(server.home, folder)


def test_a_failed_initdb_leaves_nothing(new_server: NewServer, open_folder: Path) -> None:
    server = new_server(blank=True)
    failing = fake(server, open_folder, initdb="mkdir $2/base; echo 18 > $2/PG_VERSION; echo 'disk full'; exit 1")
    with pytest.raises(DatabaseUnavailableError, match=r"initdb can't make .*/home/pgdata: disk full"):
        failing.start()
    assert {path.name for path in server.home.iterdir()} == {"server.lock"}
    server.start()


def test_a_failed_create_database_leaves_nothing(new_server: NewServer, open_folder: Path) -> None:
    server = new_server(blank=True)
    real = f'"{server.bindir}/postgres" "$@"'
    twice = f'statement=$(cat); printf "%s\\n" "$statement" "$statement" | {real}'
    script = f'case "$1" in --single) {twice};; *) exec {real};; esac'
    failing = fake(server, open_folder, initdb=f'exec "{server.bindir}/initdb" "$@"', postgres=script)
    with pytest.raises(DatabaseUnavailableError, match=r'postgres can\'t make (?s:.*) "medianest" already exists'):
        failing.start()
    assert {path.name for path in server.home.iterdir()} == {"server.lock"}


@pytest.mark.parametrize("program", ["initdb", "pg_ctl"])
def test_a_start_that_hangs_ends(
    new_server: NewServer, open_folder: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr("medianest_models.db.embedded.server._TIMEOUT", 3)
    server = new_server(blank=program == "initdb")
    script = f"echo 'the last words'; sleep 600 & echo $! > {open_folder}/pid; wait"
    hanging = fake(server, open_folder, **{program: script})
    open_folder.chmod(0o777)
    begin = time.monotonic()
    with pytest.raises(DatabaseUnavailableError, match=r"(?s)more than \d s|the last words"):
        hanging.start()
    assert time.monotonic() - begin < 15
    child = int((open_folder / "pid").read_text())
    wait_until(lambda: has_ended(child))
    assert not (server.home / "pgdata.new").exists()


def test_a_start_that_fails_shows_the_end_of_the_log(new_server: NewServer) -> None:
    server = new_server()
    server.start()
    server.stop()
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = nonsense\n")
    with pytest.raises(DatabaseUnavailableError, match="nonsense") as raised:
        server.start()
    assert str(server.log) in str(raised.value)


def test_a_lock_that_is_held_ends_the_wait(new_server: NewServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = new_server()
    server.start()
    monkeypatch.setattr("medianest_models.db.embedded.server._TIMEOUT", 0.5)
    with (server.home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DatabaseUnavailableError, match="another process has been starting or stopping"):
            server.start()


def test_a_server_that_is_shutting_down_is_waited_for(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    assert server.start() == url
    assert server.status().pid is not None


def test_a_server_that_comes_up_is_waited_for(new_server: NewServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = new_server()
    url = server.start()
    pid_file = server.data / "postmaster.pid"
    ready = pid_file.read_text()
    pid_file.write_text(ready.replace("ready", "starting"))
    with monkeypatch.context() as patch:
        patch.setattr("medianest_models.db.embedded.server._TIMEOUT", 0.5)
        with pytest.raises(DatabaseUnavailableError, match="is not ready after"):
            server.start()
    pid_file.write_text(ready)
    assert server.start() == url


def test_a_busy_server_is_not_taken_for_a_lost_one(new_server: NewServer) -> None:
    server = new_server()
    url = server.start()
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with ExitStack() as stack:
        stack.callback(os.kill, pid, signal.SIGCONT)
        for _ in range(10_000):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(0)
            try:
                client.connect(f"{url.host}/{_SOCKET}")
            except BlockingIOError:  # so many are waiting that the system turns the next one away
                break
        else:
            pytest.fail("the queue of the socket has no end")
        assert server.start() == url
        assert server.status().pid == pid
