"""One process of the soak test: each of its workers repeats the work of a portal, whatever happens to the server."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final, cast
from uuid import UUID

from tortoise.connection import get_connection

from benchmarks.resident import resident_kilobytes
from benchmarks.soak.journal import Journal
from medianest_models.db import database
from medianest_models.db.client import Client
from medianest_models.enums import RequestStatus, ServiceStatus
from medianest_models.errors import DatabaseUnavailableError, LeaseLostError, MedianestError
from medianest_models.models import User
from medianest_models.repositories import downloads, media_requests, rate_limits, services, sessions

MAX_RUNNING: Final = 8
"""The maximum number of running downloads of all workers."""
HITS: Final = 20
"""The allowed hits of an address in a second."""
_LEASE: Final = timedelta(seconds=3)
_PAUSE: Final = 0.02
_SAMPLE_SECONDS: Final = 5.0


class Worker:
    """The tasks of one worker.

    Args:
        name: The worker's id for claims.
        journal: The journal of its process.
        feeding: Set until it is told to stop.
        users: The users whose work it does.
    """

    def __init__(self, name: str, journal: Journal, feeding: asyncio.Event, users: list[UUID]) -> None:
        self.name = name
        self.journal = journal
        self.feeding = feeding
        self._users = users
        self._number = 0

    async def run(self) -> None:
        """Work until it is told to stop, and then until the queue is empty."""
        async with asyncio.TaskGroup() as work:
            work.create_task(self._download())
            for task in (self._enqueue, self._request, self._hit, self._sign_in, self._check):
                work.create_task(self._repeat(task))

    async def _repeat(self, once: Callable[[], Awaitable[None]]) -> None:
        while self.feeding.is_set():
            await self._forgive(once)
            await asyncio.sleep(random.uniform(0, 2 * _PAUSE))  # noqa: S311 - no secret

    async def _forgive(self, once: Callable[[], Awaitable[None]]) -> None:
        try:
            await once()
        except DatabaseUnavailableError as error:
            self.journal.failed(str(error).partition(": ")[2] or str(error))
            await asyncio.sleep(0.1)
        except LeaseLostError:
            self.journal.failed("LeaseLostError")
        except MedianestError as error:
            self.journal.fact("unexpected", error=f"{type(error).__name__}: {error}")

    @asynccontextmanager
    async def _timed(self, operation: str) -> AsyncIterator[None]:
        started = monotonic()
        yield
        self.journal.did(operation, monotonic() - started)

    def _user(self) -> UUID:
        return random.choice(self._users)  # noqa: S311 - no secret

    def _name(self) -> str:
        self._number += 1
        return f"{self.name}-{self._number}"

    async def _enqueue(self) -> None:
        async with self._timed("downloads.enqueue"):
            download = await downloads.enqueue(self._user(), playlist_url=f"https://youtu.be/{self._name()}")
        self.journal.fact("enqueued", id=str(download.id))
        await asyncio.sleep(0.5)

    async def _download(self) -> None:
        while self.feeding.is_set() or await self._is_left():
            await self._forgive(self._work)

    async def _is_left(self) -> bool:
        with suppress(DatabaseUnavailableError):
            counts = await downloads.counts_by_status()
            return any(number for status, number in counts.items() if status in ("queued", "downloading"))
        return True

    async def _work(self) -> None:
        async with self._timed("downloads.claim"):
            download = await downloads.claim(self.name, lease=_LEASE, max_running=MAX_RUNNING)
        if download is None:
            await downloads.wait_for_work(timeout=timedelta(seconds=1), max_running=MAX_RUNNING)
            return
        await asyncio.sleep(random.uniform(0.02, 0.1))  # noqa: S311 - no secret
        await downloads.report_progress(download.id, worker_id=self.name, progress=50, lease=_LEASE)
        async with self._timed("downloads.complete"):
            await downloads.complete(download.id, worker_id=self.name, file_paths=["/videos/x.mkv"])
        self.journal.fact("completed", id=str(download.id))

    async def _request(self) -> None:
        name = self._name()
        async with self._timed("media_requests.submit"):
            request = await media_requests.submit(self._user(), title=name, media_type="movie", tmdb_id=name)
        self.journal.fact("request", id=str(request.id), status="pending")
        for status in (RequestStatus.APPROVED, RequestStatus.AVAILABLE):
            async with self._timed("media_requests.transition"):
                await media_requests.transition(request.id, status=status)
            self.journal.fact("request", id=str(request.id), status=status.value)
        async with self._timed("media_requests.list_for_user"):
            await media_requests.list_for_user(request.user_id)

    async def _hit(self) -> None:
        address = f"10.0.0.{random.randrange(4)}"  # noqa: S311 - no secret
        async with self._timed("rate_limits.hit"):
            result = await rate_limits.hit("soak", ip_address=address, limit=HITS, window_seconds=1)
        if result.allowed:
            self.journal.allowed(f"{address} {result.reset_at.isoformat()}")

    async def _sign_in(self) -> None:
        async with self._timed("sessions.issue"):
            issued = await sessions.issue(self._user())
        async with self._timed("sessions.verify"):
            await sessions.verify(issued.token)
        async with self._timed("sessions.rotate"):
            rotated = await sessions.rotate(issued.token)
        if rotated.token is not None:
            await sessions.verify(rotated.token)

    async def _check(self) -> None:
        async with self._timed("services.record_check"):
            await services.record_check("plex", status=ServiceStatus.UP, response_time_ms=random.randrange(500))  # noqa: S311
        async with self._timed("services.uptime"):
            await services.uptime("plex", since=datetime.now(UTC) - timedelta(minutes=1))


async def _sample(journal: Journal) -> None:
    """Record the memory and the pool of this process, again and again."""
    started = monotonic()
    while True:
        pool = cast("Client", get_connection("default")).pool
        journal.fact(
            "sample",
            seconds=monotonic() - started,
            kilobytes=await asyncio.to_thread(resident_kilobytes),
            pool=pool.get_size() if pool else 0,
        )
        await asyncio.sleep(_SAMPLE_SECONDS)


async def run(name: str, path: Path, *, number: int) -> None:
    """Run a process of some workers; on SIGTERM, finish the remaining work.

    Args:
        name: The name of the process.
        path: The file of its journal.
        number: The number of its workers.
    """
    journal = Journal(path)
    feeding = asyncio.Event()
    feeding.set()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, feeding.clear)
    async with database():
        users = cast("list[UUID]", await User.all().order_by("id").values_list("id", flat=True))
        sampling = asyncio.create_task(_sample(journal))
        async with asyncio.TaskGroup() as group:
            for worker in range(number):
                group.create_task(Worker(f"{name}.{worker}", journal, feeding, users).run())
        sampling.cancel()
        pool = cast("Client", get_connection("default")).pool
        assert pool is not None
        journal.fact("pool", size=pool.get_size(), idle=pool.get_idle_size(), most=pool.get_max_size())
    journal.close()
    os._exit(0)  # all work is done, and the parent waits
