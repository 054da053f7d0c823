"""A worker: it claims downloads, lets a handler do them, and says how they ended."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from medianest_models.checks import as_duration, as_positive, as_text
from medianest_models.db.client import Client
from medianest_models.db.connection import connected_client
from medianest_models.errors import DatabaseUnavailableError, TransactionConflictError
from medianest_models.models import YouTubeDownload
from medianest_models.repositories.downloads.claims import CONFIGURED, MaxRunning, as_max_running, claim
from medianest_models.repositories.downloads.jobs import Handler, Job
from medianest_models.repositories.downloads.leases import LEASE, as_lease
from medianest_models.repositories.downloads.waiting import wait_for_work
from medianest_models.signals import on_signals

logger = logging.getLogger("medianest_models.downloads")

_RETRY_SECONDS: Final = 1.0
_LONGEST_NAME: Final = 240
"""The number of the slot follows it in the id of the worker, which has at most 255 characters."""


async def run_worker(
    handler: Handler,
    *,
    concurrency: int = 1,
    lease: timedelta = LEASE,
    timeout: timedelta | None = None,  # noqa: ASYNC109 - that of one download, which fails then
    max_running: MaxRunning = CONFIGURED,
    worker_id: str | None = None,
) -> None:
    """Do downloads until SIGTERM or a cancellation.

    A download is completed with what the handler returns. If the handler raises an error, the attempt failed, and the
    error's type and text become the download's error message, which is shown to people. Heartbeats keep the download
    meanwhile; when it is cancelled, deleted or lost to another worker, the handler is cancelled within ten seconds. A
    restart of the database is waited for, and logged once. When the worker is stopped, its handlers are cancelled and
    its downloads go back to the queue, where another worker can claim them at once, and the attempts do not count.

    SIGTERM ends it without an error; not in another thread, not on Windows, and not if the program handles SIGTERM
    itself. Then cancel the task, as `asyncio.run` does at Ctrl-C.

    Args:
        handler: Does one download.
        concurrency: The number of downloads at a time in this process.
        lease: The time after which another worker gets a download, if this process dies.
        timeout: The longest time for one download, after which the attempt failed; None for no limit.
        max_running: The limit over all workers, as for `claim`.
        worker_id: The name of this worker, at most 240 characters, which no other process may have; None to make one.

    Raises:
        DatabaseUnavailableError: This process is not connected, or was disconnected.
    """
    as_lease(lease)
    as_max_running(max_running)
    seconds = None if timeout is None else as_duration(timeout, "timeout").total_seconds()
    as_positive(concurrency, "concurrency")
    if worker_id is None:
        worker_id = f"{platform.node()[: _LONGEST_NAME // 2]}-{os.getpid()}-{uuid4().hex[:8]}"
    name = as_text(worker_id, "worker_id", max_length=_LONGEST_NAME)
    worker = _Worker(connected_client(), handler, lease, seconds, max_running)
    stop = asyncio.Event()
    with _on_sigterm(stop.set):
        slots = [asyncio.create_task(worker.work(f"{name}-{n}")) for n in range(concurrency)]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({*slots, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(stopped, *slots)
    for slot in slots:
        if not slot.cancelled():
            slot.result()  # it raises: a slot never returns


@contextmanager
def _on_sigterm(stop: Callable[[], None]) -> Iterator[None]:
    """Call a function at SIGTERM, where that would end the process otherwise."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    with on_signals(stop, signal.SIGTERM):
        yield


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended; a second cancellation of the caller does not interrupt them."""
    for task in tasks:
        task.cancel()
    await asyncio.shield(asyncio.gather(*tasks, return_exceptions=True))


@dataclass
class _Worker:
    """The common part of a worker's slots."""

    client: Client
    handler: Handler
    lease: timedelta
    timeout: float | None
    max_running: MaxRunning
    is_out: bool = False

    async def work(self, name: str) -> None:
        """Do one download after the other."""
        while True:
            asked = monotonic()
            download = await self._try(claim(name, lease=self.lease, max_running=self.max_running))
            if isinstance(download, YouTubeDownload):
                await Job(download, name, asked, self.handler, self.lease, self.timeout, self._try).do()
            elif download is None:
                await self._try(wait_for_work(max_running=self.max_running))

    async def _try(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Return the result; False, after a pause, if the database is out of reach."""
        try:
            result = await call
        except (DatabaseUnavailableError, TransactionConflictError) as error:
            if self.client.is_disconnected:
                raise
            if not self.is_out:
                logger.warning("the database can't serve this worker, which tries again every second: %s", error)
            self.is_out = True
            await asyncio.sleep(_RETRY_SECONDS)
            return False
        if self.is_out:
            logger.info("the database serves this worker again")
        self.is_out = False
        return result
