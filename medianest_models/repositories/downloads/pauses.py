"""Pausing the queue for all workers, and resuming it.

The pause is a row of the settings, `youtube.pause`. Claims look for it in the statement that takes a download, so that
every claim that begins after `pause` has committed finds nothing, in any process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from medianest_models.checks import as_aware, as_text
from medianest_models.db.statements import fetch_one
from medianest_models.errors import InvalidInputError

# Raw, because the clock that decides is the database's. All waiters look again: an earlier pause may have been longer.
_PAUSE: Final = """
WITH pause AS (
    INSERT INTO system_config (key, value, description)
    SELECT 'youtube.pause', jsonb_build_object('until', $1::timestamptz, 'reason', $2::text),
        'Until when no download is given to a worker'
    WHERE $1 IS NULL OR $1 > clock_timestamp()
    ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value
    RETURNING value
)
SELECT pg_notify('medianest_downloads', '') FROM pause
"""

# Raw, because the row and the notification belong together.
_RESUME: Final = """
WITH pause AS (DELETE FROM system_config WHERE key = 'youtube.pause' RETURNING value)
SELECT medianest_pause_ends_at(value) > clock_timestamp() AS held, pg_notify('medianest_downloads', '') FROM pause
"""

# Raw, because the claims' own function says when a pause ends.
_STATUS: Final = """
SELECT nullif(medianest_pause_ends_at(value), 'infinity') AS until, value ->> 'reason' AS reason FROM system_config
WHERE key = 'youtube.pause' AND medianest_pause_ends_at(value) > clock_timestamp()
"""


@dataclass(frozen=True)
class Pause:
    """A pause of the queue.

    Attributes:
        until: When it ends by itself; None if only `resume` ends it.
        reason: A text for people.
    """

    until: datetime | None
    reason: str | None


async def pause(*, until: datetime | None = None, reason: str | None = None) -> None:
    """Give no download to any worker until an instant, or until `resume`; it replaces an earlier pause.

    Running downloads go on, and downloads can be added. No claim that begins after this has committed gets anything. A
    claim without a limit in a REPEATABLE READ transaction sees what was there when its transaction began.

    Args:
        until: When the pause ends by itself, by the database's clock.
        reason: Why, for people; at most 500 characters.

    Raises:
        InvalidInputError: `until` is not in the future.
    """
    if until is not None:
        as_aware(until, "until")
    if reason is not None:
        as_text(reason, "reason", max_length=500)
    if await fetch_one(_PAUSE, until, reason) is None:
        raise InvalidInputError("until: must be in the future")


async def resume() -> bool:
    """End the pause, and wake the waiting workers; return whether there was one."""
    row = await fetch_one(_RESUME)
    return row is not None and bool(row["held"])


async def pause_status() -> Pause | None:
    """Return the pause that holds now, if there is one."""
    row = await fetch_one(_STATUS)
    return None if row is None else Pause(row["until"], row["reason"])
