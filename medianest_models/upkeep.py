"""Upkeep: the regular work on the database, in one call."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from medianest_models.db.partitions import PARTITIONED, lacks_next_month, make_partitions
from medianest_models.errors import MedianestError
from medianest_models.repositories import activity, downloads, rate_limits, services, sessions
from medianest_models.repositories.system_config import Kept, retention_days

logger = logging.getLogger("medianest_models.upkeep")

DELETE_EXPIRED: Final[Mapping[str, Callable[[], Awaitable[int]]]] = {
    "session_tokens": sessions.delete_expired,
    "rate_limits": rate_limits.delete_expired,
}
"""For each table whose rows expire, the function that deletes the expired ones."""

_LATE_HOURS: Final = 24


@dataclass(frozen=True)
class MaintenanceReport:
    """The outcome of `maintain`.

    Attributes:
        hours_rolled_up: The number of hours that were rolled up, of all services together.
        partitions_made: The number of partitions by table.
        partitions_dropped: The number of partitions by table, for tables with a retention.
        deleted: The number of rows by table, for tables whose rows expire or that have a retention. Rows of dropped
            partitions are not counted.
        failed: The reason for each step that failed.
    """

    hours_rolled_up: int
    partitions_made: dict[str, int]
    partitions_dropped: dict[str, int]
    deleted: dict[str, int]
    failed: dict[str, str]


async def maintain(*, progress: Callable[[int, int], object] = lambda *_: None) -> MaintenanceReport:
    """Make partitions, roll up checks, drop old partitions, and delete expired sessions, rate limits and old downloads.

    The settings `retention.checks`, `retention.activity` and `retention.downloads` say for how long rows are kept. Any
    number of processes may run it at once: they skip what another one is doing, or wait for it. It can be stopped at
    any time and run again. Call it outside of any transaction, whose rollback would undo all of it.
    A step that fails with an error of this package is logged and reported, and the other steps are done all the same.

    Args:
        progress: A function that is called during the roll-up with the number of hours done, and an estimate of all.
    """
    rolled_up = {"hours": 0}
    made: dict[str, int] = {}
    dropped: dict[str, int] = {}
    deleted: dict[str, int] = {}
    failed: dict[str, str] = {}
    steps: list[tuple[str, dict[str, int], str, Callable[[], Awaitable[int | None]]]] = [
        *((f"make partitions of {table}", made, table, partial(make_partitions, table)) for table in PARTITIONED),
        ("roll up checks", rolled_up, "hours", partial(_roll_up, rolled_up, progress)),
        ("drop old checks", dropped, "service_status_history", partial(_remove, "checks", services.drop_history)),
        ("drop old log entries", dropped, "activity_logs", partial(_remove, "activity", activity.drop_months)),
        *((f"delete expired {table}", deleted, table, delete) for table, delete in DELETE_EXPIRED.items()),
        ("delete old downloads", deleted, "youtube_downloads", partial(_remove, "downloads", downloads.prune)),
    ]
    for step, counts, name, do in steps:
        try:
            number = await do()
        except MedianestError as error:
            logger.warning("could not %s: %s", step, error)
            failed[step] = str(error)
        else:
            if number is not None:
                counts[name] = number
    return MaintenanceReport(rolled_up["hours"], made, dropped, deleted, failed)


async def overdue() -> list[str]:
    """List the work that `maintain` should have done a day ago, or has to do before the next month begins."""
    late = [hours for hours in (await services.hours_to_roll_up()).values() if hours > _LATE_HOURS]
    said = [f"the checks of {max(late):,} hours are not rolled up"] if late else []
    said += [f"{table} lacks the next month's partition" for table in PARTITIONED if await lacks_next_month(table)]
    return [f"{what}: let `medianest maintain` run regularly" for what in said]


async def _roll_up(rolled_up: dict[str, int], progress: Callable[[int, int], object]) -> int:
    total = sum((await services.hours_to_roll_up()).values())

    def advance(hours: int) -> None:
        rolled_up["hours"] += hours  # also if it fails later
        progress(rolled_up["hours"], max(rolled_up["hours"], total))

    return await services.roll_up(progress=advance)


async def _remove(kept: Kept, remove: Callable[[timedelta], Awaitable[int]]) -> int | None:
    """Remove what is older than its setting allows; None if there is no such setting."""
    days = await retention_days(kept)
    return None if days is None else await remove(timedelta(days=days))
