"""The operating-system user that runs the embedded server; only that user and root can connect."""

from __future__ import annotations

import asyncio
import errno
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from medianest_models.embedded import EmbeddedServer, programs
from medianest_models.embedded.process import socket_folder
from medianest_models.embedded.programs import HERE, Account
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError
from tests.db.crashes import has_ended, insert, numbers, wait_until
from tests.processes import run_in_processes
from tests.servers import connection_to

NewServer = Callable[..., EmbeddedServer]

_NOBODY = 65534
_ODD_NAME = 'it\'s a "home" of $HOME; `id` & \\'
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can become another user")


async def insert_and_count(server: EmbeddedServer) -> tuple[int | None, int]:
    async with connection_to(server.start()) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
        await connection.execute("INSERT INTO t VALUES (1)")
        return server.status().pid, await connection.fetchval("SELECT count(*) FROM t")


async def stop(server: EmbeddedServer) -> bool:
    return server.stop()


def user_of(server: EmbeddedServer) -> int:
    """Return the user id of the running server's process."""
    return Path(f"/proc/{server.status().pid}").stat().st_uid


def groups_of(server: EmbeddedServer) -> set[str]:
    """Return the supplementary groups of the running server's process."""
    status = Path(f"/proc/{server.status().pid}/status").read_text()
    return set(status.partition("\nGroups:")[2].splitlines()[0].split())


def reachable(server: EmbeddedServer) -> EmbeddedServer:
    """Return a server of the same home, with programs that every user can run."""
    bindir, _ = programs.usable_bindir(server.bindir, Account(_NOBODY, _NOBODY))
    return EmbeddedServer(server.home, bindir)


def start_as_before(server: EmbeddedServer, user: int) -> int:
    """Run a server as earlier releases did: as an ordinary user, and with no lock.

    Returns:
        The server's process.
    """
    folder = socket_folder(server.home, user)
    folder.mkdir(mode=0o700)
    os.chown(folder, user, user)
    bindir, _ = programs.usable_bindir(server.bindir, Account(user, user))
    Account(user, user).run(
        *(str(bindir / "pg_ctl"), "-D", HERE, "-w", "-o", f"-k {folder} -p 5432 -c listen_addresses=", "start"),
        folder=server.data,
        timeout=60,
        stdout=subprocess.DEVNULL,
    )
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


async def start_in_a_group(server: EmbeddedServer) -> None:
    os.setgroups([12345])
    server.start()


@needs_root
async def test_roots_server_runs_under_a_number_that_nobody_has(new_server: NewServer, open_folder: Path) -> None:
    (open_folder / "only root's").mkdir(mode=0o700)
    server = new_server("only root's/checkout/.medianest", folder=open_folder, blank=True)
    run_in_processes(start_in_a_group, 1, server)
    await insert_and_count(server)
    with pytest.raises(KeyError):
        pwd.getpwuid(user_of(server))
    assert groups_of(server) == set()  # and in no group of root's
    assert server.home.owner() == "root"
    assert {path.stat().st_uid for path in (server.data, *server.data.rglob("*"))} == {user_of(server)}
    server.stop()
    assert (await insert_and_count(server))[1] == 2


async def attacks(server: EmbeddedServer, host: str, pid: int) -> list[str]:
    """Try to get at a server, its data and its process.

    Returns:
        The successful attempts.
    """
    attempts: dict[str, Callable[[], object]] = {
        "connect": lambda: socket(AF_UNIX).connect(f"{host}/.s.PGSQL.5432"),
        "list the socket's folder": lambda: list(Path(host).iterdir()),
        "read the data": (server.data / "pg_hba.conf").read_text,
        "read the data through the process": Path(f"/proc/{pid}/cwd/pg_hba.conf").read_text,
        "signal": lambda: os.kill(pid, 0),
    }
    succeeded = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except PermissionError:
            continue
        succeeded.append(name)
    return succeeded


@needs_root
def test_no_process_of_nobody_gets_at_roots_server(new_server: NewServer, open_folder: Path) -> None:
    server = new_server(folder=open_folder)
    host, pid = server.start().host, server.status().pid
    server.home.chmod(0o755)  # as a careless user may leave it
    assert run_in_processes(attacks, 1, server, host, pid, user=_NOBODY) == [[]]


async def enter(*folders: str) -> list[str]:
    """Try to enter the folders, and return those that can be entered."""
    return [folder for folder in folders if os.access(f"{folder}/.", os.F_OK)]


@needs_root
def test_no_other_process_of_nobody_gets_at_data_in_the_making(new_server: NewServer, open_folder: Path) -> None:
    server = new_server(folder=open_folder, blank=True)
    server.home.mkdir(mode=0o755)  # as a careless user may have created it
    open_folder.chmod(0o777)
    initdb, file = open_folder / "initdb", open_folder / "pid"
    until = f"while [ -e {file} ]; do sleep 0.1; done"
    initdb.write_text(f"#!/bin/sh\necho $$ > {file}.new; mv {file}.new {file}; {until}\n")
    initdb.chmod(0o755)
    (open_folder / "postgres").symlink_to(server.bindir / "postgres")
    with ThreadPoolExecutor() as pool:
        start = pool.submit(EmbeddedServer(server.home, open_folder).start)
        wait_until(file.exists)
        pid = int(file.read_text())
        assert Path(f"/proc/{pid}").stat().st_uid == _NOBODY
        folders = [str(server.home / "pgdata.new" / "pgdata"), f"/proc/{pid}/cwd"]
        assert run_in_processes(enter, 1, str(server.home), *folders, user=_NOBODY) == [[str(server.home)]]
        assert asyncio.run(enter(*folders)) == folders
        file.unlink()
        assert "postgres can't make" in str(start.exception())


@needs_root
@pytest.mark.parametrize("state", ["running", "stopped"])
async def test_an_earlier_releases_server_of_nobody_is_taken_over(
    new_server: NewServer, open_folder: Path, state: str
) -> None:
    server = new_server(folder=open_folder)
    await insert(server.start(), 1)
    server.stop()
    Account(_NOBODY, _NOBODY).own(server.data)
    pid = None
    if state == "running":
        pid = start_as_before(server, _NOBODY)
        await insert(server.url, 2)
    url = server.start()
    assert await numbers(url) == ([1, 2] if pid else [1])
    assert pid is None or has_ended(pid)
    assert not socket_folder(server.home, _NOBODY).exists()
    assert {path.stat().st_uid for path in (server.data, *server.data.rglob("*"))} == {user_of(server)} != {_NOBODY}
    assert run_in_processes(attacks, 1, server, url.host, server.status().pid, user=_NOBODY) == [[]]
    assert server.start() == url


@needs_root
async def test_data_is_closed_until_all_of_it_is_taken_over(
    new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server()
    Account(_NOBODY, _NOBODY).own(server.data)
    fwalk, owners = os.fwalk, []

    def killed_half_way(folder: Path) -> Iterator[tuple[str, list[str], list[str], int]]:
        walk = fwalk(folder)
        yield next(walk)
        owners.append(folder.stat().st_uid)
        raise OSError(errno.EIO, "as if killed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fwalk", killed_half_way)
        with pytest.raises(DatabaseUnavailableError, match="can't be started: as if killed"):
            server.start()
    assert owners == [server.data.stat().st_uid] == [0]
    await insert(server.start(), 1)


@needs_root
@pytest.mark.parametrize("name", ["postgres.log", "server.lock"])
def test_root_follows_no_link_in_another_persons_home(new_server: NewServer, tmp_path: Path, name: str) -> None:
    server = new_server()
    roots = tmp_path / "a file of root's"
    roots.write_text("precious")
    (server.home / name).symlink_to(roots)
    with pytest.raises(DatabaseUnavailableError, match=rf"can't be started: .* symbolic links \(.*/{name}\)"):
        server.start()
    assert roots.read_text() == "precious"
    (server.home / name).unlink()


@needs_root
def test_an_earlier_releases_server_of_nobody_can_be_stopped(new_server: NewServer) -> None:
    server = new_server()
    Account(_NOBODY, _NOBODY).own(server.data)
    pid = start_as_before(server, _NOBODY)
    assert server.stop() is True
    assert has_ended(pid)


async def test_an_earlier_releases_server_is_started_anew(new_server: NewServer) -> None:
    server = new_server()
    pid = start_as_before(server, server.data.stat().st_uid)
    url = server.url
    await insert(url, 1)
    assert server.start() == url
    assert has_ended(pid)
    assert server.status().pid is not None
    assert await numbers(url) == [1]


@needs_root
def test_an_ordinary_user_runs_the_server_alone(new_server: NewServer, open_folder: Path) -> None:
    os.chown(open_folder, _NOBODY, _NOBODY)
    server = reachable(new_server(_ODD_NAME, folder=open_folder, blank=True))
    ((pid, count),) = run_in_processes(insert_and_count, 1, server, user=_NOBODY)
    assert count == 1
    assert (server.status().pid, user_of(server)) == (pid, _NOBODY)
    assert {path.owner() for path in (server.home, *server.home.iterdir())} == {"nobody"}
    assert run_in_processes(stop, 1, server, user=_NOBODY) == [True]
    assert run_in_processes(insert_and_count, 1, server, user=_NOBODY)[0][1] == 2


@needs_root
def test_data_of_some_other_user_is_not_taken_over(new_server: NewServer) -> None:
    server, person = new_server(), pwd.getpwnam("daemon").pw_uid
    Account(person, person).own(server.data)
    server.start()
    assert user_of(server) == server.data.stat().st_uid == person


@needs_root
@pytest.mark.parametrize("name", ["daemon", "nobody"])
def test_root_runs_another_persons_server_as_that_person(new_server: NewServer, open_folder: Path, name: str) -> None:
    person = pwd.getpwnam(name).pw_uid
    os.chown(open_folder, person, person)
    server = reachable(new_server("checkout/.medianest", folder=open_folder, blank=True))
    assert run_in_processes(insert_and_count, 1, server, user=person)[0][1] == 1
    assert server.stop() is True
    server.start()
    assert user_of(server) == person
    assert run_in_processes(insert_and_count, 1, server, user=person) == [(server.status().pid, 2)]
    assert run_in_processes(stop, 1, server, user=person) == [True]
    assert {path.owner() for path in (server.home, *server.home.iterdir())} == {name}


@needs_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv to give up a capability")
def test_root_in_a_container_recognises_its_server(new_server: NewServer) -> None:
    server = new_server()
    code = (
        "import os, sys; from pathlib import Path; from medianest_models.embedded import EmbeddedServer\n"
        "server = EmbeddedServer(Path(sys.argv[1]), Path(sys.argv[2])); server.start(); pid = server.status().pid\n"
        "try: os.readlink(f'/proc/{pid}/cwd')\n"
        "except PermissionError: print(server.start() == server.url, server.status().pid == pid, server.stop())"
    )
    without = ["setpriv", "--bounding-set=-sys_ptrace", sys.executable, "-c", code]  # as Docker has it by default
    result = subprocess.run(
        [*without, str(server.home), str(server.bindir)], capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("True True True\n", "")


@needs_root
async def test_programs_out_of_the_users_reach_are_copied(
    new_server: NewServer, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server()
    if server.bindir.parent.name != "pginstall18":
        pytest.skip("only the wheel's programs are copied")
    private = open_folder / "site-packages"
    private.mkdir(mode=0o700)
    package = server.bindir.parents[1]
    shutil.copytree(server.bindir.parent, private / package.name / "pginstall18", symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), private / f"{package.name}.libs")
    for path in private.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    copies = open_folder / "medianest"
    monkeypatch.setattr(programs, "_COPIES", copies)
    umask = os.umask(0o077)
    try:
        hidden = EmbeddedServer(server.home, private / package.name / "pginstall18" / "bin")
        await insert_and_count(hidden)
    finally:
        os.umask(umask)
    program = program_of(hidden)
    assert program.is_relative_to(copies)
    assert hidden.psql_path.is_relative_to(private)
    hidden.stop()
    assert private.stat().st_mode & 0o777 == 0o700
    hidden.start()
    assert program_of(hidden) == program
    assert len(list(copies.iterdir())) == 1  # the copy was used again
    hidden.stop()


@needs_root
def test_programs_that_no_copy_makes_reachable_are_refused(
    new_server: NewServer, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server()
    open_folder.chmod(0o700)
    monkeypatch.setattr(programs, "_COPIES", open_folder / "medianest")
    shutil.copytree(server.bindir.parent, open_folder / "pginstall18")
    hidden = EmbeddedServer(server.home, open_folder / "pginstall18" / "bin")
    with pytest.raises(ConfigurationError, match=r"the user \d+ is not allowed to run the programs in .*/medianest/"):
        hidden.start()


def program_of(server: EmbeddedServer) -> Path:
    """Return the program of the running server's process."""
    return Path(Path(f"/proc/{server.status().pid}/cmdline").read_text().split("\0")[0])
