"""Starts of the embedded server that fail, hang, or have to wait."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from medianest_models.embedded import EmbeddedServer
from medianest_models.errors import DatabaseUnavailableError
from tests.db.crashes import SOCKET, has_ended, insert, wait_until

NewServer = Callable[..., EmbeddedServer]


def fake(server: EmbeddedServer, folder: Path, **scripts: str) -> EmbeddedServer:
    """Return a server of the same home, with some of PostgreSQL's programs replaced by shell scripts."""
    folder.chmod(0o755)
    for program in server.bindir.iterdir():
        path = folder / program.name
        if script := scripts.get(program.name):
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        else:
            path.symlink_to(program)
    return EmbeddedServer(server.home, folder)


async def test_remains_of_a_killed_initdb_are_cleared(new_server: NewServer) -> None:
    server = new_server(blank=True)
    remains = server.home / "pgdata.new" / "base"
    remains.mkdir(parents=True)
    (remains.parent / "PG_VERSION").write_text("18\n")
    await insert(server.start(), 1)
    assert not remains.parent.exists()


def test_an_initdb_whose_starter_was_killed_is_waited_for(new_server: NewServer, open_folder: Path) -> None:
    server, pid = new_server(blank=True), open_folder / "pid"
    script = f"echo $$ > {pid}; for n in $(seq 50); do mkdir $2/$n; sleep 0.02; done"
    (open_folder / "bin").mkdir()
    slow = fake(server, open_folder / "bin", initdb=script)
    open_folder.chmod(0o777)
    code = "import sys, pathlib; from medianest_models.embedded import EmbeddedServer; "
    code += "EmbeddedServer(*map(pathlib.Path, sys.argv[1:])).start()"
    with subprocess.Popen([sys.executable, "-c", code, server.home, slow.bindir]) as starter:
        wait_until(lambda: pid.exists() and pid.read_text() != "")
        starter.kill()
    server.start()
    assert has_ended(int(pid.read_text()))
    assert not (server.home / "pgdata.new").exists()


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
    monkeypatch.setattr("medianest_models.embedded.server._TIMEOUT", 3)
    server = new_server(blank=program == "initdb")
    script = f"echo $$ > {open_folder}/pid; exec sleep 600"
    hanging = fake(server, open_folder, **{program: script})
    open_folder.chmod(0o777)
    with pytest.raises(DatabaseUnavailableError, match=rf"can't be started: /.*/{program} took more than \d s"):
        hanging.start()
    assert has_ended(int((open_folder / "pid").read_text()))
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
    monkeypatch.setattr("medianest_models.embedded.server._TIMEOUT", 0.5)
    with (server.home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DatabaseUnavailableError, match="another process has been starting or stopping"):
            server.start()


def test_a_server_in_another_container_is_left_alone(new_server: NewServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = new_server()
    server.start()
    pid, pid_file = server.status().pid, server.data / "postmaster.pid"
    state = pid_file.read_text()
    server.stop()
    monkeypatch.setattr("medianest_models.embedded.server._TIMEOUT", 0.5)
    with subprocess.Popen(["/bin/sleep", "600"]) as process, (server.data / "PG_VERSION").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as the other server holds it; its process id belongs to another process here
        pid_file.write_text(state.replace(str(pid), str(process.pid), 1))
        before = pid_file.stat()
        assert server.status().pid is None
        with pytest.raises(DatabaseUnavailableError, match=r"another process .* it holds .*/pgdata/PG_VERSION$"):
            server.start()
        assert server.stop() is False
        assert process.poll() is None
        assert pid_file.stat() == before
        process.kill()


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
        patch.setattr("medianest_models.embedded.server._TIMEOUT", 0.5)
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
                client.connect(f"{url.host}/{SOCKET}")
            except BlockingIOError:  # the queue of waiting connections is full
                break
        else:
            pytest.fail("the queue of the socket has no end")
        assert server.start() == url
        assert server.status().pid == pid
