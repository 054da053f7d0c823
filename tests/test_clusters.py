"""The pair of servers that other tests use."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - an ordinary user may not be allowed to read it later
import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from medianest_models.embedded.programs import Account, find_bindir, usable_bindir
from medianest_models.settings import Settings
from tests.clusters import Pair, running_pair
from tests.db.crashes import has_ended, wait_until
from tests.ports import reserved_port
from tests.processes import run_in_processes

_NOBODY = 65534
_SLEEPER = """
import asyncio
from pathlib import Path
from tests.clusters import running_pair

async def main():
    async with running_pair({bindir!r} and Path({bindir!r})) as pair:
        print(pair.primary.home.parent, pair.primary.pid, pair.standby.pid, flush=True)
        pair.standby.freeze()
        await asyncio.sleep(3600)

asyncio.run(main())
"""


async def add_row(pair: Pair) -> None:
    await pair.primary.execute("CREATE TABLE IF NOT EXISTS t ()", "INSERT INTO t DEFAULT VALUES")


async def rows_there(pair: Pair) -> int:
    return int(await pair.standby.ask("SELECT count(*) FROM t"))


def test_a_reserved_port_is_free_only_for_the_server_that_is_told_to_listen_there() -> None:
    with reserved_port() as port:
        address = ("127.0.0.1", port)
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            with socket.socket() as another, pytest.raises(OSError, match="in use"):
                another.bind(address)
            with socket.create_server(address), socket.create_connection(address):
                pass


async def test_the_standby_has_what_was_written_to_the_primary(pair: Pair) -> None:
    await add_row(pair)
    await pair.wait_until_replayed()
    assert await rows_there(pair) == 1
    assert await pair.standby.ask("SELECT pg_is_in_recovery()")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await pair.standby.execute("CREATE TABLE u ()")
    assert pair.url.places == (*pair.primary.url.places, *pair.standby.url.places)


async def test_a_standby_that_lags(pair: Pair) -> None:
    await add_row(pair)
    await pair.wait_until_replayed()
    await pair.delay(3600)
    await add_row(pair)
    assert await rows_there(pair) == 1
    await pair.delay(0)
    await pair.wait_until_replayed()
    await pair.pause()
    await add_row(pair)
    assert await rows_there(pair) == 2
    await pair.resume()
    await pair.wait_until_replayed()
    assert await rows_there(pair) == 3


async def test_a_frozen_server_answers_once_it_is_thawed(pair: Pair) -> None:
    for node in (pair.primary, pair.standby):
        node.freeze()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(node.ask("SELECT 1"), 0.2)
        node.thaw()
        assert await node.ask("SELECT 1") == 1


async def test_each_stops_and_starts(pair: Pair) -> None:
    for node in (pair.primary, pair.standby):
        await node.stop()
        with pytest.raises(OSError, match="Connect call failed"):
            await node.ask("SELECT 1")
        await node.start()
        await pair.wait_until_streaming()
    await pair.primary.stop("immediate")
    await pair.primary.start()
    await add_row(pair)
    await pair.wait_until_replayed()


async def test_the_standby_is_promoted_while_the_primary_is_gone(pair: Pair) -> None:
    await add_row(pair)
    await pair.wait_until_replayed()
    await pair.primary.stop()
    await pair.promote()
    await pair.standby.execute("INSERT INTO t DEFAULT VALUES")
    assert await rows_there(pair) == 2


async def test_a_standby_that_has_diverged_does_not_stream(pair: Pair) -> None:
    await add_row(pair)
    await pair.wait_until_replayed()
    await pair.diverge()
    await add_row(pair)
    assert await pair.standby.ask("SELECT pg_is_in_recovery()")
    assert await rows_there(pair) == 1
    assert await pair.standby.ask("SELECT count(*) FROM diverged") == 10_000
    ahead = await pair.standby.ask("SELECT pg_last_wal_replay_lsn()::text")
    assert await pair.primary.ask(f"SELECT pg_current_wal_flush_lsn() < '{ahead}'")


async def test_a_standby_is_built_anew(pair: Pair) -> None:
    await pair.diverge()
    pair.standby.freeze()
    await add_row(pair)
    for _ in range(2):
        await pair.rebuild()
        await pair.wait_until_replayed()
        assert await rows_there(pair) == 1


async def run_one(bindir: Path) -> bool:
    async with running_pair(bindir) as pair:
        return bool(await pair.standby.ask("SELECT pg_is_in_recovery()"))


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can become another user")
async def test_an_ordinary_user_runs_it_too(bindir: Path | None) -> None:
    programs, _ = usable_bindir(find_bindir(Settings(pg_bindir=bindir)), Account(_NOBODY, _NOBODY))
    assert await asyncio.to_thread(run_in_processes, run_one, 1, programs, user=_NOBODY) == [True]


def test_nothing_is_left_when_the_tests_are_killed(bindir: Path | None) -> None:
    checkout = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", _SLEEPER.format(bindir=bindir and str(bindir))], cwd=checkout, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            folder, *pids = process.stdout.readline().decode().split()
        finally:
            process.kill()
    wait_until(lambda: all(has_ended(int(pid)) for pid in pids) and not Path(folder).exists())
