"""Server failures: prompt errors of this package, no loss of acknowledged writes, and recovery."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from medianest_models.db import database
from medianest_models.db.statements import execute, fetch
from medianest_models.embedded import EmbeddedServer
from medianest_models.enums import RequestStatus
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.models import User
from medianest_models.repositories import activity, media_requests
from medianest_models.settings import DatabaseUrl
from tests.db.crashes import kill_postmaster
from tests.db.pools import PATIENCE, assert_whole, client, healthy_within_two_seconds
from tests.servers import connection_to

WRITERS: Final = 8
OTHERS: Final = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
HALVES: Final = """
SELECT r.id FROM media_requests AS r LEFT JOIN LATERAL (
    SELECT array_agg(u.status::text ORDER BY u.created_at) AS statuses
    FROM media_request_status_updates AS u WHERE u.request_id = r.id
) AS history ON TRUE
WHERE statuses IS DISTINCT FROM
    CASE r.status WHEN 'approved' THEN ARRAY['pending', 'approved'] ELSE ARRAY['pending'] END
"""


@dataclass
class Burst:
    """Writes by many tasks, and their results.

    Attributes:
        acknowledged: Each acknowledged request, with its status.
        failures: The errors of the others.
    """

    user: User
    acknowledged: dict[UUID, str] = field(default_factory=dict)
    failures: list[DatabaseUnavailableError] = field(default_factory=list)

    async def go_on(self, writer: int) -> None:
        """Write until cancelled."""
        number = 0
        while True:
            number += 1
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._write(f"{writer}-{number}")
            except DatabaseUnavailableError as error:
                self.failures.append(error)
                await asyncio.sleep(0.02)

    async def _write(self, name: str) -> None:
        request = await media_requests.submit(self.user.id, title=name, media_type="movie", tmdb_id=name)
        self.acknowledged[request.id] = "pending"
        await media_requests.transition(request.id, status=RequestStatus.APPROVED)
        self.acknowledged[request.id] = "approved"

    async def more(self) -> None:
        """Wait until each writer has written about ten more times."""
        enough = len(self.acknowledged) + 10 * WRITERS
        async with asyncio.timeout(60):
            while len(self.acknowledged) < enough:  # noqa: ASYNC110 - they send no event
                await asyncio.sleep(0.01)

    async def check(self) -> None:
        """Check that every acknowledged write is there, and that none is incomplete."""
        rows = await fetch("SELECT id, status FROM media_requests")
        stored = {row["id"]: row["status"] for row in rows}
        assert self.acknowledged.keys() <= stored.keys()
        assert all(stored[key] == "approved" for key, status in self.acknowledged.items() if status == "approved")
        assert await fetch(HALVES) == []


@asynccontextmanager
async def burst(url: DatabaseUrl) -> AsyncIterator[Burst]:
    """Run the writers; at the end, stop them and check their writes."""
    async with database(replace(url, pool_max=5, connect_timeout=5)):
        found = Burst(await User.create(plex_id="1", plex_username="ann"))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(found.go_on(number)) for number in range(WRITERS)]
            await found.more()
            yield found
            await found.more()
            for task in tasks:
                task.cancel()
        await found.check()
        await assert_whole(client())
        assert await healthy_within_two_seconds()


async def test_a_server_that_is_killed_twice_in_a_burst_of_writes(
    own_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with burst(own_server.url) as writes:
        for _ in range(2):
            await asyncio.to_thread(kill_postmaster, own_server)
            before = len(writes.failures)
            async with asyncio.timeout(PATIENCE):
                while len(writes.failures) < before + WRITERS:  # noqa: ASYNC110 - they send no event
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(own_server.start)
            await writes.more()
    assert caplog.records
    assert not any(record.exc_info for record in caplog.records)  # a line is enough


async def test_connections_that_an_administrator_ends(fresh_url: DatabaseUrl) -> None:
    async with connection_to(fresh_url) as administrator:
        async with burst(fresh_url) as writes:
            for _ in range(10):
                assert await administrator.fetchval(f"SELECT count(pg_terminate_backend(pid)) {OTHERS}")
                await writes.more()
        assert writes.failures


async def test_a_server_that_is_read_only_for_a_while(own_server: EmbeddedServer) -> None:
    async with connection_to(own_server.url) as administrator, burst(own_server.url) as writes:
        await administrator.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await administrator.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(PATIENCE):
            while not any("the database is read-only" in str(error) for error in writes.failures):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await healthy_within_two_seconds()  # it answers, and can be read
        await administrator.execute("SET default_transaction_read_only = off")
        await administrator.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await administrator.execute("SELECT pg_reload_conf()")


@contextmanager
def small_disk(server: EmbeddedServer) -> Iterator[Path]:
    """Mount a folder of 12 MB, which belongs to the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="medianest-disk-"))
    options = f"size=12m,uid={server.data.stat().st_uid}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    try:
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("this user may mount no small disk")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()


async def test_a_disk_that_is_full_for_a_while(own_server: EmbeddedServer) -> None:
    with small_disk(own_server) as disk:
        await fill(disk, own_server.url)


async def move_log(tablespace: str) -> None:
    for partition in await fetch("SELECT relid::text FROM pg_partition_tree('activity_logs') WHERE isleaf"):
        await execute(f"ALTER TABLE {partition['relid']} SET TABLESPACE {tablespace}")


async def fill(disk: Path, url: DatabaseUrl) -> None:
    """Write until it is full, free some space, and write again."""
    async with database(url):
        await execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        await move_log("small")
        written = 0

        async def write() -> None:
            nonlocal written
            await activity.record("import", metadata={"text": os.urandom(20_000).hex()})
            written += 1

        ballast = disk / "ballast"
        await asyncio.to_thread(ballast.write_bytes, bytes(8 * 2**20))

        async def write_a_lot() -> None:
            for _ in range(1000):
                await write()

        with pytest.raises(DatabaseUnavailableError, match="the database server's disk is full"):
            await write_a_lot()
        assert await healthy_within_two_seconds()
        ballast.unlink()
        await write()
        rows = await fetch("SELECT count(*) AS count FROM activity_logs")
        assert rows[0]["count"] == written
        await move_log("pg_default")
        await execute("DROP TABLESPACE small")
