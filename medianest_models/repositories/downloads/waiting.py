"""Waiting for work without asking the database all the time."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from medianest_models.checks import MAX_INT, as_duration
from medianest_models.db.connection import connected_url
from medianest_models.db.direct import direct_connection
from medianest_models.db.driver_errors import translate
from medianest_models.db.statements import fetch_one
from medianest_models.enums import DownloadPriority
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.repositories.downloads.policy import CONFIGURED, MaxRunning, as_max_running
from medianest_models.settings import load_settings

if TYPE_CHECKING:
    from datetime import timedelta

    from medianest_models.errors import MedianestError
    from medianest_models.settings import DatabaseUrl

logger = logging.getLogger("medianest_models.downloads")

_CHANNEL: Final = "medianest_downloads"
_POLL_SECONDS: Final = 2.0
_LONGEST_NAP_SECONDS: Final = 30.0
"""After this a waiter looks without having heard anything: the limit may have been raised, the connection be dead."""
_SPREAD_SECONDS: Final = 0.2
"""All waiters hear of every download at the same moment. Each looks a little later, at random, and so most of them
when the first has taken it; and a claim that finds nothing, because someone holds the row, is not asked in a circle."""
_ANSWER_SECONDS: Final = 10.0
_FIRST_PAUSE_SECONDS: Final = 1.0

# Raw: the seconds until a claim can succeed, by the database's clock; 0 or less for now, NULL when only something
# that happens can make it so. $1 is the limit, or NULL for the configured one. Each priority's first download is one
# look into the index of the queue. Of a row that others wrote without a lease it counts as run out.
_LOOK: Final = """
SELECT extract(epoch FROM
    CASE WHEN running.number < coalesce($1::bigint, medianest_max_running_downloads())
        THEN least(queued.due_at, running.ends_at) ELSE running.ends_at END - clock_timestamp()
)::float8 AS seconds
FROM
    (
        SELECT count(*) AS number, min(coalesce(lease_expires_at, to_timestamp(0))) AS ends_at
        FROM youtube_downloads WHERE status = 'downloading'
    ) AS running,
    (
        SELECT min(first.scheduled_at) AS due_at
        FROM unnest($2::smallint[]) AS level,
            LATERAL (
                SELECT scheduled_at FROM youtube_downloads
                WHERE status = 'queued' AND priority = level
                ORDER BY scheduled_at LIMIT 1
            ) AS first
    ) AS queued
"""


async def wait_for_work(*, timeout: timedelta | None = None, max_running: MaxRunning = CONFIGURED) -> bool:  # noqa: ASYNC109 - the caller is told by the result and not by an exception
    """Waits until a claim is likely to succeed: something is queued, due, and has a place under the limit.

    It listens on a connection of its own, past a pooler (`DATABASE_DIRECT_URL`), and connects again should that one
    be lost. Behind PgBouncer without such a URL it looks every two seconds instead, and says so once in the log.
    What was queued between a claim that found nothing and this call is not missed. Other workers wake as well, so
    the claim may still find nothing.

    Args:
        timeout: How long to wait at most; None for as long as it takes.
        max_running: The limit that the claims are made with.

    Returns:
        True when there is work; False when the time is over.

    Raises:
        DatabaseUnavailableError: This process is not connected, or the database could not be reached at first.
        InvalidInputError: An argument is not as said above.
    """
    limit = MAX_INT if max_running is None else as_max_running(max_running)
    seconds = None if timeout is None else as_duration(timeout, "timeout").total_seconds()
    url = _past_a_pooler()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            if url is not None and url.pgbouncer:
                _say_that_it_polls()
                await _poll(limit)
            else:
                await _listen(limit, url)
            return True
    return False


def _past_a_pooler() -> DatabaseUrl | None:
    """The best way to the database that this process is connected to; None for the embedded server."""
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


async def _poll(limit: int | None) -> None:
    while True:
        row = await fetch_one(_LOOK, limit, list(DownloadPriority))
        if row is not None and _is_now(row["seconds"]):
            return
        await asyncio.sleep(random.uniform(0.5, 1) * _POLL_SECONDS)  # noqa: S311 - no secret


async def _listen(limit: int | None, url: DatabaseUrl | None) -> None:
    """Returns when there is work; a connection that is lost is made again for as long as that takes."""
    was_connected = False
    pause = _FIRST_PAUSE_SECONDS
    while True:
        problem: MedianestError | None
        try:
            async with direct_connection(url) as connection:
                was_connected, pause = True, _FIRST_PAUSE_SECONDS
                await _watch(connection, limit)
                return
        except DatabaseUnavailableError as raised:
            problem = raised
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as raised:
            problem = translate(raised)
        if problem is not None and not (was_connected and isinstance(problem, DatabaseUnavailableError)):
            raise problem
        logger.warning("lost the connection that listens for downloads: connecting again in %g s", pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_NAP_SECONDS)


async def _watch(connection: asyncpg.Connection[Any], limit: int | None) -> None:
    """Returns when there is work. It listens first and looks then, so that nothing falls in between."""
    heard = asyncio.Event()
    connection.add_termination_listener(lambda _: heard.set())
    await connection.add_listener(_CHANNEL, lambda *_: heard.set())
    while True:
        await asyncio.sleep(random.uniform(0, _SPREAD_SECONDS))  # noqa: S311 - no secret
        heard.clear()
        seconds = await connection.fetchval(_LOOK, limit, list(DownloadPriority), timeout=_ANSWER_SECONDS)
        if _is_now(seconds):
            return
        nap = _LONGEST_NAP_SECONDS if seconds is None else min(seconds, _LONGEST_NAP_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(nap):
                await heard.wait()


def _is_now(seconds: float | None) -> bool:
    return seconds is not None and seconds <= 0
