"""A primary and a standby that streams from it, on loopback ports, which a test may stop, freeze, delay and promote."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from medianest_models.embedded.folder import DATABASE, USER, locked, make_data
from medianest_models.embedded.programs import HERE, Account, find_bindir, usable_bindir
from medianest_models.settings import DatabaseUrl, Settings
from medianest_models.testing.servers import cleaned_up_after_us
from tests.ports import reserved_port
from tests.servers import connection_to

_SECONDS: Final = 60.0
"""The longest time for anything that a server is waited for here."""
_URL: Final = DatabaseUrl(host="127.0.0.1", user=USER, database=DATABASE, sslmode="disable")
_SLOT: Final = "standby"
_SETTINGS: Final = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off                           # nothing here must survive a crash of the machine
wal_keep_size = 128MB                 # for pg_rewind
wal_retrieve_retry_interval = 200ms   # to stream again soon after the primary is back
wal_receiver_status_interval = 1s
timezone = 'UTC'
log_timezone = 'UTC'
"""
_END: Final = """
    read -r _
    for file in "$1"/*/pgdata/postmaster.pid; do
        read -r pid < "$file" || continue
        kill -CONT "$pid" $(cat "/proc/$pid/task/$pid/children")
        kill -QUIT "$pid"
    done
    sleep 2
    rm -rf "$1"
"""


@dataclass(frozen=True)
class Node:
    """One of the two servers. Its methods return once what they do is done.

    Attributes:
        url: Its database, as a superuser.
        home: The folder of its data (`pgdata`) and its log (`postgres.log`).
        bindir: PostgreSQL's programs, which `account` may run.
        account: The user that they run as.
    """

    url: DatabaseUrl
    home: Path
    bindir: Path
    account: Account

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "pgdata"

    @property
    def pid(self) -> int:
        """The process id of the postmaster; a FileNotFoundError while it does not run."""
        return int((self.data / "postmaster.pid").read_text().split(maxsplit=1)[0])

    async def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs in the data folder, which HERE stands for, and return its output."""
        return await asyncio.to_thread(self._run, program, *arguments)

    async def execute(self, *statements: str) -> None:
        """Run statements, each in a separate transaction."""
        async with connection_to(self.url) as connection:
            for statement in statements:
                await connection.execute(statement)

    async def ask(self, query: str) -> Any:
        """Return the single value of a query."""
        async with connection_to(self.url) as connection:
            return await connection.fetchval(query)

    async def start(self) -> None:
        """Start it with the data that it has, as what it was or what a test has made of it."""
        options = f"-p {self.url.port}"
        with (self.home / "postgres.log").open("a") as log:
            await asyncio.to_thread(self._run, "pg_ctl", "-D", HERE, "-w", "-o", options, "start", stdout=log)

    async def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it; `fast` sends all WAL to a standby that streams, `immediate` is as a crash."""
        await self.run("pg_ctl", "-D", HERE, "-w", "-m", mode, "stop")

    def freeze(self) -> None:
        """Stop each of its processes where it is: it still accepts connections, and never answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its processes go on; a no-op if they are not frozen."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        os.kill(pid, number)  # first: a frozen postmaster has no further children
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(ProcessLookupError):  # thawed a moment ago, it has ended
                os.kill(int(child), number)

    def _run(self, program: str, *arguments: str, **options: Any) -> str:
        result = self.account.run(str(self.bindir / program), *arguments, folder=self.data, timeout=_SECONDS, **options)
        assert result.returncode == 0, f"{program} failed:\n{result.stdout}\n{self._log()}"
        return result.stdout or ""

    def _log(self) -> str:
        file = self.home / "postgres.log"
        return file.read_text(errors="replace")[-2000:] if file.exists() else ""


@dataclass(frozen=True)
class Pair:
    """A primary and its standby, named by what they are at the start; after `promote` the standby is the primary."""

    primary: Node
    standby: Node

    @property
    def url(self) -> DatabaseUrl:
        """Both of them in one URL, the primary first."""
        second = self.standby.url
        return replace(self.primary.url, fallbacks=((second.host, second.port),))

    async def promote(self) -> None:
        """Make the standby a primary of its own, whether or not the primary still runs."""
        assert await self.standby.ask(f"SELECT pg_promote(wait_seconds => {_SECONDS:.0f})"), "it was not promoted"

    async def delay(self, seconds: float) -> None:
        """Let the standby replay each commit so many seconds after it was made; 0 for at once."""
        delay = round(seconds * 1000)
        await self.standby.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = {delay}", "SELECT pg_reload_conf()")
        # A new session has the new value only after the postmaster has passed it on to the process that replays.
        query = "SELECT setting::int FROM pg_settings WHERE name = 'recovery_min_apply_delay'"
        while await self.standby.ask(query) != delay:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)

    async def pause(self) -> None:
        """Let the standby replay nothing from now on, though it goes on streaming; `promote` ends that too."""
        await self.standby.execute("SELECT pg_wal_replay_pause()")
        await self._wait_for(self.standby, "SELECT pg_get_wal_replay_pause_state() = 'paused'")

    async def resume(self) -> None:
        """Let the standby replay again."""
        await self.standby.execute("SELECT pg_wal_replay_resume()")

    async def wait_until_streaming(self) -> None:
        """Wait until the standby streams from the primary, as after one of them was started."""
        await self._wait_for(self.primary, "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")

    async def wait_until_replayed(self) -> None:
        """Wait until the standby has replayed all that was committed on the primary before this call."""
        position = await self.primary.ask("SELECT pg_current_wal_flush_lsn()::text")
        await self._wait_for(self.standby, f"SELECT pg_last_wal_replay_lsn() >= '{position}'")

    async def diverge(self) -> None:
        """Promote the standby, write to it, and start it again as a standby of the primary, which it can't follow."""
        await self.promote()
        await self.standby.execute("CREATE TABLE diverged AS SELECT generate_series(1, 10000)")
        await self.standby.stop()
        signal_file = self.standby.data / "standby.signal"
        signal_file.touch(0o600)
        os.chown(signal_file, self.standby.account.uid, self.standby.account.gid)
        await self.standby.start()

    async def rebuild(self) -> None:
        """Copy the primary to the standby anew, whatever has become of that."""
        await _stop(self.standby)
        await asyncio.to_thread(shutil.rmtree, self.standby.data)
        await _copy(self.primary, self.standby)
        await self.standby.start()
        await self.wait_until_streaming()

    async def _wait_for(self, node: Node, condition: str) -> None:
        async with asyncio.timeout(_SECONDS), connection_to(node.url) as connection:
            while not await connection.fetchval(condition):  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running_pair(bindir: Path | None = None) -> AsyncIterator[Pair]:
    """Run a primary and a standby, which streams; both are ended and deleted, even if this process is killed.

    Args:
        bindir: The folder of PostgreSQL's programs, such as `chosen_bindir(...)`; None for those of the wheel.
    """
    folder = Path(tempfile.mkdtemp(prefix="medianest-pair-"))
    nodes: list[Node] = []
    with cleaned_up_after_us(_END, str(folder)), reserved_port() as first, reserved_port() as second:
        try:
            account = Account.for_server(folder, folder / "none")
            programs, major = usable_bindir(find_bindir(Settings(pg_bindir=bindir)), account)
            for name, port in (("primary", first), ("standby", second)):
                nodes.append(Node(replace(_URL, port=port), folder / name, programs, account))
                nodes[-1].home.mkdir()
            pair = Pair(*nodes)
            await asyncio.to_thread(_make, pair.primary, major)
            await pair.primary.start()
            await pair.primary.execute(f"SELECT pg_create_physical_replication_slot('{_SLOT}')")
            await _copy(pair.primary, pair.standby)
            await pair.standby.start()
            await pair.wait_until_streaming()
            yield pair
        finally:
            for node in reversed(nodes):
                await _stop(node)
            shutil.rmtree(folder)


def _make(node: Node, major: int) -> None:
    """Make the data folder of the primary."""
    deadline = time.monotonic() + _SECONDS
    with locked(node.home / "lock", deadline=deadline) as lock:
        make_data(node.data, node.bindir, major, node.account, lock=lock, deadline=deadline)
    with (node.data / "postgresql.conf").open("a") as config:
        config.write(_SETTINGS)


async def _stop(node: Node) -> None:
    """Stop a server at once, if it runs, and even if it is frozen."""
    if (node.data / "postmaster.pid").exists():
        node.thaw()
        await node.stop("immediate")


async def _copy(primary: Node, standby: Node) -> None:
    """Make the data folder of the standby, which is set up to stream from the primary."""
    standby.data.mkdir(mode=0o700)
    standby.account.own(standby.data)
    source = f"host={primary.url.host} port={primary.url.port} user={USER}"
    options = ["-D", HERE, "-d", source, "-R", "-X", "stream", "-c", "fast", "-S", _SLOT, "--no-sync"]
    await standby.run("pg_basebackup", *options)
