"""Which operating-system user the embedded server runs as, and what that user can reach."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from medianest_models.embedded import EmbeddedServer, binaries
from medianest_models.embedded.account import Account
from tests.processes import run_in_processes
from tests.servers import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    NewServer = Callable[..., EmbeddedServer]

_ODD_NAME = 'it\'s a "home" of $HOME; `id` & \\'
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


async def insert_and_count(server: EmbeddedServer) -> tuple[int | None, int]:
    connection = await connect(server.start())
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
        await connection.execute("INSERT INTO t VALUES (1)")
        return server.status().pid, await connection.fetchval("SELECT count(*) FROM t")
    finally:
        await connection.close()


async def stop(server: EmbeddedServer) -> bool:
    return server.stop()


def user_of(server: EmbeddedServer) -> str:
    """The user that the running server's process belongs to."""
    return pwd.getpwuid(Path(f"/proc/{server.status().pid}").stat().st_uid).pw_name


@needs_root
async def test_roots_server_runs_as_nobody_in_a_home_that_only_root_can_reach(
    new_server: NewServer, open_folder: Path
) -> None:
    (open_folder / "private").mkdir(mode=0o700)
    server = new_server("private/checkout/.medianest", folder=open_folder, blank=True)
    await insert_and_count(server)
    assert user_of(server) == "nobody"
    assert server.home.owner() == "root"
    assert server.data.owner() == "nobody"
    server.stop()
    assert (await insert_and_count(server))[1] == 2
    server.stop()


@needs_root
def test_an_ordinary_user_runs_the_server_alone(new_server: NewServer, open_folder: Path) -> None:
    os.chown(open_folder, 65534, 65534)
    server = reachable(new_server(_ODD_NAME, folder=open_folder, blank=True))
    ((pid, count),) = run_in_processes(insert_and_count, 1, server, user=65534)
    assert count == 1
    assert (server.status().pid, user_of(server)) == (pid, "nobody")
    assert {path.owner() for path in (server.home, *server.home.iterdir())} == {"nobody"}
    assert run_in_processes(stop, 1, server, user=65534) == [True]
    assert run_in_processes(insert_and_count, 1, server, user=65534)[0][1] == 2


@needs_root
def test_root_in_somebodys_checkout_leaves_a_server_that_person_can_use(
    new_server: NewServer, open_folder: Path
) -> None:
    person = pwd.getpwnam("daemon").pw_uid
    os.chown(open_folder, person, person)
    server = reachable(new_server("checkout/.medianest", folder=open_folder, blank=True))
    server.start()
    assert user_of(server) == "daemon"
    assert {path.owner() for path in (server.home, *server.home.iterdir())} == {"daemon"}
    pid = server.status().pid
    assert run_in_processes(insert_and_count, 1, server, user=person) == [(pid, 1)]
    assert run_in_processes(stop, 1, server, user=person) == [True]
    assert run_in_processes(insert_and_count, 1, server, user=person)[0][1] == 2
    assert server.stop() is True


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


def reachable(server: EmbeddedServer) -> EmbeddedServer:
    """The same home, with programs that every user can run."""
    account = Account(65534, 65534, borrowed=True)
    bindir, _ = binaries.usable_bindir(server.bindir, account)
    return EmbeddedServer(server.home, bindir)


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
    monkeypatch.setattr(binaries, "COPIES", open_folder / "cache" / "medianest")
    umask = os.umask(0o077)
    try:
        hidden = EmbeddedServer(server.home, private / package.name / "pginstall18" / "bin")
        await insert_and_count(hidden)
    finally:
        os.umask(umask)
    program = program_of(hidden)
    assert program.is_relative_to(open_folder / "cache")
    assert hidden.psql_path.is_relative_to(private)
    hidden.stop()
    assert private.stat().st_mode & 0o777 == 0o700
    hidden.start()
    assert program_of(hidden) == program
    assert len(list(binaries.COPIES.iterdir())) == 1  # the copy was used again
    hidden.stop()


def program_of(server: EmbeddedServer) -> Path:
    """The program that the running server's process runs."""
    return Path(Path(f"/proc/{server.status().pid}/cmdline").read_text().split("\0")[0])
