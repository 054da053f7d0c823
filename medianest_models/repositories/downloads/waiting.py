"""Waiting for work without constant polling."""

from __future__ import annotations

import asyncio
import copy
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any, Final
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from medianest_models.checks import MAX_INT, as_duration
from medianest_models.db.client import Client, not_connected
from medianest_models.db.connection import connected_client, connected_url, within
from medianest_models.db.direct import direct_connection
from medianest_models.db.driver_errors import translate
from medianest_models.enums import DownloadPriority
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError
from medianest_models.repositories.downloads.claims import CONFIGURED, MaxRunning, as_max_running
from medianest_models.settings import DatabaseUrl, load_settings

logger = logging.getLogger("medianest_models.downloads")

_CHANNEL: Final = "medianest_downloads"
_POLL_SECONDS: Final = 2.0
_LONGEST_NAP_SECONDS: Final = 30.0
"""The longest time between two looks without a notification: the limit may be raised, or the connection dead."""
_SPREAD_SECONDS: Final = 0.2
"""Every download notifies all waiters at once. Each looks after a short random delay, so that most of them look after
the first one has claimed it. The delay also keeps a claim that finds only locked rows from being retried in a tight
loop."""
_ANSWER_SECONDS: Final = 10.0
_FIRST_PAUSE_SECONDS: Final = 1.0
_LINGER_SECONDS: Final = 2.0
"""The time that the connection stays open after its last waiter: a worker that could not claim soon waits again."""

# Raw: the seconds until a claim can succeed, by the database's clock; 0 or less for now, NULL if it needs another event
# first. $1 is the limit, or NULL for the configured one. One lookup in the queue's index finds the first download of a
# priority. A running download without a lease, written by another client, counts as expired. A row that no claim can
# change does not count. During a pause nothing is ready before its end.
_LOOK: Final = """
SELECT extract(epoch FROM
    CASE WHEN pause.ends_at > ready.at THEN nullif(pause.ends_at, 'infinity') ELSE ready.at END - clock_timestamp()
)::float8 AS seconds
FROM
    (
        SELECT count(*) AS number, min(coalesce(lease_expires_at, to_timestamp(0))) AS ends_at
        FROM youtube_downloads
        WHERE status = 'downloading' AND (lease_expires_at > now() OR medianest_can_change(youtube_downloads))
    ) AS running,
    (
        SELECT min(first.scheduled_at) AS due_at
        FROM (SELECT medianest_users_at_their_limit() AS users OFFSET 0) AS busy, unnest($2::smallint[]) AS level,
            LATERAL (
                SELECT scheduled_at FROM youtube_downloads
                WHERE status = 'queued' AND priority = level AND medianest_can_change(youtube_downloads)
                    AND user_id <> ALL (busy.users)
                ORDER BY scheduled_at LIMIT 1
            ) AS first
    ) AS queued,
    LATERAL (
        SELECT CASE WHEN running.number < coalesce($1::bigint, medianest_max_running_downloads())
            THEN least(queued.due_at, running.ends_at) ELSE running.ends_at END AS at
    ) AS ready,
    (
        SELECT max(medianest_pause_ends_at(value)) AS ends_at FROM system_config WHERE key = 'youtube.pause'
    ) AS pause
"""


async def wait_for_work(*, timeout: timedelta | None = None, max_running: MaxRunning = CONFIGURED) -> bool:  # noqa: ASYNC109 - the result reports a timeout, not an exception
    """Wait until a claim is likely to succeed: a download is due, the limit is not reached, and there is no pause.

    All waiters of a process share one LISTEN connection, which bypasses a pooler (`DATABASE_DIRECT_URL`). It is opened
    for the first waiter, reopened if it is lost, and closed soon after the last waiter. Behind PgBouncer without such a
    URL, each waiter polls every two seconds instead, and the log says so once. A download that is queued between an
    unsuccessful claim and this call is not missed. Other workers wake up too, so the claim may still find nothing.

    Args:
        timeout: The longest time to wait; None for no limit.
        max_running: The limit of the claims.

    Returns:
        True if there is work; False after the timeout.

    Raises:
        DatabaseUnavailableError: This process is not connected, was disconnected, or could not reach the database at
            first.
    """
    limit = MAX_INT if max_running is None else as_max_running(max_running)
    seconds = None if timeout is None else as_duration(timeout, "timeout").total_seconds()
    client, url = connected_client(), _past_a_pooler()
    client.check_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            if url is not None and url.pgbouncer:
                _say_that_it_polls()
                await _watch(client, limit, None, asyncio.Event(), longest_nap=_POLL_SECONDS)
            else:
                listener = _listener(client, url)
                with listener.waiter() as waiter:
                    await _watch(client, limit, listener, waiter, longest_nap=_LONGEST_NAP_SECONDS)
            return True
    return False


async def _watch(
    client: Client, limit: int | None, listener: _Listener | None, waiter: asyncio.Event, *, longest_nap: float
) -> None:
    """Return when there is work; after the first response, tolerate any outage of the database."""
    was_reached = False
    while True:
        await asyncio.sleep(random.uniform(0, _SPREAD_SECONDS))  # noqa: S311 - no secret
        waiter.clear()
        if listener is not None and listener.problem is not None:
            raise copy.copy(listener.problem)  # each its own: to be raised adds to an error
        try:
            seconds, was_reached = await _look(client, limit), True
        except DatabaseUnavailableError:
            if not was_reached or client.is_disconnected:
                raise
            seconds = _POLL_SECONDS
        if seconds is not None and seconds <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_nap if seconds is None else min(seconds, longest_nap)):
                await waiter.wait()


async def _look(client: Client, limit: int | None) -> float | None:
    """Query the seconds until a claim can succeed, on the pool even inside a transaction."""
    look = client.run(PoolConnectionProxy.fetchval, _LOOK, limit, list(DownloadPriority))
    try:
        return await within(_ANSWER_SECONDS, look)  # abandoned when this is cancelled
    except TimeoutError:
        pass
    raise DatabaseTimeoutError


def _past_a_pooler() -> DatabaseUrl | None:
    """Return the direct URL of the connected database, if there is one; None for the embedded server."""
    url, settings = connected_url(), load_settings()
    if settings.database_direct_url is not None and url == settings.url():
        return settings.direct_url()
    return url


@cache  # once
def _say_that_it_polls() -> None:
    logger.warning(
        "a pooler delivers no notifications: looking for downloads every %g s; "
        "set DATABASE_DIRECT_URL to be woken instead",
        _POLL_SECONDS,
    )


class _Listener:
    """The LISTEN connection of a process, and its waiters.

    A separate task holds it, so that a waiter can be cancelled at any time. Whenever LISTEN has started, it wakes all
    waiters, because earlier notifications may be lost; so they may also look before that.

    Attributes:
        problem: Why it listens no more.
    """

    def __init__(self, client: Client, url: DatabaseUrl | None) -> None:
        self.problem: Exception | None = None
        self._url = url
        self._waiters: set[asyncio.Event] = set()
        self._closing: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._run())
        client.background.add(self._task)
        self._task.add_done_callback(client.background.discard)

    @property
    def is_over(self) -> bool:
        """Whether it no longer listens."""
        return self._task.done() or self._task.cancelling() > 0

    @contextmanager
    def waiter(self) -> Iterator[asyncio.Event]:
        """Register a new waiter for the duration of a `with` block."""
        waiter = asyncio.Event()
        if self._closing is not None:
            self._closing.cancel()
        self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            self._waiters.remove(waiter)
            if not self._waiters:
                self._closing = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._task.cancel)

    async def _run(self) -> None:
        problem: Exception = not_connected()  # the only reason for a cancellation while a waiter exists
        try:
            problem = await self._stay_connected()
        finally:
            self.problem = problem
            self._wake()

    async def _stay_connected(self) -> Exception:
        """Keep listening; return the error that ends it: of the first attempt, or not about the connection."""
        was_connected, pause = False, _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with direct_connection(self._url) as connection:
                    was_connected, pause = True, _FIRST_PAUSE_SECONDS
                    await self._listen(connection)
            except Exception as raised:  # noqa: BLE001 - whatever it is, the waiters raise it
                problem = translate(raised) or raised
                if not was_connected or not isinstance(problem, DatabaseUnavailableError):
                    return problem
            logger.warning("lost the connection that listens for downloads: connecting again in %g s", pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_NAP_SECONDS)

    async def _listen(self, connection: asyncpg.Connection[Any]) -> None:
        """Return when the connection is closed; raise an error when the server does not respond."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(_CHANNEL, lambda *_: self._wake())
        self._wake()
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_NAP_SECONDS):
                    await lost.wait()
                    return
            await connection.execute("SELECT 1", timeout=_ANSWER_SECONDS)

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.set()


_listeners: Final[WeakKeyDictionary[Client, _Listener]] = WeakKeyDictionary()


def _listener(client: Client, url: DatabaseUrl | None) -> _Listener:
    """Return the listener of this process, or make it; it ends with the process's pool."""
    listener = _listeners.get(client)
    if listener is None or listener.is_over:
        listener = _listeners[client] = _Listener(client, url)
    return listener
