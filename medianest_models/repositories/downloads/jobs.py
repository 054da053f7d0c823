"""One download in the hands of a worker: its handler, its heartbeats, and its end."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final, TypeAlias

from medianest_models.errors import DatabaseUnavailableError, LeaseLostError, MedianestError
from medianest_models.masking import LONGEST, mask_credentials
from medianest_models.models import YouTubeDownload
from medianest_models.repositories.downloads.leases import complete, fail, heartbeat, release, report_progress

logger = logging.getLogger("medianest_models.downloads")

_LONGEST_PULSE_SECONDS: Final = 10.0
"""The longest time between two heartbeats, and so until the handler of a cancelled download is stopped."""
_PULSES_IN_A_LEASE: Final = 3
_STOP_SECONDS: Final = 10.0
"""The time that a handler has for its clean-up after its cancellation."""
_LONGEST_MESSAGE: Final = 1_000


@dataclass(frozen=True)
class Result:
    """The result of a handler, as `complete` takes it."""

    file_paths: Sequence[str] | None = None
    plex_collection_id: str | None = None
    metadata: dict[str, Any] | None = None


ReportProgress: TypeAlias = Callable[[int], Awaitable[None]]
"""Reports how many percent are there. It waits for the database, but an outage of it is no error."""

Handler: TypeAlias = Callable[[YouTubeDownload, ReportProgress], Awaitable[Result | Sequence[str] | None]]
"""Does a download, and returns the paths of its files, or a `Result`.

It is cancelled when the download no longer belongs to this worker, and when the worker is stopped. What blocks the
event loop also stops the heartbeats: use `asyncio.to_thread` for it.
"""

Attempt: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]
"""Returns what a call of the database returns; False, after a pause, if the database is out of reach."""


@dataclass(eq=False)
class Job:
    """A claimed download.

    Attributes:
        download: The download.
        worker_id: Who has claimed it.
        asked: When, by this machine's clock: `monotonic()` before the claim.
        handler: Does it.
        lease: The time for which each heartbeat keeps it.
        timeout: The longest time for the handler, in seconds; None for no limit.
        attempt: Calls the database.
    """

    download: YouTubeDownload
    worker_id: str
    asked: float
    handler: Handler
    lease: timedelta
    timeout: float | None
    attempt: Attempt

    async def do(self) -> None:
        """Run the handler, and say how it ended; cancelled, give the download back."""
        handling = asyncio.create_task(self._handle())
        pulse = asyncio.create_task(self._keep())
        try:
            try:
                await asyncio.wait({handling, pulse}, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                await asyncio.shield(self._give_back(handling))
                raise
            if pulse.done():
                await self._stop(handling)
                logger.warning("%s", pulse.result())
                return
            settling = asyncio.create_task(self._settle(handling))
            try:
                await asyncio.shield(settling)
            finally:  # cancelled, it still says how the download ended
                await asyncio.wait({settling}, timeout=_STOP_SECONDS)
                settling.cancel()
        finally:
            pulse.cancel()

    async def _handle(self) -> Result:
        async def report(percent: int) -> None:
            try:
                await report_progress(self.download.id, worker_id=self.worker_id, progress=percent, lease=self.lease)
            except DatabaseUnavailableError as error:
                logger.debug("progress is not reported: %s", error)

        found = await self.handler(self.download, report)
        return found if isinstance(found, Result) else Result(found)

    async def _keep(self) -> LeaseLostError:
        """Extend the lease until it is lost, and return the reason.

        By this machine's clock it lasts from the moment when it was last asked for: without the database nobody can
        tell whether another worker has the download.
        """
        lease, loop = self.lease.total_seconds(), asyncio.get_running_loop()
        kept_until = self.asked + lease
        while True:
            await asyncio.sleep(min(_LONGEST_PULSE_SECONDS, lease / _PULSES_IN_A_LEASE))
            asked = monotonic()
            try:
                async with asyncio.timeout_at(loop.time() + kept_until - asked):
                    kept = await self.attempt(heartbeat(self.download.id, worker_id=self.worker_id, lease=self.lease))
            except LeaseLostError as error:
                return error
            except TimeoutError:
                return LeaseLostError(
                    f"download {self.download.id} could not be kept, its lease ran out: it is given up"
                )
            if kept is not False:
                kept_until = asked + lease

    async def _settle(self, handling: asyncio.Task[Result]) -> None:
        """Complete the download, or fail the attempt."""
        problem: BaseException | None = None
        if not handling.done():
            await self._stop(handling)
            problem = TimeoutError(f"it took longer than {self.timeout:g} s")
        elif handling.cancelled():
            problem = RuntimeError("the handler was cancelled, by something else than its worker")
        elif (problem := handling.exception()) is None:
            problem = await self._complete(handling.result())
        if isinstance(problem, LeaseLostError):
            logger.warning("%s", problem)
        elif problem is not None:
            logger.error("an attempt of download %s failed", self.download.id, exc_info=problem)
            message = _as_message(problem)
            try:
                await self._say(lambda: fail(self.download.id, worker_id=self.worker_id, error_message=message))
            except LeaseLostError as error:
                logger.warning("%s", error)

    async def _complete(self, result: Result) -> Exception | None:
        """Complete the download; return the reason if its result can't be stored."""
        try:
            await self._say(
                lambda: complete(
                    self.download.id,
                    worker_id=self.worker_id,
                    file_paths=result.file_paths,
                    plex_collection_id=result.plex_collection_id,
                    metadata=result.metadata,
                )
            )
        except DatabaseUnavailableError:
            raise
        except (MedianestError, TypeError) as error:
            return error
        return None

    async def _say(self, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Tell the database how the download ended, as soon as it can be reached."""
        while await self.attempt(call()) is False:
            pass

    async def _give_back(self, handling: asyncio.Task[Result]) -> None:
        """End the handler because the worker is stopped; what had ended counts, and else the download waits again."""
        had_ended = handling.done()
        await self._stop(handling)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                if had_ended:
                    await self._settle(handling)
                else:
                    await release(self.download.id, worker_id=self.worker_id)
        except (LeaseLostError, DatabaseUnavailableError, TimeoutError) as error:
            logger.warning("download %s was not given back: %s", self.download.id, error)

    async def _stop(self, handling: asyncio.Task[Result]) -> None:
        """Cancel the handler and wait for its clean-up, but not forever."""
        handling.cancel()
        await asyncio.wait({handling}, timeout=_STOP_SECONDS)
        if not handling.done():
            logger.error(
                "the handler of download %s does not end when it is cancelled, and is left alone", self.download.id
            )
        elif not handling.cancelled():
            handling.exception()  # so that asyncio does not warn that nobody retrieved it


def _as_message(problem: BaseException) -> str:
    """Describe an error for people, in characters that can be stored, and without the credentials of a URL in it."""
    text = f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__
    text = re.sub(r"\S+", lambda word: mask_credentials(word[0]), text[:LONGEST])
    return text[:_LONGEST_MESSAGE].replace("\0", "").encode(errors="replace").decode()
