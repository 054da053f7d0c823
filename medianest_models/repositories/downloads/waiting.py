"""Waiting for work without constant polling."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from medianest_models.checks import as_duration
from medianest_models.db.client import Client
from medianest_models.db.connection import connected_client, within
from medianest_models.db.listening import Listener, listening_url
from medianest_models.enums import DownloadPriority
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError, replace_errors
from medianest_models.repositories.downloads.claims import CONFIGURED, MaxRunning, as_max_running

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

# Raw: the seconds until a claim can succeed, by the database's clock; 0 or less for now, NULL if it needs another event
# first. $1 is the limit, or NULL for the configured one. One lookup in the queue's index finds the first download of a
# priority. A running download without a lease, written by another client, counts as expired. A row that no claim can
# change does not count. During a pause nothing is ready before its end. The planner does not look into array_position,
# as in the claim: from the statistics of a queue of one user it would conclude that hardly a row is left, and sort all.
# For the same reason the conditions that it can't judge are one that it takes to be true: statistics of a short queue
# are still in use when the queue has become long.
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
                WHERE status = 'queued' AND priority = level AND CASE
                    WHEN medianest_can_change(youtube_downloads)
                        AND coalesce(array_position(busy.users, user_id), 0) < 1 THEN TRUE
                END IS NOT NULL
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
    limit = as_max_running(max_running)
    seconds = None if timeout is None else as_duration(timeout, "timeout").total_seconds()
    client, url = connected_client(), listening_url()
    client.check_loop()
    waiter = asyncio.Event()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            if url is not None and url.pgbouncer:
                _say_that_it_polls()
                await _watch(client, limit, None, waiter, longest_nap=_POLL_SECONDS)
            else:
                listener = Listener.shared(_CHANNEL)
                with listener.subscribed(lambda _: waiter.set()):
                    await _watch(client, limit, listener, waiter, longest_nap=_LONGEST_NAP_SECONDS)
            return True
    return False


async def _watch(
    client: Client, limit: int | None, listener: Listener | None, waiter: asyncio.Event, *, longest_nap: float
) -> None:
    """Return when there is work; after the first response, tolerate any outage of the database."""
    was_reached = False
    while True:
        await asyncio.sleep(random.uniform(0, _SPREAD_SECONDS))  # noqa: S311 - no secret
        waiter.clear()
        if listener is not None:
            listener.check()
        try:
            seconds, was_reached = await _look(client, limit), True
        except DatabaseUnavailableError:
            if not was_reached or client.is_disconnected:
                raise
            # A listener without a connection looks for the database on behalf of all waiters, and wakes them.
            seconds = None if listener is not None and not listener.is_listening else _POLL_SECONDS
        if seconds is not None and seconds <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_nap if seconds is None else min(seconds, longest_nap)):
                await waiter.wait()


async def _look(client: Client, limit: int | None) -> float | None:
    """Query the seconds until a claim can succeed, on the pool even inside a transaction."""
    look = client.run(PoolConnectionProxy.fetchval, _LOOK, limit, list(DownloadPriority))
    with replace_errors(TimeoutError, lambda _: DatabaseTimeoutError()):
        return await within(_ANSWER_SECONDS, look)  # abandoned when this is cancelled


@cache  # once
def _say_that_it_polls() -> None:
    logger.warning(
        "a pooler delivers no notifications: looking for downloads every %g s; "
        "set DATABASE_DIRECT_URL to be woken instead",
        _POLL_SECONDS,
    )
