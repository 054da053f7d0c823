"""The queue of downloads in numbers, which one process reports for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final, NamedTuple

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter

from medianest_models._version import __version__
from medianest_models.db.statements import fetch
from medianest_models.enums import DownloadStatus
from medianest_models.errors import MedianestError

logger = logging.getLogger("medianest_models.telemetry")

INTERVAL_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 5.0
_FRESH_SECONDS: Final = 30.0
"""The age at which an answer says nothing about the queue any more: the event loop hangs, or this is a forked child."""

# Raw, because it is one statement over three ranges of an index. What is scheduled for later is queued, but not late.
_QUEUE: Final = """
SELECT (SELECT count(*) FROM youtube_downloads WHERE status = 'queued') AS queued,
       (SELECT count(*) FROM youtube_downloads WHERE status = 'downloading') AS downloading,
       (SELECT count(*) FROM youtube_downloads WHERE status = 'failed') AS failed,
       (SELECT greatest(extract(epoch FROM now() - min(scheduled_at)), 0)::float8
        FROM youtube_downloads WHERE status = 'queued') AS wait_seconds
"""
_COUNTED: Final = (DownloadStatus.QUEUED, DownloadStatus.DOWNLOADING, DownloadStatus.FAILED)


class _Answer(NamedTuple):
    """The queue at an instant of the monotonic clock."""

    at: float
    counts: dict[str, int]
    wait_seconds: float


_latest: _Answer | None = None  # what a provider calls lives as long as the provider does


@asynccontextmanager
async def queue_metrics(*, meter_provider: MeterProvider | None = None) -> AsyncIterator[None]:
    """Report the queue of downloads for the duration of an `async with` block.

    Use it in one process, because the numbers are those of all workers: `medianest metrics` is such a process. Every
    ten seconds it asks the database, by one statement, however often the metrics are collected. A collection only
    returns the last answer: it neither waits nor raises, and has no numbers while the database is away.

    Args:
        meter_provider: Where to report to; None for the global one.
    """
    meter = get_meter("medianest_models", __version__, meter_provider)
    meter.create_observable_gauge(
        "medianest.downloads", [_report_counts], "{download}", "The number of downloads of a status."
    )
    meter.create_observable_gauge(
        "medianest.downloads.longest_wait", [_report_wait], "s", "How long the first download in the queue is due."
    )
    await _ask()
    asking = asyncio.create_task(_ask_regularly())
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.wait([asking])
        _note(None)


async def _ask_regularly() -> None:
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        await _ask()


async def _ask() -> None:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            (row,) = await fetch(_QUEUE)
    except (MedianestError, TimeoutError) as error:
        if _latest is not None:
            logger.warning("no metrics of the queue: %s", error or type(error).__name__)
        _note(None)
    else:
        _note(_Answer(monotonic(), {status: row[status] for status in _COUNTED}, row["wait_seconds"] or 0.0))


def _note(answer: _Answer | None) -> None:
    global _latest  # noqa: PLW0603 - see above
    _latest = answer


def _fresh() -> _Answer | None:
    answer = _latest
    return answer if answer is not None and monotonic() - answer.at < _FRESH_SECONDS else None


def _report_counts(_: CallbackOptions) -> Iterator[Observation]:
    if (answer := _fresh()) is not None:
        for status, number in answer.counts.items():
            yield Observation(number, {"status": status})


def _report_wait(_: CallbackOptions) -> Iterator[Observation]:
    if (answer := _fresh()) is not None:
        yield Observation(answer.wait_seconds)
