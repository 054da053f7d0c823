"""Committed changes as they happen, for pages that follow them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from medianest_models.checks import as_aware
from medianest_models.db.listening import Listener, listening_url
from medianest_models.db.locks import AdvisoryLock
from medianest_models.db.statements import fetch
from medianest_models.enums import DownloadStatus, RequestStatus, ServiceStatus
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError

_CHANNEL: Final = "medianest_changes"
_PROGRESS_SECONDS: Final = 1.0
"""The shortest time between two events with nothing but the progress of the same download."""
_MOST_PENDING: Final = 1_000
"""The events that are kept for a slow reader. If there are more, one `ChangesMissed` replaces them."""
_LOCK_SECONDS: Final = 10

# The database notifies only while somebody holds WATCHING, because transactions that notify commit one after another.
# A transaction that has changed something without notifying holds CHANGING, so this waits for its end: every later
# change is told, and every earlier one can be read.
_BEGIN: Final = f"""
SET lock_timeout = '{_LOCK_SECONDS}s';
SELECT pg_advisory_lock_shared({AdvisoryLock.WATCHING.value});
SELECT pg_advisory_lock({AdvisoryLock.CHANGING.value});
SELECT pg_advisory_unlock({AdvisoryLock.CHANGING.value})
"""


@dataclass(frozen=True)
class RequestChange:
    """A media request that was submitted, changed its status or its owner, or was deleted (status None)."""

    id: UUID
    user_id: UUID
    status: RequestStatus | None


@dataclass(frozen=True)
class DownloadChange:
    """A download that was queued, changed its status or progress (in percent), or was deleted (status None)."""

    id: UUID
    user_id: UUID
    status: DownloadStatus | None
    progress: int


@dataclass(frozen=True)
class ServiceChange:
    """A service whose latest check found another status than the last one told, and when it was checked."""

    name: str
    status: ServiceStatus
    checked_at: datetime


@dataclass(frozen=True)
class ChangesMissed:
    """Changes may be missing here, after a lost connection or because the reader was too slow: read the state anew."""


Change: TypeAlias = RequestChange | DownloadChange | ServiceChange | ChangesMissed


class ChangeStream:
    """The changes that are committed from now on, in the order of their commits; iterate over it once."""

    def __init__(self, listener: Listener, schema: str) -> None:
        self._listener, self._schema = listener, schema
        self._pending: deque[Change] = deque()
        self._latest_checks: dict[str, ServiceChange] = {}
        self._progress: dict[UUID, DownloadChange] = {}  # held back until its time
        self._told_at: dict[UUID, float] = {}  # when the last change of a running download was told
        self._news = asyncio.Event()
        self._is_stopped = False

    def stop(self) -> None:
        """End the iteration, after what is already pending."""
        self._is_stopped = True
        self._news.set()

    def __aiter__(self) -> AsyncIterator[Change]:
        return self

    async def __anext__(self) -> Change:
        while True:
            self._news.clear()
            self._release_progress()
            if self._pending:
                return self._pending.popleft()
            if self._is_stopped or self._listener.is_over:
                with suppress(DatabaseUnavailableError):  # that this process disconnects is no error
                    self._listener.check()
                raise StopAsyncIteration
            await self._wait()

    def receive(self, payload: str | None) -> None:
        """Take a notification; None if earlier ones may be lost."""
        self._news.set()
        if self._listener.problem is not None:  # the end
            return
        change = ChangesMissed() if payload is None else _parse(payload, self._schema)
        if change is None or (isinstance(change, ServiceChange) and not self._is_news(change)):
            return
        if isinstance(change, DownloadChange) and self._is_held_back(change):
            return
        if len(self._pending) >= _MOST_PENDING:
            change = ChangesMissed()
        if isinstance(change, ChangesMissed):
            for kept in (self._pending, self._latest_checks, self._progress, self._told_at):
                kept.clear()
        self._pending.append(change)

    async def started(self) -> None:
        """Wait until every later change is told; raise the error if that can't be."""
        while not self._listener.is_listening:
            self._listener.check()
            await self._wait()
            self._news.clear()
        self._pending.clear()  # nothing was missed

    async def _wait(self) -> None:
        due = min((self._told_at[id_] for id_ in self._progress), default=None)
        seconds = None if due is None else due + _PROGRESS_SECONDS - asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def _is_news(self, change: ServiceChange) -> bool:
        known = self._latest_checks.get(change.name)
        if known is not None and change.checked_at < known.checked_at:
            return False  # it was committed later
        self._latest_checks[change.name] = change
        return known is None or known.status != change.status

    def _is_held_back(self, change: DownloadChange) -> bool:
        """Whether only the progress has changed, too soon after the last change that was told."""
        now = asyncio.get_running_loop().time()
        self._progress.pop(change.id, None)
        if change.status is not DownloadStatus.DOWNLOADING:
            self._told_at.pop(change.id, None)
            return False
        if now < self._told_at.get(change.id, -_PROGRESS_SECONDS) + _PROGRESS_SECONDS:
            self._progress[change.id] = change
            return True
        self._told_at[change.id] = now
        return False

    def _release_progress(self) -> None:
        now = asyncio.get_running_loop().time()
        for id_, change in list(self._progress.items()):
            if now >= self._told_at[id_] + _PROGRESS_SECONDS:
                del self._progress[id_]
                self._told_at[id_] = now
                self._pending.append(change)


@asynccontextmanager
async def listen() -> AsyncIterator[ChangeStream]:
    """Follow the committed changes of requests, downloads and services, from every client of the database.

    When the `async with` block begins, changes are already collected: read the state after that, and nothing is missed
    in between. Each event names what has changed and how it is now, and holds no secret; `user_id` is the owner.
    The progress of a download is told at most once a second. After a lost connection, or if the reader is too slow,
    the stream goes on with a `ChangesMissed`.

    The iteration ends after `stop()` and when this process disconnects. All streams of a process share one connection,
    which bypasses a pooler (`DATABASE_DIRECT_URL`). A stream belongs to the event loop in which it was made.

    Raises:
        ConfigurationError: The connection goes through PgBouncer, which delivers no notifications.
        DatabaseUnavailableError: This process is not connected, or could not reach the database at first.
        DatabaseTimeoutError: A transaction that has changed something, maybe the caller's, was still open after ten
            seconds.
    """
    url = listening_url()
    if url is not None and url.pgbouncer:
        raise ConfigurationError(
            "a pooler delivers no notifications: set DATABASE_DIRECT_URL to a URL that bypasses it"
        )
    (row,) = await fetch("SELECT current_schema() AS schema")
    listener = Listener.shared(_CHANNEL, begin=_BEGIN)
    stream = ChangeStream(listener, row["schema"])
    with listener.subscribed(stream.receive):
        await stream.started()
        yield stream


def _parse(payload: str, schema: str) -> Change | None:
    """Read a notification; None for that of another schema. Another version's is unknown, and anyone may send one."""
    try:
        values: dict[str, Any] = json.loads(payload)
        status = values["status"]
        if values["schema"] != schema:
            return None
        if values["table"] == "services":
            checked_at = as_aware(datetime.fromisoformat(values["checked_at"]), "checked_at")
            return ServiceChange(str(values["name"]), ServiceStatus(status), checked_at)
        ids = UUID(values["id"]), UUID(values["user_id"])
        if values["table"] == "media_requests":
            return RequestChange(*ids, None if status is None else RequestStatus(status))
        return DownloadChange(*ids, None if status is None else DownloadStatus(status), int(values["progress"]))
    except Exception:  # noqa: BLE001 - there are many ways to be no notification of ours
        return ChangesMissed()
