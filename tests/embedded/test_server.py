"""The embedded server: creating, starting, finding and stopping it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from medianest_models.embedded import EmbeddedServer, process, programs
from medianest_models.embedded.programs import Account, usable_bindir
from medianest_models.settings import DatabaseUrl
from tests.db.crashes import execute, wait_until
from tests.processes import run_in_processes
from tests.servers import connect, connection_to

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="Linux shows this in /proc")


def owner(server: EmbeddedServer) -> int | None:
    """Return the user who may inspect the server's process: root in a container may not."""
    return server.data.stat().st_uid if os.geteuid() == 0 else None


async def fetchval(url: DatabaseUrl, query: str) -> Any:
    async with connection_to(url) as connection:
        return await connection.fetchval(query)


async def start(home: Path, bindir: Path) -> tuple[str, int | None]:
    server = EmbeddedServer(home, bindir)
    return server.start().masked, server.status().pid


async def test_the_database_is_there_and_set_up_as_promised(new_server: Callable[..., EmbeddedServer]) -> None:
    async with connection_to(new_server(blank=True).start()) as connection:
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in (
                *("server_encoding", "data_checksums", "fsync", "full_page_writes", "timezone", "log_timezone"),
                *("listen_addresses", "unix_socket_permissions"),
            )
        }
        who = await connection.fetchrow("SELECT current_database() AS database, current_user AS user")
        lower = await connection.fetchval("SELECT lower('ÄÉØ') = 'äéø' AND 'Z' < 'a'")
    assert shown == {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
    }
    assert dict(who or {}) == {"database": "medianest", "user": "medianest"}
    assert lower is True


def test_looking_makes_nothing(new_server: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    server = new_server(blank=True)
    assert server.status().pid is None
    assert server.status().version is None
    assert server.url.database == "medianest"
    assert server.stop() is False
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "home",
    ['it\'s a "home" of $HOME; `id` & \\ ünïcödé', "x" * 60 + "/" + "y" * 60],
    ids=["odd characters", "over 107 bytes"],
)
async def test_any_home_will_do(new_server: Callable[..., EmbeddedServer], home: str) -> None:
    server = new_server(home, blank=True)
    url = server.start()
    assert len(f"{url.host}/.s.PGSQL.5432".encode()) <= 107
    assert await fetchval(url, "SELECT 1") == 1


@pytest.mark.parametrize("blank", [True, False], ids=["the first", "after a stop"])
def test_eight_starts_at_once_give_one_server(new_server: Callable[..., EmbeddedServer], *, blank: bool) -> None:
    server = new_server(blank=blank)
    results = run_in_processes(start, 8, server.home, server.bindir)
    assert set(results) == {(server.url.masked, server.status().pid)}
    assert server.log.read_text().count("starting PostgreSQL") == 1


def test_the_server_is_left_running(new_server: Callable[..., EmbeddedServer]) -> None:
    server = new_server()
    ((_, pid),) = run_in_processes(start, 1, server.home, server.bindir)
    assert server.status().pid == pid
    assert os.getsid(pid) == os.getpgid(pid) == pid  # no terminal or shell can end it


async def open_files(pid: int) -> set[str]:
    return {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}  # noqa: ASYNC240 - alone on its loop


@needs_proc
def test_the_server_inherits_nothing_but_its_log_and_its_data_folder(new_server: Callable[..., EmbeddedServer]) -> None:
    server = new_server()
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)  # noqa: FBT003 - positional only; like a careless caller
    server.start()
    os.close(write_end)
    os.set_blocking(read_end, False)
    with os.fdopen(read_end, "rb") as pipe:
        assert pipe.read() == b""  # end of file: nobody else holds the write end
    (opened,) = run_in_processes(open_files, 1, server.status().pid, user=owner(server))
    kinds = ("/dev/null", str(server.log), str(server.data), "anon_inode:", "pipe:", "socket:", "/dev/shm")  # noqa: S108
    assert [name for name in opened if not name.startswith(kinds)] == []
    assert f"{server.home}/server.lock" not in opened


async def test_the_environment_changes_nothing(
    new_server: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGDATA": "/nowhere",
        "PGPORT": "1",
        "PGHOST": "/nowhere",
        "PGUSER": "someone",
        "LC_ALL": "xx_XX.UTF-8",
        "TZ": "Asia/Tokyo",
        "TMPDIR": "/nowhere",
        "XDG_RUNTIME_DIR": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    server = new_server(blank=True)
    url = server.start()
    assert await fetchval(url, "SELECT 1") == 1
    monkeypatch.undo()
    assert server.url == url


async def environment_of(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")  # noqa: ASYNC240 - alone on its loop


@needs_proc
def test_the_server_sees_nothing_of_the_environment(new_server: Callable[..., EmbeddedServer]) -> None:
    server = new_server()
    server.start()
    (environment,) = run_in_processes(environment_of, 1, server.status().pid, user=owner(server))
    names = {variable.partition(b"=")[0] for variable in environment if variable}
    assert not names & {b"DATABASE_URL", b"ENCRYPTION_KEYS", b"MEDIANEST_HOME", b"HOME", b"PYTEST_CURRENT_TEST"}


async def test_the_log_holds_no_values(new_server: Callable[..., EmbeddedServer]) -> None:
    server = new_server()
    url = server.start()
    connection = await connect(url)
    try:
        await connection.execute("CREATE TABLE t (secret text UNIQUE CHECK (secret <> 'x-hush'))")
        await connection.execute("INSERT INTO t VALUES ('s-hush')")
        for wrong in ("INSERT INTO t VALUES ('s-hush')", "INSERT INTO t VALUES ('x-hush')", "SELECT 'hush'::int"):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(wrong)
        with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
            await execute(url, "SELECT 'hush', pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(asyncpg.PostgresConnectionError):  # the server logs the statement of such a process
            await connection.execute("COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID # hush'")
    finally:
        connection.terminate()
    wait_until(lambda: server.log.read_text().count("ready to accept connections") == 2)  # it has recovered
    log = server.log.read_text()
    assert "terminated by signal 9" in log
    assert "hush" not in log


async def start_and_stop_without_proc(server: EmbeddedServer) -> list[object]:
    for module in (process, programs):
        setattr(module, "HAS_PROC", False)  # noqa: B010 - it is Final, but False on other systems than Linux
    url = server.start()
    pid = server.status().pid
    seen = [server.start() == url, server.status().pid == pid is not None, await fetchval(url, "SELECT 1")]
    return [*seen, server.stop(), server.status().pid]


def test_a_system_without_proc_will_do(new_server: Callable[..., EmbeddedServer], open_folder: Path) -> None:
    server = new_server("a home", folder=open_folder, blank=True)
    user = None
    if os.geteuid() == 0:
        user = 65534
        os.chown(open_folder, user, user)
        server = EmbeddedServer(server.home, usable_bindir(server.bindir, Account(user, user))[0])
    assert run_in_processes(start_and_stop_without_proc, 1, server, user=user) == [[True, True, 1, True, None]]


def test_no_folder_changes_its_mode_or_owner(new_server: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    folder = tmp_path
    for name, mode in (("open", 0o755), ("private", 0o700), ("half", 0o711), ("group", 0o2770), ("checkout", 0o750)):
        (folder / f"file beside {name}").write_text("mine")
        folder /= name
        folder.mkdir()
        folder.chmod(mode)
    before = ownership(tmp_path)
    server = new_server(".medianest", folder=folder, blank=True)
    server.start()
    server.stop()
    after = ownership(tmp_path)
    assert {path: after[path] for path in before} == before
    assert server.home.stat().st_mode & 0o777 == 0o700


def ownership(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Return mode, owner and group of the folder, its parents and its contents."""
    paths = [folder, *folder.parents, *folder.rglob("*")]
    return {path: ((state := path.lstat()).st_mode, state.st_uid, state.st_gid) for path in paths}
