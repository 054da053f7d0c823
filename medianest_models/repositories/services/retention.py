"""Removal of old checks after they are rolled up: uptime and incidents stay exact, for ever.

The row of `kept_history` says since when checks are kept. The trigger's function `medianest_mark_stale_hours` refuses
late checks of earlier hours, because these hours can't be rolled up again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from medianest_models.db.partitions import drop_partitions, end_of_partitions
from medianest_models.db.statements import execute, fetch, in_steps
from medianest_models.db.transactions import transaction
from medianest_models.errors import DatabaseTimeoutError
from medianest_models.repositories._bulk import BATCH_SIZE, FIRST, delete_in_batches, instant_of
from medianest_models.repositories.services.rollups import FINISHED, roll_up
from medianest_models.repositories.services.windows import first_changeable_hour, rolled_until

logger = logging.getLogger("medianest_models.services")

_TABLE: Final = "service_status_history"

# A check counts for five minutes, which may reach into the next hour, so it is kept until that one is finished too.
_INSTANT: Final = f"""
SELECT GREATEST({FIRST}, LEAST($1::timestamptz, {FINISHED} - interval '5 minutes')) AS before
"""

# These two make sure that no transaction is changing checks, because it might not see the new bound. The first fails
# while one has added a service (or changed one), whose checks the second would miss; the second finds those that lock a
# service's row, as a transaction that has changed its checks does.
_LOCK_NEW: Final = "LOCK TABLE services IN SHARE MODE NOWAIT"
_LOCK: Final = """
SELECT (SELECT count(*) FROM services) = (
    SELECT count(*) FROM (SELECT FROM services ORDER BY id FOR UPDATE SKIP LOCKED) AS locked
) AS are_free
"""

# Raises the bound, unless an hour in which the removed checks count is stale or not rolled up.
_RAISE: Final = f"""
INSERT INTO kept_history AS kept (table_name, begins_at)
SELECT '{_TABLE}', $1
WHERE NOT EXISTS (
    SELECT FROM services
    CROSS JOIN LATERAL (SELECT COALESCE({rolled_until("services.id")}, '-infinity') AS rolled_until) AS rolled
    CROSS JOIN (SELECT {first_changeable_hour("$1::timestamptz")} AS changeable) AS bound
    WHERE EXISTS (SELECT FROM stale_service_hours WHERE service_id = services.id AND begins_at < changeable)
        OR rolled_until < changeable AND EXISTS (
            SELECT FROM service_status_history WHERE service_id = services.id
                AND checked_at > rolled_until - interval '5 minutes' AND checked_at < changeable
        )
)
ON CONFLICT (table_name) DO UPDATE SET begins_at = GREATEST(kept.begins_at, EXCLUDED.begins_at)
"""  # noqa: S608 - of constants only

# A ctid, the place of a row, is unique only within a partition, so the row's tableoid is compared too. The checks of
# each service are read from the old end of the index. Rows that another process is deleting are skipped.
_DELETE: Final = """
WITH old AS MATERIALIZED (
    SELECT partition, place FROM services CROSS JOIN LATERAL (
        SELECT tableoid AS partition, ctid AS place FROM service_status_history
        WHERE service_id = services.id AND checked_at < $1
        ORDER BY checked_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS checks LIMIT $2
)
DELETE FROM service_status_history
WHERE checked_at < $1 AND ctid = ANY (ARRAY (SELECT place FROM old))
    AND (tableoid, ctid) IN (SELECT partition, place FROM old)
RETURNING TRUE
"""

_COUNT: Final = "SELECT count(*) AS checks FROM service_status_history WHERE checked_at < $1"


async def drop_history(older_than: timedelta | datetime) -> int:
    """Roll up, then drop the partitions whose months are older than an age or an instant, and return how many.

    Dropping takes milliseconds and gives the space back to the disk. Checks as old as these that are in the default
    partition are deleted row by row. It can be stopped at any time. If another transaction is changing checks, it
    removes nothing, and logs a warning.

    Raises:
        ConfigurationError: The role does not own the table or may not make tables in its schema.
        DatabaseTimeoutError: The table was in use, and no lock was free within `DATABASE_LOCK_TIMEOUT`.
    """
    end = await end_of_partitions(_TABLE, before=await _instant(older_than))
    with in_steps():
        if end is None or not await _raise_bound(end):
            return 0
        dropped = await drop_partitions(_TABLE, before=end)
        await delete_in_batches(_DELETE, end, batch_size=BATCH_SIZE)
    return dropped


async def prune_history(older_than: timedelta | datetime, *, batch_size: int = BATCH_SIZE) -> int:
    """Roll up, then remove the checks that are older than an age or an instant, and return how many.

    Partitions whose whole month is older are dropped, as by `drop_history`. The other checks are deleted in batches,
    each in a transaction of its own: so no lock lasts longer than a batch, and if this is interrupted, the finished
    batches stay deleted. Inside a transaction of the caller neither is true, so call it outside of any. Checks that are
    not rolled up stay. If another transaction is changing checks, it removes nothing, and logs a warning.

    Raises:
        ConfigurationError: A partition is to be dropped, and the role does not own the table or may not make tables in
            its schema.
        DatabaseTimeoutError: The table was in use, and no lock was free within `DATABASE_LOCK_TIMEOUT`.
    """
    before = await _instant(older_than)
    end = await end_of_partitions(_TABLE, before=before)
    removed = 0
    with in_steps():
        if not await _raise_bound(before):
            return 0
        if end is not None:
            (there,) = await fetch(_COUNT, end)
            await drop_partitions(_TABLE, before=end)
            (still,) = await fetch(_COUNT, end)  # in the default partition
            removed = there["checks"] - still["checks"]
        return removed + await delete_in_batches(_DELETE, before, batch_size=batch_size)


async def _instant(older_than: timedelta | datetime) -> datetime:
    """Return the instant before which checks are to be removed: at most the last for which they can be rolled up."""
    (row,) = await fetch(_INSTANT, await instant_of(older_than))
    before: datetime = row["before"]
    return before


async def _raise_bound(before: datetime) -> bool:
    """Roll up, and refuse checks before an instant from now on; return whether that was possible."""
    await roll_up()
    try:
        async with transaction("read committed"):
            await fetch(_LOCK_NEW)
            (services,) = await fetch(_LOCK)
            if services["are_free"] and await execute(_RAISE, before):
                return True
    except DatabaseTimeoutError as error:
        if error.sqlstate != "55P03":
            raise
    logger.warning("no old checks were removed: another transaction is changing checks")
    return False
