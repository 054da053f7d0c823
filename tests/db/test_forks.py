"""Forked children of a connected process: they start disconnected, and the parent's sessions continue."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from medianest_models.db import connection, database, forks, transaction
from medianest_models.db.direct import direct_connection
from medianest_models.db.statements import execute, fetch
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE, backend
from tests.locks import until
from tests.processes import run_in_processes
from tests.servers import connect


async def in_connected_process(work: Callable[[], Any], url: DatabaseUrl) -> Any:
    """Run it in a separate, connected process without threads, and return its result."""
    (outcome,) = await asyncio.to_thread(run_in_processes, work, 1, url=url, connected=True)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def sign_up(plex_id: str) -> int:
    """Check that a child is not connected; connect, write, and return its session."""

    async def work() -> int:
        try:
            await users.find_by_plex_id(plex_id)
        except DatabaseUnavailableError as error:
            assert "not connected" in str(error)  # noqa: PT017 - in a child process of a test
        async with database():
            async with transaction():
                await users.upsert_from_plex(plex_id, plex_username=plex_id, email=None, plex_token="token")
            return await backend()

    return asyncio.run(work())


async def fork(child: Callable[[], Any]) -> int:
    """Fork, and return the exit status of the child, which never returns from here."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                child()
            status = 0
        finally:
            os._exit(status)
    async with asyncio.timeout(PATIENCE):
        _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    return os.waitstatus_to_exitcode(status)


async def fork_amid_work() -> tuple[int, bool, list[str]]:
    """Fork while a transaction is open, and a separate connection uses LISTEN."""
    heard = asyncio.Event()
    async with direct_connection() as listening:
        await listening.add_listener("news", lambda *_: heard.set())
        async with transaction():
            before = await backend()
            await users.upsert_from_plex("parent", plex_username="parent", email=None, plex_token="token")
            status = await fork(lambda: sign_up("child"))
            is_same = await backend() == before
        await execute("SELECT pg_notify('news', '')")
        async with asyncio.timeout(PATIENCE):
            await heard.wait()
    return status, is_same, await plex_ids()


async def plex_ids() -> list[str]:
    (row,) = await fetch("SELECT array_agg(plex_id ORDER BY plex_id) AS ids FROM users")
    return list(row["ids"])


async def test_parent_and_child_go_on_apart(fresh_url: DatabaseUrl) -> None:
    assert await in_connected_process(fork_amid_work, fresh_url) == (0, True, ["child", "parent"])


async def fork_to_end_all() -> tuple[int, bool]:
    """Make a child close every inherited connection."""

    def end() -> None:
        assert len(forks._inherited) == 2
        for inherited in forks._inherited:
            inherited.terminate()

    async with direct_connection() as listening:
        before, other = await backend(), await listening.fetchval("SELECT pg_backend_pid()")
        status = await fork(end)
        return status, (await backend(), await listening.fetchval("SELECT pg_backend_pid()")) == (before, other)


async def test_what_a_child_ends_goes_on_in_the_parent(fresh_url: DatabaseUrl) -> None:
    assert await in_connected_process(fork_to_end_all, replace(fresh_url, pool_max=1)) == (0, True)


BETWEEN_LOOPS = """
import asyncio, gc, os, sys
from tests.db import preloaded  # has connected

pid = os.fork()
if pid == 0:
    asyncio.run(preloaded.connect_database())
    gc.collect()
    sys.exit()  # unlike the others it ends as every process does, and deletes what it got
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert preloaded.LOOP.run_until_complete(preloaded.backend()) == preloaded.MASTERS_BACKEND
preloaded.LOOP.run_until_complete(preloaded.disconnect_database())
preloaded.LOOP.close()
"""


async def test_a_child_is_not_warned_of_what_it_got(fresh_url: DatabaseUrl) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "default", "-c", BETWEEN_LOOPS), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")


async def fork_with_locks_held() -> int:
    """Fork while another thread and this loop connect."""
    async with connection._PROCESS.lock():
        with connection._PROCESS._guard:
            return await fork(lambda: sign_up("child"))


async def test_locks_that_were_held_are_new_in_the_child(fresh_url: DatabaseUrl) -> None:
    assert await in_connected_process(fork_with_locks_held, fresh_url) == 0


async def test_gunicorn_that_loads_the_application_before_it_forks(fresh_url: DatabaseUrl, tmp_path: Path) -> None:
    address = tmp_path / "socket"
    command = ["-m", "gunicorn", "--preload", "--workers=2", "--worker-class=uvicorn.workers.UvicornWorker"]
    command += [f"--bind=unix:{address}", "--no-control-socket", "tests.db.preloaded:application"]
    server = await asyncio.create_subprocess_exec(sys.executable, "-X", "dev", *command, stderr=asyncio.subprocess.PIPE)
    assert server.stderr is not None

    async def ask() -> tuple[int, int]:
        reader, writer = await asyncio.open_unix_connection(str(address))
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        master, worker = (await reader.read()).rpartition(b"\r\n")[2].split()
        writer.close()
        return int(master), int(worker)

    async def both_have_answered() -> bool:
        answers.add(await ask())
        return len(answers) == 2

    answers: set[tuple[int, int]] = set()
    said = b""
    look = await connect(fresh_url)
    try:
        async with asyncio.timeout(PATIENCE):
            started = 0
            while started < 2:
                line = await server.stderr.readline()
                assert line, f"gunicorn has ended: {said.decode()}"
                said += line
                started += b"Application startup complete" in line
        await until(both_have_answered)
        (master,) = {master for master, _ in answers}
        assert master not in {worker for _, worker in answers}
        assert await look.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", master) == 1
    finally:
        await look.close()
        with contextlib.suppress(ProcessLookupError):
            server.terminate()
        said += (await server.communicate())[1]
    assert server.returncode == 0, said.decode()
    assert b"ResourceWarning" not in said, said.decode()
