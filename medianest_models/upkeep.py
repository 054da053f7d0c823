"""Upkeep: all that must happen in the database from time to time, in one call."""

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
"""For each table whose rows expire, the function that deletes those."""

_LATE_HOURS: Final = 24


@dataclass(frozen=True)
class MaintenanceReport:
    """The outcome of `maintain`.

    Attributes:
        hours_rolled_up: The number of hours of services.
        partitions_made: For each table, the number of months.
        partitions_dropped: For each table whose rows are not kept for ever, the number of months.
        deleted: For each table whose rows are not kept for ever, the number of rows.
        failed: What could not be done, and why not.
    """

    hours_rolled_up: int
    partitions_made: dict[str, int]
    partitions_dropped: dict[str, int]
    deleted: dict[str, int]
    failed: dict[str, str]


async def maintain(*, progress: Callable[[int, int], object] = lambda *_: None) -> MaintenanceReport:
    """Do all that is due: make partitions, roll up, drop old months, delete what is over.

    The settings `retention.checks`, `retention.activity` and `retention.downloads` say what is too old. Any number of
    processes may run it at once: what one of them is doing, the others leave to it. It can be stopped at any time, and
    run again; a transaction around it would undo it then, so call it outside of any. What can't be done is logged and
    reported, and nothing else is left undone because of it.

    Args:
        progress: Called while hours are rolled up, with how many were, and about how many there are in all.
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
    """Say what `maintain` should have done a day ago, or has to do before the month ends; nothing if it runs often."""
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
